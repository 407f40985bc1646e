"""What collectors answer, read no further than an answer goes: whatever they did not take is counted, and warned of.

The SDK calls every status below 400 a success, reads a body to its end however long it is, and never looks into one.
Its retries and their pauses are left to it. Packages that speak over a network are imported inside functions.
"""

import logging
import os
import time
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from kilnmark.otel.drops import Drops
from kilnmark.otel.settings import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests import Response, Session

__all__ = ["ANSWER_BYTES", "heard", "session"]

ANSWER_BYTES: Final = 64 << 10
"""The longest answer of a collector that is read: one has some words at most."""

_CHUNK: Final = 16 << 10
_PROVIDER: Final = "CREDENTIAL_PROVIDER"
"""How the variables end that have requests made by a session of somebody else's."""

_REJECTED: Final[dict[Signal, str]] = {
    "traces": "rejected_spans",
    "metrics": "rejected_data_points",
    "logs": "rejected_log_records",
}

_log = logging.getLogger(__name__)


def session(signal: Signal, drops: Drops) -> "Session | None":
    """What an exporter over HTTP sends one signal by; None: by one of somebody else's, as a variable says.

    Args:
        signal: It.
        drops: Counts what a collector says that it did not take.
    """
    from requests import Session

    class HeardSession(Session):
        def request(self, *args: Any, **kwargs: Any) -> "Response":
            """One export; an answer that no collector gives is an error of requests."""
            until = time.monotonic() + kwargs["timeout"]
            response = super().request(*args, **(kwargs | {"stream": True}))
            try:
                body = _body(response, until)
            except BaseException:
                response.close()
                raise
            if response.ok:
                _check_taken(response)
                _look_into(body, signal, drops)
            return response

    if any(name.endswith(_PROVIDER) and value for name, value in os.environ.items() if name.startswith("OTEL_PYTHON")):
        return None
    made = HeardSession()
    made.headers["Accept-Encoding"] = "identity"
    return made


def heard(exporter: type[Any], signal: Signal, drops: Drops) -> type[Any]:
    """A class of the SDK's exporters over gRPC, hearing what was not taken; arguments are those of `session`."""

    class HeardExporter(exporter):  # type: ignore[misc]
        _client: Any

        def _initialize_channel_and_stub(self) -> None:
            super()._initialize_channel_and_stub()
            self._client = _HeardStub(self._client, signal, drops)

    return HeardExporter


class _HeardStub:
    def __init__(self, stub: Any, signal: Signal, drops: Drops) -> None:
        self._stub = stub
        self._signal = signal
        self._drops = drops

    def Export(self, **kwargs: Any) -> Any:  # noqa: N802 - the service's own name
        answer = self._stub.Export(**kwargs)
        _note(answer, self._signal, self._drops)
        return answer


def _body(response: "Response", until: float) -> bytes:
    """Of an answer, whole; `until` is when it must be there, by the monotonic clock."""
    from requests import ReadTimeout, RequestException

    body = bytearray()
    while chunk := response.raw.read1(_CHUNK):
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise RequestException("what was answered has no end, as no collector's answer does")
        if time.monotonic() > until:
            raise ReadTimeout("the collector's answer took too long")
    return bytes(body)


def _check_taken(response: "Response") -> None:
    """Refuse what is answered where no collector is, and is no error by its status."""
    from requests import RequestException

    if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        to = response.headers.get("Location", "nowhere")
        problem = f"the collector is not there but at {to} ({response.status_code}); set OTEL_EXPORTER_OTLP_ENDPOINT"
        raise RequestException(problem)
    if response.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise RequestException("a web page was answered, as no collector does; look at OTEL_EXPORTER_OTLP_ENDPOINT")


def _look_into(body: bytes, signal: Signal, drops: Drops) -> None:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    answer = _answers()[signal]()
    try:
        answer.ParseFromString(body)
    except DecodeError:
        return  # the status said that it was taken
    _note(answer, signal, drops)


@cache
def _answers() -> "Mapping[Signal, Callable[[], Any]]":
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    return {
        "traces": ExportTraceServiceResponse,
        "metrics": ExportMetricsServiceResponse,
        "logs": ExportLogsServiceResponse,
    }


def _note(answer: Any, signal: Signal, drops: Drops) -> None:
    partial = answer.partial_success
    if (rejected := getattr(partial, _REJECTED[signal])) > 0:
        drops.add(signal, rejected)
        _log.warning("the collector did not take %d of the %s (%s)", rejected, signal, partial.error_message)
