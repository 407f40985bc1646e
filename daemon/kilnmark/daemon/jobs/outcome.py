"""How a job ends, in the words of the wire: the worker's event to a result or an error, a job to what is told of it.

Pure functions; nothing is sent or changed here.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from kilnmark.daemon.jobs.events import JobAccepted, JobEnded
from kilnmark.daemon.jobs.jobs import Job
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.errors import BY_CODE, InternalError, RequestError
from kilnmark.protocol.wire.jobs import AdapterBadge, JobInfo
from kilnmark.protocol.wire.replies import JobError, JobResult, RenderResult, Timings

__all__ = [
    "Traced",
    "badges_of",
    "error_again",
    "error_of",
    "job_info",
    "job_result",
    "moment_words",
    "outcome_again",
    "reports_of",
    "result_again",
    "result_of",
    "style_of",
    "written",
    "written_error",
]


class Traced(Protocol):
    """What has a span of its own: `RenderTrace`."""

    trace_id: str
    span_id: str


TOLD_PROMPT, TOLD_REASON = 80, 200
"""Characters of a prompt, and of why there is no picture, that are told where jobs are listed."""

DEAD = (Verdict.NOOP, Verdict.REFUSED)
"""Of an adapter that changed nothing."""

TRACEPARENT_DASHES = 3
"""Within the header of W3C Trace Context, version 00: version, trace, span and flags."""


def result_of(facts: JobAccepted, event: work.Finished, timings: Timings, trace: Traced) -> RenderResult:
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
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        numerics=event.numerics,
    )


def result_again(facts: JobAccepted, made: RenderResult, timings: Timings, trace: Traced) -> RenderResult:
    """The reply of a job whose picture was made before: the picture and its reports, under the job's own name."""
    return msgspec.structs.replace(
        made,
        job_id=facts.job_id,
        timings=timings,
        stack=facts.command.stack,
        warnings=list(facts.warnings),
        trace_id=trace.trace_id,
        span_id=trace.span_id,
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
    facts, command = job.facts, job.facts.command
    adapters = badges_of(job)
    return JobInfo(
        job_id=job.job_id,
        state=job.state,
        step=step if job.ended is None else job.ended.step,
        steps=command.steps,
        priority=job.priority,
        shared_with=job.shared_with,
        paused=paused,
        accepted=moment_words(facts.at),
        ended="" if job.ended is None else moment_words(job.ended.at),
        painted_ms=None if made is None or made.cached else made.timings.painting_ms,
        adapters_ms=None if made is None or made.cached else made.timings.adapters_ms,
        cached=made is not None and made.cached,
        prompt=facts.params.prompt[:TOLD_PROMPT],
        style=style_of(facts),
        reason="" if job.ended is None or job.ended.error is None else job.ended.error.message[:TOLD_REASON],
        tier=command.tier or "",
        genre=command.stack.genre or "",
        world=command.stack.world or "",
        variant=command.variant,
        seed=command.seed,
        width=command.width,
        height=command.height,
        image_path="" if made is None else made.image_path,
        image_sha256="" if made is None else made.image_sha256,
        trace_id=trace_of(job),
        adapters=adapters,
        dead=sum(badge.verdict in DEAD for badge in adapters),
        notify_url=facts.params.notify_url or "",
        partial=sum(badge.verdict is Verdict.PARTIAL for badge in adapters),
    )


def badges_of(job: Job) -> list[AdapterBadge]:
    """The stack of a job: what was judged of it, and of the others what was asked for."""
    reports = reports_of(job)
    command = job.facts.command
    asked = zip(command.lora_names[len(reports) :], command.lora_scales[len(reports) :], strict=True)
    return [
        *(
            AdapterBadge(
                name=report.name,
                verdict=report.verdict,
                matched=report.matched_key_count,
                total=report.total_key_count,
                scale=report.scale,
                sha256=report.sha256,
            )
            for report in reports
        ),
        *(AdapterBadge(name=name, scale=scale) for name, scale in asked),
    ]


def reports_of(job: Job) -> Sequence[AdapterReport]:
    """What each adapter of a job did, in stack order, as far as it is known."""
    ended = None if job.ended is None else job.ended.result or job.ended.error
    return () if ended is None else ended.loras


def trace_of(job: Job) -> str:
    """The trace that the spans of a job belong to, 32 hex digits; empty when tracing is off."""
    ended = None if job.ended is None else job.ended.result or job.ended.error
    if ended is not None:
        return ended.trace_id
    traceparent = job.facts.traceparent or ""
    return traceparent.split("-")[1] if traceparent.count("-") == TRACEPARENT_DASHES else ""


def style_of(facts: JobAccepted) -> str:
    """Genre, world and tier of a job in one text; empty where it names none."""
    stack = facts.command.stack
    place = "/".join(name for name in (stack.genre, stack.world) if name is not None)
    return ", ".join(name for name in (place, facts.command.tier) if name)


def moment_words(at: float) -> str:
    """A moment, in seconds since 1970, as it is told: UTC, ISO 8601."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def job_result(job: Job, step: int = 0, paused: str | None = None) -> JobResult:
    """A job as it is now, and what it ended with, for whoever asks; the rest as for `job_info`."""
    info = job_info(job, step, paused)
    return JobResult(
        job=info,
        result=None if job.ended is None else job.ended.result,
        error=None if job.ended is None else job.ended.error,
    )
