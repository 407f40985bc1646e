"""The span of a request: the caller's trace, what stands on it, and what is a failure."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from starlette.requests import Request

from kilnmark.web.api.tracing import request_span

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ROUTE = "/signed/{expires}/{signature}/{name}"


@dataclass(frozen=True)
class Traced:
    tracer: Tracer
    kept: InMemorySpanExporter

    @property
    def span(self) -> ReadableSpan:
        [found] = self.kept.get_finished_spans()
        return found


@pytest.fixture
def traced() -> Iterator[Traced]:
    provider, kept = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    yield Traced(provider.get_tracer("test"), kept)
    provider.shutdown()


def request(**headers: str) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": "/signed/12/secret/a.png",
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1:7340"), *((k.encode(), v.encode()) for k, v in headers.items())],
        }
    )


def test_it_stands_below_the_callers_and_above_what_is_asked_meanwhile(traced: Traced) -> None:
    with request_span(request(traceparent=f"00-{TRACE}-{PARENT}-01"), ROUTE, traced.tracer) as given:
        current = trace.get_current_span()
        given.answered(200, "", "")
    assert current is given.span
    assert trace.get_current_span() is not given.span
    span = traced.span
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert (span.name, span.kind, span.status.status_code) == (f"GET {ROUTE}", SpanKind.SERVER, StatusCode.UNSET)
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": ROUTE,
        "url.path": ROUTE,
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": 7340,
        "http.response.status_code": 200,
    }


@pytest.mark.parametrize(
    ("status", "kind", "failed"),
    [(200, "", ""), (422, "adapter_not_engaged", ""), (503, "draining", "draining"), (500, "", "500")],
)
def test_only_what_the_server_failed_at_is_an_error(traced: Traced, status: int, kind: str, failed: str) -> None:
    with request_span(request(), ROUTE, traced.tracer) as given:
        given.answered(status, kind, "why")
    assert (traced.span.attributes or {}).get("error.type", "") == failed
    assert (traced.span.status.status_code is StatusCode.ERROR) == bool(failed)


def test_a_program_that_hung_up_is_no_failure(traced: Traced) -> None:
    with request_span(request(), ROUTE, traced.tracer) as given:
        given.given_up()
    assert traced.span.status.status_code is StatusCode.UNSET
    assert "http.response.status_code" not in (traced.span.attributes or {})


def test_a_defect_is_an_error_of_its_span(traced: Traced) -> None:
    with pytest.raises(ZeroDivisionError), request_span(request(), ROUTE, traced.tracer):
        raise ZeroDivisionError
    assert (traced.span.attributes or {})["error.type"] == "ZeroDivisionError"
