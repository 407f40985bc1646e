"""Metrics and logs on their way out, to a real receiver and to whoever asks as Prometheus does; and what is dropped."""

import logging
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress

import pytest

from kilnmark.otel import names
from kilnmark.otel.receiver import Receiver
from kilnmark.otel.settings import ALL_SIGNALS, TelemetryOptions
from kilnmark.otel.setup import STOP_DEADLINE, Telemetry, TracingMisconfigured, start


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A collector that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{listening.getsockname()[1]}")
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "otlp")
        yield
        turn_away(listening)


def turn_away(listening: socket.socket) -> None:
    """Refuse all who wait and all who come for good, until no exporter is left; it would come again for ten seconds."""
    listening.settimeout(0.01)
    while any(thread.name.startswith("Otel") for thread in threading.enumerate()):
        with suppress(TimeoutError):
            asking, _ = listening.accept()
            with asking, suppress(ConnectionError):
                asking.recv(65536)
                asking.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def logged(telemetry: Telemetry, line: str, **extra: str) -> None:
    logger = logging.getLogger("kilnmark.test.signals")
    logger.setLevel(logging.INFO)
    assert telemetry.logs is not None
    logger.addHandler(telemetry.logs)
    try:
        logger.info(line, extra=extra)
    finally:
        logger.removeHandler(telemetry.logs)


def test_a_metric_reaches_the_receiver_with_its_unit_and_its_exemplar(receiver: Receiver) -> None:
    telemetry = start("pottery", ALL_SIGNALS)
    with telemetry.tracer.start_as_current_span("render") as span:
        telemetry.measures.record(names.RENDER_DURATION, 4.0, {names.RENDER_TIER: "portrait"})
        trace_id = format(span.get_span_context().trace_id, "032x")
    telemetry.stop()
    (point,) = [point for point in receiver.points if point.name == "flux_mlx.render.duration"]
    assert (point.unit, point.kind, point.value, point.count) == ("s", "histogram", 4.0, 1)
    assert (point.service, point.attributes) == ("pottery", {"render.tier": "portrait"})
    assert point.trace_ids == (trace_id,)


def test_a_process_that_only_traces_sends_no_metrics(receiver: Receiver) -> None:
    telemetry = start("worker")
    assert not telemetry.measures.is_on
    telemetry.stop()
    assert receiver.points == []


def test_lines_of_logs_leave_only_when_they_are_asked_for(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry = start("pottery", ALL_SIGNALS)
    assert telemetry.logs is None
    telemetry.stop()
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "otlp")
    telemetry = start("pottery", ALL_SIGNALS)
    with telemetry.tracer.start_as_current_span("render") as span:
        logged(telemetry, "fired", job_id="one")
        trace_id = format(span.get_span_context().trace_id, "032x")
    telemetry.stop()
    (line,) = receiver.lines
    assert (line.body, line.severity, line.service, line.trace_id) == ("fired", "INFO", "pottery", trace_id)
    assert line.attributes["job_id"] == "one"


def test_prometheus_is_given_a_page(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    telemetry = start("pottery", ALL_SIGNALS, options=TelemetryOptions(metrics_port=0))
    telemetry.measures.count(names.ADAPTERS, 1, {names.LORA_VERDICT: "noop"})
    address = next(word for record in caplog.records for word in record.getMessage().split() if "/metrics" in word)
    with urllib.request.urlopen(address, timeout=10) as answer:
        page = answer.read().decode()
    telemetry.stop()
    assert address.startswith("http://127.0.0.1:")
    dead = [line for line in page.splitlines() if 'render_lora_verdict="noop"' in line]
    assert dead[0].startswith("flux_mlx_lora_adapters_total{")
    assert dead[0].endswith(" 1.0")


def test_a_port_that_is_taken_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(TracingMisconfigured, match="that can be listened on"):
            start("pottery", ALL_SIGNALS, options=TelemetryOptions(taken.getsockname()[1]))


@pytest.mark.usefixtures("hanging")
def test_a_hanging_collector_costs_what_stopping_may_take_and_counted_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
    telemetry = start("pottery", ALL_SIGNALS)
    began = time.monotonic()
    for _ in range(100):
        telemetry.tracer.start_span("lost").end()
    telemetry.measures.count(names.IMAGES)
    logged(telemetry, "lost")
    assert time.monotonic() - began < 1.0
    telemetry.stop(0.2)
    assert time.monotonic() - began < STOP_DEADLINE + 1.0
    assert telemetry.drops.of("traces") >= 90
    assert telemetry.drops.all >= telemetry.drops.of("traces")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_METRICS_EXPORTER", "statsd"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "often"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "sometimes"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "some"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "collector:4318"),
        ("OTEL_LOGS_EXPORTER", "file"),
    ],
)
def test_a_wrong_value_for_another_signal_is_told_too(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(TracingMisconfigured, match=name):
        start("pottery", ALL_SIGNALS)


def test_a_page_for_prometheus_by_the_standard_variables_has_a_wrong_port_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus")
    monkeypatch.setenv("OTEL_EXPORTER_PROMETHEUS_PORT", "99999")
    with pytest.raises(TracingMisconfigured, match="OTEL_EXPORTER_PROMETHEUS_PORT"):
        start("pottery", ALL_SIGNALS)
