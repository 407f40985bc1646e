"""What a node says of a failure, and when, in a result."""

from datetime import UTC, datetime

from kilnmark.client.errors import ClientError
from kilnmark.client.reports import reports_of
from kilnmark.farm.errors import FarmError
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.errors import RequestError
from kilnmark.protocol.wire.replies import JobError

__all__ = ["clock_now", "job_error"]


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
