"""What a node says of a failure, and when, in a result."""

from datetime import UTC, datetime

from kilnmark.client.errors import ClientError
from kilnmark.client.reports import reports_of
from kilnmark.farm.documents import ContentFile, FarmJob, FarmResult, JobState
from kilnmark.farm.errors import FarmError
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.errors import RequestError
from kilnmark.protocol.wire.replies import JobError, RenderResult

__all__ = ["clock_now", "job_error", "told_ending"]


def job_error(error: KilnmarkError | OSError) -> JobError:
    """A failure as a result has it: the daemon's own, or one of this node."""
    reports = list(reports_of(error)) if isinstance(error, KilnmarkError) else []
    if isinstance(error, RequestError):
        return JobError(
            code=error.code,
            kind=error.kind,
            message=error.message,
            retryable=error.retryable,
            loras=reports,
            trace_id=error.trace_id,
        )
    kind = error.kind if isinstance(error, FarmError | ClientError) else "node_failed"
    return JobError(code=-32000, kind=kind, message=str(error), retryable=True, loras=reports)


def clock_now() -> str:
    """By this machine's clock, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def told_ending(
    job: FarmJob,
    node: str,
    deliveries: int,
    began: str,
    state: JobState,
    *,
    done: tuple[RenderResult, ContentFile] | None = None,
    error: KilnmarkError | OSError | None = None,
    first_line: str = "",
) -> FarmResult:
    """How a job ended at this node, as of now.

    Args:
        job: Which.
        node: The name of this one.
        deliveries: How often it was handed to a node.
        began: When this node began it, as `clock_now` had it.
        state: How it ended.
        done: The daemon's answer, and the picture, where it is done.
        error: Why not, otherwise.
        first_line: Of what a worker wrote of its failure.
    """
    return FarmResult(
        job_id=job.job_id,
        submitter=job.submitter,
        submission=job.submission,
        state=state,
        node=node,
        result=done and done[0],
        picture=done and done[1],
        error=None if error is None else job_error(error),
        first_line=first_line,
        deliveries=deliveries,
        nodes=(node,),
        began=began,
        ended=clock_now(),
        job=job if state == "dead" else None,
    )
