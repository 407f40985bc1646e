"""The client's span of a render, made with the caller's own tracer provider; without one it costs nothing.

The span is never made current: a render can be an iterator that its caller leaves and comes back to, and a context
that is left open there would adopt the caller's own spans.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from kilnmark.client.errors import ClientError
from kilnmark.otel import names
from kilnmark.otel.carrier import Carrier, carrier_of
from kilnmark.otel.measures import Measures
from kilnmark.otel.settings import Signal
from kilnmark.otel.setup import start
from kilnmark.otel.spans import mark_failed
from kilnmark.protocol.wire.errors import Cancelled, RequestError

__all__ = ["Carrier", "render_span", "traced_command"]


@contextmanager
def traced_command(*, measured: bool = False, service: str = "kilnmark-client") -> Iterator[Measures]:
    """Trace a command of our own, where no caller brought a provider, as the `OTEL_` variables ask for it.

    Args:
        measured: It has metrics of its own, for the measures that are given. What becomes of single renders is the
            daemon's to measure.
        service: What the process is called where no variable says otherwise.
    """
    signals: tuple[Signal, ...] = ("traces", "metrics") if measured else ("traces",)
    telemetry = start(service, signals)
    telemetry.make_global()
    try:
        yield telemetry.measures
    finally:
        telemetry.stop()


@contextmanager
def render_span() -> Iterator[Carrier]:
    """Open the span of one render and give the context that the request carries to the daemon.

    An error that leaves the block marks the span with its `kind`. Leaving it early is no error, and neither is giving
    the render up: a task that is cancelled, and a program that is told to end, did not fail.
    """
    span = trace.get_tracer("kilnmark.client").start_span(names.CLIENT_RENDER, kind=SpanKind.CLIENT)
    try:
        yield carrier_of(span)
    except GeneratorExit:
        raise
    except Exception as error:
        kind = error.kind if isinstance(error, RequestError | ClientError) else type(error).__name__
        mark_failed(span, kind, str(error))
        raise
    except BaseException:
        mark_failed(span, Cancelled.kind, "")
        raise
    finally:
        span.end()
