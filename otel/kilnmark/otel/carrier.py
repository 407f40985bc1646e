"""Trace context on its way through our messages: W3C `traceparent` and `tracestate`, in and out.

The wire knows this one form only, so the process-wide propagator that other libraries can set is left alone.
"""

from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import Span, format_span_id, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

__all__ = ["Carrier", "carrier_of", "context_from", "span_id_of", "trace_id_of"]

_w3c = TraceContextTextMapPropagator()


class Carrier(NamedTuple):
    """The two fields of W3C trace context as a message carries them; None when there is no trace."""

    traceparent: str | None = None
    tracestate: str | None = None


def context_from(traceparent: str | None, tracestate: str | None = None) -> Context:
    """The context a message carried, as a parent for spans.

    What is not valid W3C trace context begins a new trace, as its specification asks: an empty context.
    """
    if not traceparent:
        return Context()
    return _w3c.extract({"traceparent": traceparent, "tracestate": tracestate or ""}, Context())


def carrier_of(source: Span | Context) -> Carrier:
    """What a message carries so that the other side's spans become children of this span or context."""
    context = set_span_in_context(source, Context()) if isinstance(source, Span) else source
    fields: dict[str, str] = {}
    _w3c.inject(fields, context)
    return Carrier(fields.get("traceparent"), fields.get("tracestate") or None)


def span_id_of(span: Span) -> str:
    """A recorded span's own id, as 16 hex digits; empty when it is not recorded."""
    return format_span_id(span.get_span_context().span_id) if span.is_recording() else ""


def trace_id_of(span: Span) -> str:
    """The trace a span belongs to, as 32 hex digits; empty when it belongs to none.

    A span that is not recorded still belongs to its caller's trace, so that trace's id is told even while our own
    tracing is off.
    """
    context = span.get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else ""
