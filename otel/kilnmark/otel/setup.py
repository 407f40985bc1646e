"""Tracing from start to stop, as the standard `OTEL_` variables ask for it and as nothing else does.

With no collector named there is no SDK, no thread and no noise: spans are no-ops that still pass a caller's trace on.
With a dead collector nothing waits: spans are dropped, one warning is logged, and stopping has a deadline.
"""

import logging
import os
import sys
import threading
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from opentelemetry.trace import NoOpTracer, Tracer, set_tracer_provider

from kilnmark.otel.carrier import Carrier, carrier_of, context_from, trace_id_of
from kilnmark.otel.quiet import quieten_exporters
from kilnmark.otel.settings import TracingMisconfigured, TracingSettings, read_settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = [
    "STOP_DEADLINE",
    "Carrier",
    "Telemetry",
    "TracingMisconfigured",
    "carrier_of",
    "context_from",
    "start",
    "trace_id_of",
]

STOP_DEADLINE = 2.0
"""Seconds that stopping may take; spans that no collector has taken by then are lost."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A process's tracing between `start` and `stop`.

    Attributes:
        tracer: Makes the spans; a no-op when tracing is off.
        enabled: Whether spans leave the process.
    """

    tracer: Tracer = field(default_factory=NoOpTracer)
    enabled: bool = False
    _provider: "TracerProvider | None" = None

    def make_global(self) -> None:
        """Let every library of this process that traces through the OpenTelemetry API trace here.

        For a program of our own; a library leaves the choice to its caller. Nothing changes when tracing is off.
        """
        if self._provider is not None:
            set_tracer_provider(self._provider)

    def stop(self, deadline: float = STOP_DEADLINE) -> None:
        """Deliver what is queued and end tracing; calling it again does nothing.

        It blocks, so an event loop gives it to a thread.

        Args:
            deadline: Seconds until it returns whatever the collector does.
        """
        if self._provider is None:
            return
        # The SDK waits up to 30 s for its exporter; a thread that may be left behind is the only way to wait less.
        flush = threading.Thread(target=self._provider.shutdown, name="kilnmark-otel-stop", daemon=True)
        flush.start()
        flush.join(deadline)


def start(service: str) -> Telemetry:
    """Begin tracing if a standard variable asks for it.

    Args:
        service: `service.name` unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` says another.

    Raises:
        TracingMisconfigured: a variable has a value that cannot be followed.
    """
    settings = read_settings(os.environ)
    if not settings.exporters:
        return Telemetry()
    missing = _missing_packages(settings)
    if missing:
        _tell_missing(missing)
        return Telemetry()
    quieten_exporters()
    provider = _provider(service, settings)
    return Telemetry(provider.get_tracer("kilnmark", version("kilnmark")), enabled=True, _provider=provider)


def _missing_packages(settings: TracingSettings) -> str:
    wanted = {"opentelemetry.sdk": "opentelemetry-sdk"}
    if "otlp" in settings.exporters:
        wanted["opentelemetry.exporter.otlp"] = "opentelemetry-exporter-otlp"
    return ", ".join(package for module, package in wanted.items() if not _is_installed(module))


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@cache
def _tell_missing(packages: str) -> None:
    _log.warning(
        "an OTEL_ variable asks for traces, but %s is not installed; none are sent. "
        "Install kilnmark[daemon], or set OTEL_TRACES_EXPORTER=none",
        packages,
    )


def _provider(service: str, settings: TracingSettings) -> "TracerProvider":
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    ours = {SERVICE_NAME: service, SERVICE_VERSION: version("kilnmark")}
    theirs = OTELResourceDetector().detect().attributes
    resource = Resource.create({name: value for name, value in ours.items() if name not in theirs})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for name in settings.exporters:
        exporter = _console() if name == "console" else _otlp(settings)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _console() -> "SpanExporter":
    """Spans as JSON on stderr: stdout belongs to results."""
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter

    return ConsoleSpanExporter(out=sys.stderr)


def _otlp(settings: TracingSettings) -> "SpanExporter":
    if settings.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc

        return Grpc(timeout=settings.timeout)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

    return Http(timeout=settings.timeout)
