"""The standard `OTEL_` variables that decide whether and how telemetry leaves, read and checked once at start.

Samplers, limits, headers and certificates are read by the SDK itself; the ones it would ignore in silence when they
are wrong, or break over, are checked here, so that a typing error is told instead of losing traces.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from kilnmark.otel.variables import TracingMisconfigured, Variables, refuse

__all__ = [
    "ALL_SIGNALS",
    "EXPORT_TIMEOUT",
    "GRPC_PORT",
    "HTTP_PORT",
    "PROMETHEUS_PORT",
    "Exporter",
    "Signal",
    "SignalSettings",
    "TelemetryOptions",
    "TracingMisconfigured",
    "read_settings",
]

Signal = Literal["traces", "metrics", "logs"]
ALL_SIGNALS: tuple[Signal, ...] = get_args(Signal)

Exporter = Literal["otlp", "console", "prometheus", "file"]
Protocol = Literal["http/protobuf", "grpc"]

EXPORT_TIMEOUT = 2.0
"""Seconds one export may take when no variable says otherwise; the SDK's own 10 would outlive our shutdown."""

GRPC_PORT, HTTP_PORT = 4317, 4318
"""Where collectors listen by the specification of OTLP (1.9, "Default Port")."""

PROMETHEUS_PORT = 9464
"""Where Prometheus asks, by the specification of its exporter."""

_ROOT_SAMPLERS = ("always_on", "always_off", "traceidratio")
_SAMPLERS = (*_ROOT_SAMPLERS, *(f"parentbased_{name}" for name in _ROOT_SAMPLERS))
_COMPRESSIONS = {"http/protobuf": ("none", "gzip", "deflate"), "grpc": ("gzip",)}
_EXPORTERS: dict[Signal, tuple[Exporter, ...]] = {
    "traces": ("otlp", "console"),
    "metrics": ("otlp", "console", "prometheus"),
    "logs": ("otlp", "console"),
}
_TEMPORALITIES = ("cumulative", "delta", "lowmemory")
_AGGREGATIONS = ("explicit_bucket_histogram", "base2_exponential_bucket_histogram")
_EXEMPLARS = ("always_on", "always_off", "trace_based")
_LARGE = 1e9
_QUEUE_SIZE, _BATCH_SIZE = 2048, 512
"""Spans or lines, where no variable says otherwise; the SDK's own defaults."""


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """How one signal leaves this process.

    Attributes:
        exporters: Where it goes; empty when it does not leave.
        protocol: How OTLP is spoken: as a variable says, else gRPC to its own port, else HTTP.
        timeout: Seconds one export may take; None leaves it to the variable that says so.
        prometheus: Address and port that Prometheus asks at, where it is to.
        file: Which file it goes to, where it does.
    """

    exporters: tuple[Exporter, ...] = ()
    protocol: Protocol = "http/protobuf"
    timeout: float | None = EXPORT_TIMEOUT
    prometheus: tuple[str, int] | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class TelemetryOptions:
    """What a process is told of its telemetry beside the variables.

    Attributes:
        metrics_port: Prometheus asks for metrics at this port of loopback, too; 0: one that is free.
        trace_file: Spans go there, too, as lines of OTLP's JSON.
    """

    metrics_port: int | None = None
    trace_file: Path | None = None

    def exporters(self, signal: Signal) -> tuple[Exporter, ...]:
        """Those of one signal that it asks for."""
        if signal == "metrics" and self.metrics_port is not None:
            return ("prometheus",)
        return ("file",) if signal == "traces" and self.trace_file is not None else ()


_NO_OPTIONS = TelemetryOptions()


def read_settings(
    env: Mapping[str, str], signal: Signal = "traces", options: TelemetryOptions = _NO_OPTIONS
) -> SignalSettings:
    """Read the standard variables; an empty value counts as unset.

    Args:
        env: The environment.
        signal: Which one.
        options: What is asked for beside them.

    Raises:
        TracingMisconfigured: naming the variable and what it may be.
    """
    variables = Variables(env)
    if variables.one_of("OTEL_SDK_DISABLED", allowed=("true", "false"), default="false") == "true":
        if options.exporters(signal):
            refuse("OTEL_SDK_DISABLED", "true", "false where --metrics-port or --trace-file asks for telemetry")
        return SignalSettings()
    exporters = tuple(dict.fromkeys((*_exporters(variables, signal), *options.exporters(signal))))
    if not exporters:
        return SignalSettings()
    _CHECKS[signal](variables)
    protocol = _protocol(variables, signal) if "otlp" in exporters else "http/protobuf"
    timeout = variables.first(*_names(signal, "TIMEOUT"))
    return SignalSettings(
        exporters,
        protocol,
        EXPORT_TIMEOUT if timeout is None else None,
        _asked_at(variables, options.metrics_port) if "prometheus" in exporters else None,
        options.trace_file if "file" in exporters else None,
    )


def _names(signal: Signal, what: str) -> tuple[str, str]:
    """The variable of a signal's exporter, and the one of all."""
    return f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}", f"OTEL_EXPORTER_OTLP_{what}"


