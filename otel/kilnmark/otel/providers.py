"""The SDK's providers, made as the settings say: of spans, of metrics, of lines of logs.

Everything of the SDK is imported here, inside functions, when something asks for it. When to begin and to stop is
`setup`'s part.
"""

import logging
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, cast

from kilnmark.otel.drops import CountedExporter, Drops
from kilnmark.otel.page import serve_page
from kilnmark.otel.settings import SignalSettings
from kilnmark.otel.variables import TracingMisconfigured

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["log_provider", "logs_handler", "meter_provider", "resource_of", "tracer_provider"]

log = logging.getLogger(__name__)

FILE_DELAY = 1000.0
"""Milliseconds until a span stands in its file: somebody may be looking."""


def resource_of(service: str) -> "Resource":
    """What everything of this process says of it; the user's own words win."""
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource

    ours = {SERVICE_NAME: service, SERVICE_VERSION: version("kilnmark")}
    theirs = OTELResourceDetector().detect().attributes
    return Resource.create({name: value for name, value in ours.items() if name not in theirs})


def tracer_provider(resource: "Resource", settings: SignalSettings, drops: Drops) -> "TracerProvider":
    """Spans, handed on in batches by a thread.

    Args:
        resource: Of the process.
        settings: Where they go.
        drops: Counts those that nobody takes.
    """
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for name in settings.exporters:
        if name == "file":
            provider.add_span_processor(_filed_spans(settings, drops))
        else:
            exporter = _console_spans() if name == "console" else _otlp_spans(settings, drops)
            provider.add_span_processor(BatchSpanProcessor(exporter, meter_provider=drops.provider))
    return provider


def meter_provider(resource: "Resource", settings: SignalSettings, drops: Drops) -> "MeterProvider":
    """Metrics, handed on now and then by a thread, or asked for by Prometheus.

    Raises:
        TracingMisconfigured: Prometheus's address cannot be had.
    """
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    readers: list[MetricReader] = []
    for name in settings.exporters:
        if name == "prometheus":
            readers.append(_prometheus(settings))
        else:
            exporter = _console_metrics() if name == "console" else _otlp_metrics(settings, drops)
            readers.append(PeriodicExportingMetricReader(exporter))
    return MeterProvider(readers, resource=resource, shutdown_on_exit=False)


def log_provider(resource: "Resource", settings: SignalSettings, drops: Drops) -> "LoggerProvider":
    """Lines of logs, handed on in batches by a thread."""
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    for name in settings.exporters:
        exporter = _console_logs() if name == "console" else _otlp_logs(settings, drops)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter, meter_provider=drops.provider))
    return provider


def logs_handler(provider: "LoggerProvider") -> logging.Handler:
    """What hands the lines of the standard library's logging to a provider."""
    from opentelemetry.instrumentation.logging.handler import LoggingHandler

    return LoggingHandler(logging.INFO, provider)


def _filed_spans(settings: SignalSettings, drops: Drops) -> "SpanProcessor":
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from kilnmark.otel.filed import filed_spans

    if settings.file is None:
        raise ValueError("spans for a file go to no file")
    return BatchSpanProcessor(
        filed_spans(settings.file, drops), schedule_delay_millis=FILE_DELAY, meter_provider=drops.provider
    )


def _console_spans() -> "SpanExporter":
    """Spans as JSON on stderr: stdout belongs to results."""
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter

    return ConsoleSpanExporter(out=sys.stderr)


def _console_metrics() -> "MetricExporter":
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter

    return ConsoleMetricExporter(out=sys.stderr)


def _console_logs() -> "LogRecordExporter":
    from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter

    return ConsoleLogRecordExporter(out=sys.stderr)


def _otlp_spans(settings: SignalSettings, drops: Drops) -> "SpanExporter":
    from kilnmark.otel.answers import heard, session

    exporter: SpanExporter
    if settings.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc

        exporter = heard(Grpc, "traces", drops)(timeout=settings.timeout, meter_provider=drops.provider)
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

        exporter = Http(timeout=settings.timeout, session=session("traces", drops), meter_provider=drops.provider)
    return cast("SpanExporter", CountedExporter(exporter, "traces", drops))


def _otlp_metrics(settings: SignalSettings, drops: Drops) -> "MetricExporter":
    from kilnmark.otel.answers import heard, session

    exporter: MetricExporter
    if settings.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as Grpc

        exporter = heard(Grpc, "metrics", drops)(timeout=settings.timeout, meter_provider=drops.provider)
    else:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as Http

        exporter = Http(timeout=settings.timeout, session=session("metrics", drops), meter_provider=drops.provider)
    return cast("MetricExporter", CountedExporter(exporter, "metrics", drops))


def _otlp_logs(settings: SignalSettings, drops: Drops) -> "LogRecordExporter":
    from kilnmark.otel.answers import heard, session

    exporter: LogRecordExporter
    if settings.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as Grpc

        exporter = heard(Grpc, "logs", drops)(timeout=settings.timeout, meter_provider=drops.provider)
    else:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as Http

        exporter = Http(timeout=settings.timeout, session=session("logs", drops), meter_provider=drops.provider)
    return cast("LogRecordExporter", CountedExporter(exporter, "logs", drops))


def _prometheus(settings: SignalSettings) -> "MetricReader":
    """A page that Prometheus asks for, of a registry of its own: what else is in the process is not our business."""
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from prometheus_client import CollectorRegistry, make_wsgi_app

    host, port = settings.prometheus or ("", 0)
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry)
    try:
        server = serve_page(host, port, make_wsgi_app(registry))
    except OSError as error:
        expected = f"a port of {host} that can be listened on ({error.strerror})"
        raise TracingMisconfigured("the port for Prometheus", str(port), expected) from error
    log.info("metrics for Prometheus at http://%s:%s/metrics", host, server.server_port)
    return reader
