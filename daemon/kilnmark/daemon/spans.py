"""The daemon's own spans: one a render, its wait in the queue, and one a `warm_up` call.

Names and attributes come from the otel room; here it is only decided when a span begins, ends and fails.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Tracer, get_current_span, set_span_in_context

from kilnmark.otel import names
from kilnmark.otel.carrier import Carrier, carrier_of, context_from, span_id_of, trace_id_of
from kilnmark.otel.spans import (
    describe,
    describe_adapter,
    describe_call,
    describe_origin,
    describe_outcome,
    describe_render,
    describe_stack,
    link_to,
    mark_failed,
)
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.errors import AdapterNotEngaged, AdapterRefused, Cancelled, RequestError
from kilnmark.protocol.wire.methods import RENDER, WARM_UP
from kilnmark.protocol.wire.replies import RenderResult

__all__ = ["RenderTrace", "caller_told", "outcome_word", "source_word", "warm_up_span"]


class RenderTrace:
    """The spans of one render, from acceptance to reply.

    Args:
        meta: The caller's trace context.
        command: What is rendered.
        with_prompts: Prompts stand on the span.

    Attributes:
        carrier: The render span's own context, for the worker's spans below it.
        trace_id: 32 hex digits; empty when tracing is off and the caller brought no trace.
        span_id: Of the render's own span, 16 hex digits; empty when tracing is off.
        origin: What the spans of a later daemon that goes on with the render are to be children of: the caller's
            context, or this render's own where it began the trace.
    """

    def __init__(
        self, tracer: Tracer, meta: CallMeta, command: work.RenderCommand, variant: str, *, with_prompts: bool = False
    ) -> None:
        parent = context_from(meta.traceparent, meta.tracestate)
        self._span = tracer.start_span(names.RENDER, context=parent, kind=SpanKind.SERVER)
        describe_call(self._span, RENDER.name)
        describe_render(self._span, command, variant=variant, with_prompts=with_prompts)
        self._tracer = tracer
        self._queue_span = tracer.start_span(names.QUEUE, context=set_span_in_context(self._span))
        self.carrier: Carrier = carrier_of(self._span)
        self.trace_id: str = trace_id_of(self._span)
        self.span_id: str = span_id_of(self._span)
        is_callers = bool(meta.traceparent and self.trace_id) and self.trace_id in (meta.traceparent or "")
        self.origin = Carrier(meta.traceparent, meta.tracestate) if is_callers else self.carrier

    def started(self) -> None:
        """The worker has it now; perhaps another one had it before."""
        if self._queue_span.is_recording():
            self._queue_span.end()

    def waits_again(self) -> None:
        """The worker that had it is gone: what that took is lost, and it waits for the next."""
        self.started()
        self._queue_span = self._tracer.start_span(names.QUEUE, context=set_span_in_context(self._span))
        describe(self._queue_span, {names.REASON: "worker_lost"})

    @property
    def context(self) -> Context:
        """For what is told of the render while no span is open here."""
        return set_span_in_context(self._span, Context())

    def made_by(self, trace_id: str, span_id: str) -> None:
        """Its picture is that of another render, whose span this one points at."""
        link_to(self._span, trace_id, span_id)

    def ended(
        self,
        outcome: RenderResult | RequestError,
        reports: Sequence[AdapterReport],
        *,
        shared_with: str | None = None,
    ) -> None:
        """The reply is ready.

        Args:
            reports: Those made before it ended; an adapter they accuse is the reason that the span names.
            shared_with: The job that the picture was painted as, when it was another one.
        """
        if not self._span.is_recording():
            return  # it was left to a later daemon before its end came after all
        if self._queue_span.is_recording():
            self._queue_span.end()
            if isinstance(outcome, AdapterRefused) and shared_with is None:
                self._refused_here(reports)
        if reports:
            ratio = outcome.stack_delta_ratio if isinstance(outcome, RenderResult) else None
            describe_stack(self._span, reports, ratio)
        describe_outcome(self._span, outcome_word(outcome), source_word(outcome, shared_with))
        accused = bool(reports) and isinstance(outcome, AdapterRefused | AdapterNotEngaged)
        if isinstance(outcome, RenderResult):
            describe_origin(
                self._span,
                cached=outcome.cached,
                shared_with=shared_with,
                numerics=outcome.numerics,
                path=outcome.image_path,
                sha256=outcome.image_sha256,
            )
        elif not accused:
            mark_failed(self._span, outcome.kind, outcome.message)
        self._span.end()

    def _refused_here(self, reports: Sequence[AdapterReport]) -> None:
        """A span for each adapter that no worker came to judge, so that whoever looks for refused ones finds these."""
        for report in reports:
            span = self._tracer.start_span(names.LORA_APPLY, context=set_span_in_context(self._span))
            describe_adapter(span, report)
            span.end()


def outcome_word(outcome: RenderResult | RequestError) -> str:
    """How a job ended, in one of three words."""
    if isinstance(outcome, Cancelled):
        return "cancelled"
    return "failed" if isinstance(outcome, RequestError) else "done"


def source_word(outcome: RenderResult | RequestError, shared_with: str | None) -> str:
    """Where its picture came from, or would have, in one of three words."""
    if isinstance(outcome, RenderResult) and outcome.cached:
        return "cached"
    return "painted" if shared_with is None else "shared"


@contextmanager
def caller_told(meta: CallMeta) -> Iterator[None]:
    """An error that leaves the block names the caller's trace, where it names none and the caller brought one."""
    try:
        yield
    except RequestError as error:
        error.trace_id = error.trace_id or trace_id_of(get_current_span(context_from(meta.traceparent, None)))
        raise


@contextmanager
def warm_up_span(tracer: Tracer, meta: CallMeta, variant: str) -> Iterator[None]:
    """A span around one wait for the base."""
    parent = context_from(meta.traceparent, meta.tracestate)
    span = tracer.start_span(names.WARM_UP, context=parent, kind=SpanKind.SERVER)
    describe_call(span, WARM_UP.name)
    describe(span, {names.RENDER_VARIANT: variant})
    try:
        yield
    except RequestError as error:
        mark_failed(span, error.kind, error.message)
        raise
    finally:
        span.end()
