"""Tracing from start to stop against a real exporter: alive, off, dead, and without its packages."""

import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc  # type: ignore[import-untyped]
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from kilnmark.otel import setup
from kilnmark.otel.receiver import Receiver
from kilnmark.otel.setup import STOP_DEADLINE, TracingMisconfigured, carrier_of, context_from, start, trace_id_of

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port that is taken and refuses every connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield listening.getsockname()[1]


def test_with_no_variable_there_is_no_sdk_and_no_thread() -> None:
    threads = threading.active_count()
    telemetry = start("test")
    assert not telemetry.enabled
    assert threading.active_count() == threads
    assert not telemetry.tracer.start_span("x").is_recording()
    telemetry.stop()


def test_a_light_process_that_traces_nothing_never_imports_the_sdk() -> None:
    program = (
        "import sys, json; from kilnmark.otel.setup import start; start('x').stop();"
        "heavy = ('opentelemetry.sdk', 'opentelemetry.exporter', 'grpc', 'google', 'requests');"
        "print(json.dumps([name for name in sys.modules if name.startswith(heavy)]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == []
    assert done.stderr == ""


def test_a_span_reaches_the_receiver_in_its_callers_trace(receiver: Receiver) -> None:
    telemetry = start("pottery")
    assert telemetry.enabled
    with telemetry.tracer.start_as_current_span("outer", context=context_from(PARENT, "vendor=1")) as outer:
        assert trace_id_of(outer) == TRACE_ID
        inside = carrier_of(outer)
        telemetry.tracer.start_span("inner", context=context_from(*inside)).end()
    telemetry.stop()
    inner, outer_received = sorted(receiver.wait_for(lambda spans: len(spans) == 2), key=lambda span: span.name)
    assert inner.trace_id == outer_received.trace_id == TRACE_ID
    assert (outer_received.parent_id, inner.parent_id) == ("00f067aa0ba902b7", outer_received.span_id)
    assert inner.service == "pottery"


@pytest.mark.parametrize(
    ("name", "value", "service"),
    [
        ("OTEL_SERVICE_NAME", "named", "named"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=listed,team=x", "listed"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=x", "pottery"),
    ],
)
def test_the_users_service_name_wins(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, name: str, value: str, service: str
) -> None:
    monkeypatch.setenv(name, value)
    telemetry = start("pottery")
    telemetry.tracer.start_span("x").end()
    telemetry.stop()
    assert receiver.wait_for(bool)[0].service == service


def test_compression_asked_for_by_variable_arrives(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    telemetry = start("x")
    telemetry.tracer.start_span("packed").end()
    telemetry.stop()
    assert receiver.wait_for(bool)[0].name == "packed"


def test_the_sampler_asked_for_is_obeyed(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    telemetry = start("x")
    span = telemetry.tracer.start_span("x")
    assert not span.is_recording()
    span.end()
    telemetry.stop()
    assert receiver.spans == []


def test_the_console_exporter_writes_to_stderr_and_leaves_stdout_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    telemetry = start("x")
    telemetry.tracer.start_span("shown").end()
    telemetry.stop()
    shown = capsys.readouterr()
    assert '"shown"' in shown.err
    assert shown.out == ""


def test_grpc_reaches_a_real_grpc_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with grpc_server() as (port, names):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        telemetry = start("x")
        telemetry.tracer.start_span("through grpc").end()
        telemetry.stop()
    assert names == ["through grpc"]


@contextmanager
def grpc_server() -> Iterator[tuple[int, list[str]]]:
    names: list[str] = []

    class Service(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(  # noqa: N802 - the service's own name
            self, request: trace_service_pb2.ExportTraceServiceRequest, context: object
        ) -> trace_service_pb2.ExportTraceServiceResponse:
            names.extend(span.name for r in request.resource_spans for s in r.scope_spans for span in s.spans)
            return trace_service_pb2.ExportTraceServiceResponse()

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Service(), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port, names
    finally:
        server.stop(grace=None).wait(5.0)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("dead", [refusing_port, silent_port])
def test_a_dead_collector_delays_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, protocol: str, dead: object
) -> None:
    assert callable(dead)
    with dead() as port:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "4")
        start("warm").stop(0.0)
        with caplog.at_level(logging.WARNING):
            begun = time.perf_counter()
            telemetry = start("x")
            for _ in range(200):
                telemetry.tracer.start_span("x", attributes={"a": 1}).end()
            telemetry.stop(0.1)
            took = time.perf_counter() - begun
    assert took < 2
    told = [record.getMessage() for record in caplog.records if record.name.startswith("opentelemetry")]
    assert len(told) <= 1
    assert all(message.startswith("telemetry is not being delivered: ") for message in told)


@pytest.fixture(scope="module", autouse=True)
def leaving() -> Iterator[subprocess.Popen[str]]:
    """A process whose collector is dead, begun before all else here: it takes its time by its own clock."""
    program = (
        "from kilnmark.otel.setup import start\n"
        "telemetry = start('x')\n"
        "[telemetry.tracer.start_span('x').end() for _ in range(2000)]\n"
        "import time; begun = time.perf_counter(); telemetry.stop(); print(time.perf_counter() - begun)\n"
    )
    with refusing_port() as port:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_TIMEOUT": "60"}
        command = [sys.executable, "-c", program]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
            yield process
            process.kill()


def test_a_process_with_a_dead_collector_leaves_in_time_and_says_so_once(leaving: subprocess.Popen[str]) -> None:
    took, said = leaving.communicate(timeout=50)
    assert leaving.returncode == 0
    assert STOP_DEADLINE < 3
    assert float(took) < 20
    assert len(said.splitlines()) == 1
    assert "telemetry is not being delivered" in said


def test_stopping_twice_is_harmless(receiver: Receiver) -> None:
    telemetry = start("x")
    telemetry.tracer.start_span("once").end()
    telemetry.stop()
    telemetry.stop()
    assert [span.name for span in receiver.spans] == ["once"]


def test_a_wrong_variable_is_told_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "smoke signals")
    with pytest.raises(TracingMisconfigured, match="OTEL_TRACES_EXPORTER is 'smoke signals'"):
        start("x")


@contextmanager
def without_packages(*names: str) -> Iterator[None]:
    """Makes packages look as if they were not installed, as in the light install."""
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(names)}
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(hidden)


def test_without_the_sdk_a_wish_for_traces_is_answered_once_by_the_extras_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    setup._tell_missing.cache_clear()
    with without_packages("opentelemetry.sdk"):
        assert not start("x").enabled
        assert not start("x").enabled
    [record] = caplog.records
    assert "opentelemetry-sdk is not installed" in record.getMessage()
    assert "kilnmark[daemon]" in record.getMessage()
