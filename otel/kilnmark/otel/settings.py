"""The standard `OTEL_` variables that decide whether and how traces leave, read and checked once at start.

Samplers, limits, headers and certificates are read by the SDK itself; the ones it would ignore in silence when they
are wrong are checked here, so that a typing error is told instead of losing traces.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn
from urllib.parse import urlsplit

from kilnmark.protocol.errors import KilnmarkError

__all__ = [
    "EXPORT_TIMEOUT",
    "GRPC_PORT",
    "HTTP_PORT",
    "Exporter",
    "TracingMisconfigured",
    "TracingSettings",
    "read_settings",
]

Exporter = Literal["otlp", "console"]
Protocol = Literal["http/protobuf", "grpc"]

EXPORT_TIMEOUT = 2.0
"""Seconds one export may take when no variable says otherwise; the SDK's own 10 would outlive our shutdown."""

GRPC_PORT, HTTP_PORT = 4317, 4318
"""Where collectors listen by the specification of OTLP (1.9, "Default Port")."""

_ROOT_SAMPLERS = ("always_on", "always_off", "traceidratio")
_SAMPLERS = (*_ROOT_SAMPLERS, *(f"parentbased_{name}" for name in _ROOT_SAMPLERS))
_COMPRESSIONS = {"http/protobuf": ("none", "gzip", "deflate"), "grpc": ("gzip",)}
_LARGE = 1e9
_QUEUE_SIZE, _BATCH_SIZE = 2048, 512
"""Spans, where no variable says otherwise; the SDK's own defaults."""


class TracingMisconfigured(KilnmarkError):
    """A standard variable has a value we cannot follow.

    Attributes:
        variable: Its name.
        value: What it was set to.
        expected: What it may be, in words.
    """

    def __init__(self, variable: str, value: str, expected: str) -> None:
        super().__init__(variable, value, expected)
        self.variable = variable
        self.value = value
        self.expected = expected

    def __str__(self) -> str:
        """The sentence a person reads at start."""
        return f"{self.variable} is {self.value!r}; set it to {self.expected}, or unset it"


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """How traces leave this process.

    Attributes:
        exporters: Where they go; empty when tracing is off.
        protocol: How OTLP is spoken: as a variable says, else gRPC to its own port, else HTTP.
        timeout: Seconds one export may take; None leaves it to the variable that says so.
    """

    exporters: tuple[Exporter, ...] = ()
    protocol: Protocol = "http/protobuf"
    timeout: float | None = EXPORT_TIMEOUT


def read_settings(env: Mapping[str, str]) -> TracingSettings:
    """Read the standard variables; an empty value counts as unset.

    Raises:
        TracingMisconfigured: naming the variable and what it may be.
    """
    variables = _Variables(env)
    if variables.one_of("OTEL_SDK_DISABLED", allowed=("true", "false"), default="false") == "true":
        return TracingSettings()
    exporters = _exporters(variables)
    if not exporters:
        return TracingSettings()
    _check_what_the_sdk_ignores(variables)
    protocol = _protocol(variables) if "otlp" in exporters else "http/protobuf"
    timeout = variables.first("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
    return TracingSettings(exporters, protocol, EXPORT_TIMEOUT if timeout is None else None)


class _Variables:
    """The environment, asked by a variable's name so that every refusal can tell it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def first(self, *names: str) -> tuple[str, str] | None:
        """Name and value of the first variable that is set."""
        return next(((name, value) for name in names if (value := self._env.get(name, "").strip())), None)

    def one_of(self, *names: str, allowed: tuple[str, ...], default: str) -> str:
        found = self.first(*names)
        if found is None:
            return default
        name, value = found
        if value.lower() not in allowed:
            _refuse(name, value, f"one of {', '.join(allowed)}")
        return value.lower()

    def number(self, name: str, kind: Callable[[str], float], bounds: tuple[float, float], expected: str) -> None:
        if (found := self.first(name)) is None:
            return
        try:
            fits = bounds[0] <= kind(found[1]) <= bounds[1]
        except ValueError:
            fits = False
        if not fits:
            _refuse(*found, expected)


def _refuse(name: str, value: str, expected: str) -> NoReturn:
    raise TracingMisconfigured(name, value, expected)


def _exporters(variables: _Variables) -> tuple[Exporter, ...]:
    """The exporters named, else OTLP when an endpoint is named, else none: no collector, no noise."""
    named = variables.first("OTEL_TRACES_EXPORTER")
    if named is None:
        endpoint = variables.first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
        return ("otlp",) if endpoint else ()
    exporters: list[Exporter] = []
    words = [word.strip().lower() for word in named[1].split(",")]
    for word in words:
        if word in ("otlp", "console"):
            exporters.append("otlp" if word == "otlp" else "console")
        elif word != "none" or len(words) > 1:
            _refuse(*named, "otlp, console, both with a comma between them, or none")
    return tuple(dict.fromkeys(exporters))


def _protocol(variables: _Variables) -> Protocol:
    """OTLP's protocol, with the endpoint and the compression checked against it."""
    endpoint = variables.first("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    named = variables.one_of(
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        allowed=("http/protobuf", "grpc"),
        default="grpc" if endpoint and _port_of(endpoint[1]) == GRPC_PORT else "http/protobuf",
    )
    protocol: Protocol = "grpc" if named == "grpc" else "http/protobuf"
    variables.one_of(
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        allowed=_COMPRESSIONS[protocol],
        default="none",
    )
    if endpoint and protocol == "http/protobuf" and not endpoint[1].startswith(("http://", "https://")):
        _refuse(*endpoint, "an address that begins with http:// or https://")
    return protocol


def _port_of(endpoint: str) -> int | None:
    try:
        return urlsplit(endpoint if "//" in endpoint else f"//{endpoint}").port
    except ValueError:
        return None


def _check_what_the_sdk_ignores(variables: _Variables) -> None:
    sampler = variables.one_of("OTEL_TRACES_SAMPLER", allowed=_SAMPLERS, default="parentbased_always_on")
    if sampler.endswith("traceidratio"):
        variables.number("OTEL_TRACES_SAMPLER_ARG", float, (0, 1), "a number from 0 to 1")
    for name in ("OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BSP_MAX_QUEUE_SIZE"):
        variables.number(name, int, (1, _LARGE), "a whole number of at least 1")
    _, queue = variables.first("OTEL_BSP_MAX_QUEUE_SIZE") or ("", str(_QUEUE_SIZE))
    batch = variables.first("OTEL_BSP_MAX_EXPORT_BATCH_SIZE")
    if batch is None and int(queue) < _BATCH_SIZE:
        _refuse("OTEL_BSP_MAX_QUEUE_SIZE", queue, f"at least {_BATCH_SIZE}, or OTEL_BSP_MAX_EXPORT_BATCH_SIZE to less")
    variables.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", int, (1, int(queue)), f"a whole number from 1 to {queue}")
    for name in ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"):
        variables.number(name, float, (0.001, _LARGE), "a number of seconds above 0")
