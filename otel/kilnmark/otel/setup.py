"""Telemetry from start to stop, as the standard `OTEL_` variables ask for it and as little else does.

With no collector named there is no SDK, no thread and no noise: spans are no-ops that still pass a caller's trace on.
With a dead collector nothing waits: what it does not take is dropped and counted, one warning is logged, and stopping
has a deadline.
"""

import logging
import os
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from opentelemetry.trace import NoOpTracer, Tracer, set_tracer_provider

from kilnmark.otel import names
from kilnmark.otel.carrier import Carrier, carrier_of, context_from, trace_id_of
from kilnmark.otel.drops import Drops
from kilnmark.otel.measures import Measures
from kilnmark.otel.quiet import quieten_exporters
from kilnmark.otel.settings import ALL_SIGNALS, Signal, SignalSettings, TelemetryOptions, read_settings
from kilnmark.otel.variables import TracingMisconfigured

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

__all__ = [
    "SHARED_DEADLINE",
    "STOP_DEADLINE",
    "Carrier",
    "Telemetry",
    "TracingMisconfigured",
    "carrier_of",
    "context_from",
    "start",
    "trace_id_of",
]

_TRACES: tuple[Signal, ...] = ("traces",)

STOP_DEADLINE = 1.5
"""Seconds that stopping may take; what no collector has taken by then is lost. A process is to be gone within two, all
else that it ends with included."""

SHARED_DEADLINE = STOP_DEADLINE / 2
"""For each of two processes of which one waits for the other's end."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A process's telemetry between `start` and `stop`.

    Attributes:
        tracer: Makes the spans; a no-op when tracing is off.
        enabled: Whether spans leave the process.
        measures: What is measured; nothing is kept when metrics are off.
        drops: What nobody took so far.
        logs: Hands lines on that leave the process, for a logger to be given; None: none do.
    """

    tracer: Tracer = field(default_factory=NoOpTracer)
    enabled: bool = False
    measures: Measures = field(default_factory=Measures)
    drops: Drops = field(default_factory=Drops)
    logs: logging.Handler | None = None
    _spans: "TracerProvider | None" = None
    _metrics: "MeterProvider | None" = None
    _lines: "LoggerProvider | None" = None

    def make_global(self) -> None:
        """Let every library of this process that traces or measures through the OpenTelemetry API do it here.

        For a program of our own; a library leaves the choice to its caller. Nothing changes for what is off.
        """
        if self._spans is not None:
            set_tracer_provider(self._spans)
        if self._metrics is not None:
            from opentelemetry.metrics import set_meter_provider

            set_meter_provider(self._metrics)

    def stop(self, deadline: float = STOP_DEADLINE) -> None:
        """Deliver what is queued and end telemetry; calling it again does nothing.

        It blocks, so an event loop gives it to a thread.

        Args:
            deadline: Seconds until it returns whatever the collector does.
        """
        # The SDK waits up to 30 s for each exporter; threads that may be left behind are the only way to wait less.
        providers = [provider for provider in (self._spans, self._lines, self._metrics) if provider is not None]
        flushes = [
            threading.Thread(target=provider.shutdown, name="kilnmark-otel-stop", daemon=True) for provider in providers
        ]
        for flush in flushes:
            flush.start()
        until = time.monotonic() + deadline
        for flush in flushes:
            flush.join(max(0.0, until - time.monotonic()))


def start(service: str, signals: Collection[Signal] = _TRACES, options: TelemetryOptions | None = None) -> Telemetry:
    """Begin telemetry if a standard variable, or an option, asks for it.

    Args:
        service: `service.name` unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` says another.
        signals: Those that this process has.
        options: What is asked for beside the variables; None: nothing.

    Raises:
        TracingMisconfigured: a variable has a value that cannot be followed, or a port is taken.
    """
    options = options or TelemetryOptions()
    asked = {signal: read_settings(os.environ, signal, options) for signal in ALL_SIGNALS if signal in signals}
    asked = {signal: settings for signal, settings in asked.items() if settings.exporters}
    if not asked:
        return Telemetry()
    if missing := _missing_packages(asked):
        _tell_missing(missing)
        return Telemetry()
    quieten_exporters()
    return _started(service, asked)


def _started(service: str, asked: "Mapping[Signal, SignalSettings]") -> Telemetry:
    from kilnmark.otel.providers import log_provider, logs_handler, meter_provider, resource_of, tracer_provider

    resource, drops, release = resource_of(service), Drops(), version("kilnmark")
    with drops.counted():
        metrics = meter_provider(resource, asked["metrics"], drops) if "metrics" in asked else None
        spans = tracer_provider(resource, asked["traces"], drops) if "traces" in asked else None
        lines = log_provider(resource, asked["logs"], drops) if "logs" in asked else None
    measures = Measures(None if metrics is None else metrics.get_meter("kilnmark", release), drops)
    measures.observe(names.DROPPED, lambda: [(drops.of(signal), {names.SIGNAL: signal}) for signal in ALL_SIGNALS])
    return Telemetry(
        NoOpTracer() if spans is None else spans.get_tracer("kilnmark", release),
        enabled=spans is not None,
        measures=measures,
        drops=drops,
        logs=None if lines is None else logs_handler(lines),
        _spans=spans,
        _metrics=metrics,
        _lines=lines,
    )


def _missing_packages(asked: "Mapping[Signal, SignalSettings]") -> str:
    exporters = {name for settings in asked.values() for name in settings.exporters}
    wanted = {"opentelemetry.sdk": "opentelemetry-sdk"}
    if "otlp" in exporters:
        wanted["opentelemetry.exporter.otlp"] = "opentelemetry-exporter-otlp"
    if "prometheus" in exporters:
        wanted["opentelemetry.exporter.prometheus"] = "opentelemetry-exporter-prometheus"
    if "file" in exporters:
        wanted["opentelemetry.exporter.otlp.json.file"] = "opentelemetry-exporter-otlp-json-file"
    if "logs" in asked:
        wanted["opentelemetry.instrumentation.logging"] = "opentelemetry-instrumentation-logging"
    return ", ".join(package for module, package in wanted.items() if not _is_installed(module))


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@cache
def _tell_missing(packages: str) -> None:
    _log.warning(
        "an OTEL_ variable or an option asks for telemetry, but %s is not installed; nothing is sent. "
        "Install kilnmark[daemon], or set OTEL_SDK_DISABLED=true",
        packages,
    )
