"""What collectors answer: whatever they did not take is counted and told, and no answer is read without end."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent import futures

import grpc  # type: ignore[import-untyped]
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from kilnmark.otel import names
from kilnmark.otel.settings import ALL_SIGNALS
from kilnmark.otel.setup import Telemetry, start
from tests.otel.test_signals import logged

SOME_TAKEN = ExportTraceServiceResponse(
    partial_success=ExportTracePartialSuccess(rejected_spans=2, error_message="too old")
)


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *lines])
    return head.encode() + b"\r\n\r\n" + body


class Collector:
    """Answers each request on loopback with the same bytes, or with what follows them for as long as it is read."""

    def __init__(self, said: bytes, on_and_on: bytes = b"") -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._said = said
        self._on_and_on = on_and_on
        self.sent = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)  # it wakes who accepts, which closing does not
        self._listening.close()
        self._thread.join(5.0)

    def _serve(self) -> None:
        while True:
            try:
                asking, _ = self._listening.accept()
            except OSError:
                return
            with asking:
                _read_request(asking)
                try:
                    asking.sendall(self._said)
                    while self._on_and_on:
                        asking.sendall(self._on_and_on)
                        self.sent += len(self._on_and_on)
                except OSError:
                    continue


def _read_request(asking: socket.socket) -> None:
    with asking.makefile("rb") as file:
        length = 0
        while (line := file.readline()).strip():
            name, _, value = line.decode().partition(":")
            length = int(value) if name.lower() == "content-length" else length
        file.read(length)


@pytest.fixture
def collecting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Collector]]:
    made: list[Collector] = []

    def collect(*said: bytes) -> Collector:
        made.append(Collector(*said))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made[-1].endpoint)
        return made[-1]

    yield collect
    for collector in made:
        collector.close()


def trace_three(telemetry: Telemetry) -> int:
    """Three spans; how many of them are known to be lost."""
    for _ in range(3):
        telemetry.tracer.start_span("fired").end()
    telemetry.stop()
    return telemetry.drops.of("traces")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (answer("400 Bad Request"), "Bad Request"),
        (answer("401 Unauthorized"), "Unauthorized"),
        (answer("429 Too Many Requests", Retry_After="60"), "timeout"),
        (answer("503 Service Unavailable", Retry_After="1e308"), "timeout"),
        (answer("307 Temporary Redirect", Location="https://elsewhere/v1/traces"), "https://elsewhere/v1/traces"),
        (answer("301 Moved Permanently"), "set OTEL_EXPORTER_OTLP_ENDPOINT"),
        (answer("200 OK", b"<html>hello", Content_Type="text/html; charset=utf-8"), "a web page was answered"),
        (answer("200 OK", b"x" * 100)[:-50], "IncompleteRead"),
    ],
)
def test_what_is_not_taken_is_counted_and_told(
    collecting: Callable[..., Collector], caplog: pytest.LogCaptureFixture, said: bytes, told: str
) -> None:
    collecting(said)
    assert trace_three(start("pottery")) == 3
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("telemetry is not being delivered")
    assert told in line


@pytest.mark.parametrize("body", [b"", b"no message at all", ExportTraceServiceResponse().SerializeToString()])
def test_what_is_taken_is_not(collecting: Callable[..., Collector], body: bytes) -> None:
    collecting(answer("200 OK", body))
    assert trace_three(start("pottery")) == 0


def test_what_a_collector_says_it_did_not_take_is_counted(
    collecting: Callable[..., Collector], caplog: pytest.LogCaptureFixture
) -> None:
    collecting(answer("200 OK", SOME_TAKEN.SerializeToString()))
    assert trace_three(start("pottery")) == 2
    assert "did not take 2 of the traces (too old)" in caplog.text


@pytest.mark.parametrize(
    ("signal", "said"),
    [
        (
            "metrics",
            ExportMetricsServiceResponse(partial_success=ExportMetricsPartialSuccess(rejected_data_points=7)),
        ),
        ("logs", ExportLogsServiceResponse(partial_success=ExportLogsPartialSuccess(rejected_log_records=7))),
    ],
)
def test_so_are_points_and_lines(
    collecting: Callable[..., Collector],
    monkeypatch: pytest.MonkeyPatch,
    signal: str,
    said: ExportMetricsServiceResponse | ExportLogsServiceResponse,
) -> None:
    monkeypatch.setenv(f"OTEL_{signal.upper()}_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER" if signal == "metrics" else "OTEL_METRICS_EXPORTER", "none")
    collecting(answer("200 OK", said.SerializeToString()))
    telemetry = start("pottery", ALL_SIGNALS)
    telemetry.measures.count(names.IMAGES)
    if telemetry.logs is not None:
        logged(telemetry, "fired")
    telemetry.stop()
    assert telemetry.drops.all == 7


def test_points_that_are_not_taken_are_counted_one_by_one(collecting: Callable[..., Collector]) -> None:
    collecting(answer("400 Bad Request"))
    telemetry = start("pottery", ALL_SIGNALS)
    for variant in ("dev", "schnell"):
        telemetry.measures.count(names.IMAGES, 1, {names.RENDER_VARIANT: variant})
    telemetry.stop()
    assert telemetry.drops.of("metrics") == 2 + len(ALL_SIGNALS)


def test_an_answer_without_an_end_is_not_read(
    collecting: Callable[..., Collector], caplog: pytest.LogCaptureFixture
) -> None:
    collector = collecting(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * (1 << 20))
    assert trace_three(start("pottery")) == 3
    assert "has no end" in caplog.text
    assert collector.sent < 32 << 20


def test_an_answer_that_drips_takes_no_longer_than_any_other(
    collecting: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    collecting(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")
    assert trace_three(start("pottery")) == 3


def test_over_grpc_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    class Service(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(  # noqa: N802 - the service's own name
            self, request: ExportTraceServiceRequest, context: object
        ) -> ExportTraceServiceResponse:
            return SOME_TAKEN

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    assert trace_three(start("pottery")) == 2
    server.stop(grace=None).wait(5.0)
