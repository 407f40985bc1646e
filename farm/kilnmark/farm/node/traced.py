"""The spans of a job on its node: children of the submitter's, whatever machine that was on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind

from kilnmark.farm.documents import FarmJob, FarmResult
from kilnmark.otel import names
from kilnmark.otel.carrier import context_from
from kilnmark.otel.spans import describe, mark_failed

__all__ = ["end_job", "job_span", "part_span"]

_TRACER = "kilnmark.farm"


@contextmanager
def job_span(headers: Mapping[str, str] | None, job: FarmJob, node: str) -> Iterator[Span]:
    """The span of one job, current within the block.

    Args:
        headers: Of the broker's message: W3C trace context, where its submitter was traced.
        job: It.
        node: Who has it.
    """
    said = headers or {}
    parent = context_from(said.get("traceparent"), said.get("tracestate"))
    tracer = trace.get_tracer(_TRACER)
    with tracer.start_as_current_span(
        names.FARM_JOB, parent, SpanKind.CONSUMER, record_exception=False, set_status_on_exception=False
    ) as span:
        describe(span, {names.RENDER_JOB_ID: job.job_id, names.FARM_NODE: node, names.FARM_SUBMITTER: job.submitter})
        yield span


@contextmanager
def part_span(name: names.SpanName) -> Iterator[Span]:
    """The span of a part of it. An error that leaves the block marks it."""
    tracer = trace.get_tracer(_TRACER)
    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield span
        except Exception as error:
            mark_failed(span, getattr(error, "kind", type(error).__name__), str(error))
            raise


def end_job(span: Span, ending: FarmResult | None, *, counts: bool = False, error: BaseException | None = None) -> None:
    """Put on a job's span how that ended there.

    Args:
        span: It.
        ending: How; None: the broker hands it out again.
        counts: Whether that is the result.
        error: Why it was given back.
    """
    state = "given_back" if ending is None else ending.state
    describe(span, {names.FARM_STATE: state, names.FARM_COUNTS: counts})
    if ending is not None and ending.error is not None and ending.state != "cancelled":
        mark_failed(span, ending.error.kind, ending.error.message)
    elif ending is None and error is not None:
        mark_failed(span, getattr(error, "kind", type(error).__name__), str(error))