def _exporters(variables: Variables, signal: Signal) -> tuple[Exporter, ...]:
    """The exporters named, else OTLP when an endpoint is named, else none: no collector, no noise.

    Logs are on stderr already, so that an endpoint for everything does not ask for them.
    """
    named = variables.first(f"OTEL_{signal.upper()}_EXPORTER")
    if named is None:
        own, everybodys = _names(signal, "ENDPOINT")
        return ("otlp",) if variables.first(*((own,) if signal == "logs" else (own, everybodys))) else ()
    exporters: list[Exporter] = []
    words = [word.strip().lower() for word in named[1].split(",")]
    for word in words:
        found = next((exporter for exporter in _EXPORTERS[signal] if exporter == word), None)
        if found is not None:
            exporters.append(found)
        elif word != "none" or len(words) > 1:
            *most, last = _EXPORTERS[signal]
            several = "both" if len(most) == 1 else "several"
            refuse(*named, f"{', '.join((*most, last))}, {several} with a comma between them, or none")
    return tuple(dict.fromkeys(exporters))


def _protocol(variables: Variables, signal: Signal) -> Protocol:
    """OTLP's protocol, with the endpoint and the compression checked against it."""
    endpoint = variables.first(*_names(signal, "ENDPOINT"))
    named = variables.one_of(
        *_names(signal, "PROTOCOL"),
        allowed=("http/protobuf", "grpc"),
        default="grpc" if endpoint and _port_of(endpoint[1]) == GRPC_PORT else "http/protobuf",
    )
    protocol: Protocol = "grpc" if named == "grpc" else "http/protobuf"
    variables.one_of(*_names(signal, "COMPRESSION"), allowed=_COMPRESSIONS[protocol], default="none")
    if endpoint and protocol == "http/protobuf" and not endpoint[1].startswith(("http://", "https://")):
        refuse(*endpoint, "an address that begins with http:// or https://")
    if endpoint and not _is_address(endpoint[1], protocol):
        refuse(*endpoint, "an address with a host, and with a port from 0 to 65535 if with any")
    for what in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"):
        file = variables.first(*_names(signal, what))
        if file and not os.access(file[1], os.R_OK):
            refuse(*file, "a file that can be read")
    return protocol


def _port_of(endpoint: str) -> int | None:
    try:
        return urlsplit(endpoint if "//" in endpoint else f"//{endpoint}").port
    except ValueError:
        return None


def _is_address(endpoint: str, protocol: Protocol) -> bool:
    """Whether an exporter can take it apart; gRPC has addresses without a host, such as `unix:/run/collector.sock`."""
    try:
        parts = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
        return (parts.port is None or parts.port >= 0) and (protocol == "grpc" or bool(parts.hostname))
    except ValueError:
        return False


def _asked_at(variables: Variables, port: int | None) -> tuple[str, int]:
    """Where Prometheus asks: at the port of the options, else where variables say.

    Nothing is encrypted and nobody has to say who they are, so it is loopback by default.
    """
    if port is not None:
        return "127.0.0.1", port
    variables.number("OTEL_EXPORTER_PROMETHEUS_PORT", int, (0, 65535), "a port, from 0 to 65535")
    _, host = variables.first("OTEL_EXPORTER_PROMETHEUS_HOST") or ("", "127.0.0.1")
    _, said = variables.first("OTEL_EXPORTER_PROMETHEUS_PORT") or ("", str(PROMETHEUS_PORT))
    return host, int(said)


def _check_traces(variables: Variables) -> None:
    sampler = variables.one_of("OTEL_TRACES_SAMPLER", allowed=_SAMPLERS, default="parentbased_always_on")
    if sampler.endswith("traceidratio"):
        variables.number("OTEL_TRACES_SAMPLER_ARG", float, (0, 1), "a number from 0 to 1")
    _check_batches(variables, "OTEL_BSP")
    _check_timeouts(variables, "traces")


def _check_metrics(variables: Variables) -> None:
    for name in ("OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"):
        variables.number(name, float, (1, _LARGE), "a number of milliseconds of at least 1")
    variables.one_of(
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", allowed=_TEMPORALITIES, default=_TEMPORALITIES[0]
    )
    variables.one_of(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", allowed=_AGGREGATIONS, default=_AGGREGATIONS[0]
    )
    variables.one_of("OTEL_METRICS_EXEMPLAR_FILTER", allowed=_EXEMPLARS, default=_EXEMPLARS[-1])
    _check_timeouts(variables, "metrics")


def _check_logs(variables: Variables) -> None:
    _check_batches(variables, "OTEL_BLRP")
    _check_timeouts(variables, "logs")


_CHECKS = {"traces": _check_traces, "metrics": _check_metrics, "logs": _check_logs}


def _check_batches(variables: Variables, prefix: str) -> None:
    for name in ("SCHEDULE_DELAY", "EXPORT_TIMEOUT", "MAX_QUEUE_SIZE"):
        variables.number(f"{prefix}_{name}", int, (1, _LARGE), "a whole number of at least 1")
    _, queue = variables.first(f"{prefix}_MAX_QUEUE_SIZE") or ("", str(_QUEUE_SIZE))
    size = f"{prefix}_MAX_EXPORT_BATCH_SIZE"
    if variables.first(size) is None and int(queue) < _BATCH_SIZE:
        refuse(f"{prefix}_MAX_QUEUE_SIZE", queue, f"at least {_BATCH_SIZE}, or {size} to less")
    variables.number(size, int, (1, int(queue)), f"a whole number from 1 to {queue}")


def _check_timeouts(variables: Variables, signal: Signal) -> None:
    for name in _names(signal, "TIMEOUT"):
        variables.number(name, float, (0.001, _LARGE), "a number of seconds above 0")
