"""The collector of traces: whether one is named, its packages are here, and it answers.

It is asked as an exporter asks it, with no span in it, and for two seconds at most.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

from kilnmark.client.cli.doctor.observation import Observation, fault, ok, warning
from kilnmark.client.cli.doctor.packages import Required
from kilnmark.client.cli.doctor.patient import Patient
from kilnmark.otel.settings import GRPC_PORT, HTTP_PORT, TracingMisconfigured, read_settings

__all__ = ["look_at_collector"]

TIMEOUT = 2.0
_TRACES = "/v1/traces"
_MEND = "start it, or name another with $OTEL_EXPORTER_OTLP_ENDPOINT; renders go on, and their traces are lost"
_NO_HTTP = f"if that is its port for gRPC, set OTEL_EXPORTER_OTLP_PROTOCOL=grpc; that for HTTP is usually {HTTP_PORT}"
_DONE = 2
_NO_SPANS = b"\x0a\x00"
"""An `ExportTraceServiceRequest` with one `ResourceSpans` that has none (opentelemetry-proto 1.9): some take no body of
no bytes."""


def look_at_collector(patient: Patient) -> Iterator[Observation]:
    """As the standard variables ask for it."""
    try:
        settings = read_settings(patient.env)
    except TracingMisconfigured as error:
        yield fault("traces", str(error), "until then neither daemon nor `kilnmark render` starts")
        return
    if not settings.exporters:
        yield ok("traces", "none are sent: no OTEL_ variable asks for them")
        return
    if (missing := _missing(patient.packages)) is not None:
        yield warning("traces", f"{missing} is not installed, so that none are sent", "install kilnmark[daemon]")
        return
    if "otlp" not in settings.exporters:
        yield ok("traces", "they are written to stderr")
    else:
        grpc = settings.protocol == "grpc"
        endpoint = _endpoint(patient.env, grpc=grpc)
        yield _bounded(endpoint, lambda: _connect(endpoint) if grpc else _post(endpoint, patient.env))


def _missing(packages: list[Required]) -> str | None:
    ours = (package for package in packages if package.name.startswith("opentelemetry-") and package.extra == "daemon")
    return next((package.name for package in ours if package.installed is None), None)


def _endpoint(env: Mapping[str, str], *, grpc: bool) -> str:
    """Where traces go, as the specification of the exporters has it: a general address gets the path of traces."""
    if named := env.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip():
        return named
    general = env.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if grpc:
        return general or f"http://localhost:{GRPC_PORT}"
    return (general or f"http://localhost:{HTTP_PORT}").rstrip("/") + _TRACES


def _bounded(endpoint: str, ask: Callable[[], Observation]) -> Observation:
    """Ask from a thread that may be left behind: a name that is looked up cannot be given up."""
    found: list[Observation] = []
    thread = threading.Thread(target=lambda: found.append(_told(endpoint, ask)), name="kilnmark-collector", daemon=True)
    thread.start()
    thread.join(TIMEOUT + 0.5)
    return found[0] if found else _silent(endpoint)


def _silent(endpoint: str) -> Observation:
    return warning("traces", f"the collector at {endpoint} does not answer within {TIMEOUT:g} s", _MEND)


def _told(endpoint: str, ask: Callable[[], Observation]) -> Observation:
    try:
        return ask()
    except TimeoutError:
        return _silent(endpoint)
    except (http.client.BadStatusLine, ConnectionResetError, BrokenPipeError):  # it hung up on what it cannot read
        return warning("traces", f"the collector at {endpoint} answers, and not in HTTP", _NO_HTTP)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return warning("traces", f"the collector at {endpoint} cannot be reached: {error}", _MEND)


def _connect(endpoint: str) -> Observation:
    address = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
    with socket.create_connection((address.hostname or "localhost", address.port or GRPC_PORT), TIMEOUT):
        return ok("traces", f"the collector at {endpoint} takes connections")


def _post(endpoint: str, env: Mapping[str, str]) -> Observation:
    address = urlsplit(endpoint)
    connection = _connection(address, env)
    try:
        connection.request("POST", address.path or "/", _NO_SPANS, {"Content-Type": "application/x-protobuf"})
        status = connection.getresponse().status
    finally:
        connection.close()
    if status // 100 == _DONE:
        return ok("traces", f"the collector at {endpoint} takes them")
    if status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        return ok("traces", f"the collector at {endpoint} answers; whether it takes them depends on your headers")
    return warning("traces", f"the collector at {endpoint} answers with {status}", "see whether its path is right")


def _connection(address: SplitResult, env: Mapping[str, str]) -> http.client.HTTPConnection:
    if address.scheme != "https":
        return http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT)
    context = ssl.create_default_context(cafile=_named(env, "CERTIFICATE"))
    if certificate := _named(env, "CLIENT_CERTIFICATE"):
        context.load_cert_chain(certificate, _named(env, "CLIENT_KEY"))
    return http.client.HTTPSConnection(address.hostname or "", address.port, timeout=TIMEOUT, context=context)


def _named(env: Mapping[str, str], what: str) -> str | None:
    """What a variable of the exporter says, one for traces before one for everything."""
    names = (f"OTEL_EXPORTER_OTLP_TRACES_{what}", f"OTEL_EXPORTER_OTLP_{what}")
    return next((value for name in names if (value := env.get(name, "").strip())), None)
