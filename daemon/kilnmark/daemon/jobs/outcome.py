"""How a render ends, in the words of the wire: the worker's event to a result or an error.

Pure functions of a job and an event; nothing is sent or changed here.
"""

import msgspec

from kilnmark.daemon.jobs.jobs import Job
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.errors import BY_CODE, InternalError, RequestError
from kilnmark.protocol.wire.replies import JobError, JobResult, RenderResult, Timings

__all__ = [
    "error_of",
    "job_result",
    "result_again",
    "result_of",
]


def result_of(job: Job, event: work.Finished, now: float) -> RenderResult:
    """The reply of a job whose render is finished; `total_ms` ends now. One that joined it under way never queued.

    Args:
        now: By the clock that `accepted_at` was read from, in seconds.
    """
    order = job.order
    started = job.render.started_at if job.render.started_at is not None else now
    timings = msgspec.structs.replace(
        event.timings,
        queue_ms=round(max(0.0, started - job.accepted_at) * 1000, 3),
        total_ms=round((now - job.accepted_at) * 1000, 3),
    )
    return RenderResult(
        **order.fields_for(RenderResult),
        job_id=job.job_id,
        image_path=event.image_path,
        timings=timings,
        loras=event.loras,
        stack_delta_ratio=event.stack_delta_ratio,
        stack=order.stack,
        warnings=[*job.warnings, *event.warnings],
        trace_id=job.trace.trace_id,
    )


def result_again(job: Job, made: RenderResult, now: float) -> RenderResult:
    """The reply of a job whose picture was made before: the picture and its reports, under the job's own name.

    Args:
        now: By the clock that `accepted_at` was read from, in seconds.
    """
    return msgspec.structs.replace(
        made,
        job_id=job.job_id,
        timings=Timings(total_ms=round((now - job.accepted_at) * 1000, 3)),
        stack=job.order.stack,
        warnings=list(job.warnings),
        trace_id=job.trace.trace_id,
        cached=True,
    )


def error_of(job: Job, event: work.Failed) -> RequestError:
    """The error of a job whose render failed; the adapters' reports travel in its detail."""
    cls = BY_CODE.get(event.code, InternalError)
    return cls(event.message, job_id=job.job_id, detail={"loras": event.loras} if event.loras else None)


def job_result(job: Job) -> JobResult:
    """A job as it is now, and what it ended with, for whoever asks."""
    outcome = job.outcome
    if not isinstance(outcome, RequestError):
        return JobResult(job=job.info, result=outcome)
    error = JobError(code=outcome.code, kind=outcome.kind, message=outcome.message, retryable=outcome.retryable)
    return JobResult(job=job.info, error=error)
