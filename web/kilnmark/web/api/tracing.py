"""The span of a program's request, by the conventions for servers of HTTP, and the caller's trace that goes on in it.

What is asked of the daemon meanwhile stands below it. Neither tokens nor signatures nor prompts are on it: its path is
the route's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, Tracer

from kilnmark.otel import names
from kilnmark.otel.carrier import context_from
from kilnmark.otel.spans import describe, mark_failed

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["RequestSpan", "request_span"]

_FAILED = 500
"""From this status on it is the server that failed; below, whoever asked did."""


@dataclass(frozen=True)
class RequestSpan:
    """The span of one request."""

    span: Span

    def answered(self, status: int, kind: str, message: str) -> None:
        """Tell how it was answered.

        Args:
            status: Of HTTP.
            kind: Of the error that was told, one of few words; empty: none was.
            message: Of that error.
        """
        describe(self.span, {names.HTTP_STATUS_CODE: status})
        if status >= _FAILED:
            mark_failed(self.span, kind or str(status), message)

    def given_up(self) -> None:
        """Tell that the program is gone, which is no failure."""
        mark_failed(self.span, "cancelled", "")


@contextmanager
def request_span(request: "Request", route: str, tracer: Tracer | None = None) -> Iterator[RequestSpan]:
    """Open the span of a request, within which everything is of the caller's trace.

    Args:
        request: It.
        route: Its route, such as `/v1/models/{model}`.
        tracer: Makes the span; None: the process's own, which does nothing where nobody asked for traces.
    """
    parent = context_from(request.headers.get("traceparent"), request.headers.get("tracestate"))
    tracer = tracer or trace.get_tracer("kilnmark.web")
    span = tracer.start_span(f"{request.method} {route}", parent, SpanKind.SERVER)
    host, _, port = request.headers["host"].rpartition(":")
    describe(
        span,
        {
            names.HTTP_METHOD: request.method,
            names.HTTP_ROUTE: route,
            names.URL_PATH: route,
            names.URL_SCHEME: request.url.scheme,
            names.SERVER_ADDRESS: host,
            names.SERVER_PORT: int(port),
        },
    )
    token = context.attach(trace.set_span_in_context(span, parent))
    try:
        yield RequestSpan(span)
    except Exception as error:
        mark_failed(span, type(error).__name__, str(error))
        raise
    finally:
        context.detach(token)
        span.end()
