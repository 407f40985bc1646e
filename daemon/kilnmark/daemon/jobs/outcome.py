"""How a job ends, in the words of the wire: the worker's event to a result or an error, a job to what is told of it.

Pure functions; nothing is sent or changed here.
"""

from datetime import UTC, datetime

import msgspec

from kilnmark.daemon.jobs.events import JobAccepted, JobEnded
from kilnmark.daemon.jobs.jobs import Job
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.errors import BY_CODE, InternalError, RequestError
from kilnmark.protocol.wire.replies import JobError, JobResult, RenderResult, Timings
from kilnmark.protocol.wire.status import JobInfo

__all__ = [
    "error_again",
    "error_of",
    "job_info",
    "job_result",
    "outcome_again",
    "result_again",
    "result_of",
    "style_of",
    "written",
    "written_error",
]


TOLD_PROMPT, TOLD_REASON = 80, 200
"""Characters of a prompt, and of why there is no picture, that are told where jobs are listed."""


def result_of(facts: JobAccepted, event: work.Finished, timings: Timings, trace_id: str) -> RenderResult:
    """The reply of a job whose render is finished."""
    return RenderResult(
        **facts.command.fields_for(RenderResult),
        job_id=facts.job_id,
        image_path=event.image_path,
        image_sha256=event.image_sha256,
        notice=event.notice,
        timings=timings,
        loras=event.loras,
        stack_delta_ratio=event.stack_delta_ratio,
        stack=facts.command.stack,
        warnings=[*facts.warnings, *event.warnings],
        trace_id=trace_id,
        numerics=event.numerics,
    )


def result_again(facts: JobAccepted, made: RenderResult, timings: Timings, trace_id: str) -> RenderResult:
    """The reply of a job whose picture was made before: the picture and its reports, under the job's own name."""
    return msgspec.structs.replace(
        made,
        job_id=facts.job_id,
        timings=timings,
        stack=facts.command.stack,
        warnings=list(facts.warnings),
        trace_id=trace_id,
        cached=True,
    )


def error_of(job_id: str, event: work.Failed) -> RequestError:
    """The error of a job whose render failed; the adapters' reports travel in its detail."""
    cls = BY_CODE.get(event.code, InternalError)
    return cls(event.message, job_id=job_id, detail={"loras": event.loras} if event.loras else None)


def written_error(error: RequestError) -> JobError:
    """An error as it is written down and told afterwards: of its detail the adapters' reports stay."""
    loras = error.detail.get("loras", []) if isinstance(error.detail, dict) else []
    return JobError(
        code=error.code,
        kind=error.kind,
        message=error.message,
        retryable=error.retryable,
        loras=loras,
        trace_id=error.trace_id,
    )


def written(outcome: RenderResult | RequestError) -> RenderResult | JobError:
    """How a job ended, as it is written down."""
    return written_error(outcome) if isinstance(outcome, RequestError) else outcome


def error_again(error: JobError, job_id: str) -> RequestError:
    """The error that was written down, to be raised."""
    detail = {"loras": error.loras} if error.loras else None
    raised = BY_CODE.get(error.code, InternalError)(
        error.message, job_id=job_id, detail=detail, retryable=error.retryable
    )
    raised.trace_id = error.trace_id
    return raised


def outcome_again(ended: JobEnded) -> RenderResult:
    """What a job ended with, for a request that asks for it again.

    Raises:
        RequestError: that is an error.
    """
    if ended.result is None:
        raise error_again(ended.error or written_error(InternalError("the job has no outcome")), ended.job_id)
    return msgspec.structs.replace(ended.result, cached=True)


def job_info(job: Job, step: int, paused: str | None = None) -> JobInfo:
    """A job as it is listed.

    Args:
        step: Denoise steps done, as long as it is open.
        paused: Why it is not begun though its turn may have come; None: nothing is in its way.
    """
    made = None if job.ended is None else job.ended.result
    return JobInfo(
        job_id=job.job_id,
        state=job.state,
        step=step if job.ended is None else job.ended.step,
        steps=job.facts.command.steps,
        priority=job.facts.params.priority,
        shared_with=job.shared_with,
        paused=paused,
        accepted=_moment(job.facts.at),
        ended="" if job.ended is None else _moment(job.ended.at),
        painted_ms=None if made is None or made.cached else made.timings.painting_ms,
        cached=made is not None and made.cached,
        prompt=job.facts.params.prompt[:TOLD_PROMPT],
        style=style_of(job.facts),
        reason="" if job.ended is None or job.ended.error is None else job.ended.error.message[:TOLD_REASON],
    )


def style_of(facts: JobAccepted) -> str:
    """Genre, world and tier of a job in one text; empty where it names none."""
    stack = facts.command.stack
    place = "/".join(name for name in (stack.genre, stack.world) if name is not None)
    return ", ".join(name for name in (place, facts.command.tier) if name)


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def job_result(job: Job, step: int = 0, paused: str | None = None) -> JobResult:
    """A job as it is now, and what it ended with, for whoever asks; the rest as for `job_info`."""
    info = job_info(job, step, paused)
    return JobResult(
        job=info,
        result=None if job.ended is None else job.ended.result,
        error=None if job.ended is None else job.ended.error,
    )
