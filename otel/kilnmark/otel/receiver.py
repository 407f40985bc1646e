"""A small real OTLP/HTTP receiver on loopback, for tests, demos and looking at traces without a collector.

It takes traces as protobuf, keeps them in memory and shows them as plain values. It is no collector: no TLS, no
disk, no limit on how long it collects. It needs the packages of `kilnmark[daemon]`.
"""

import threading
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import msgspec

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1 import trace_pb2

__all__ = ["Attribute", "Receiver", "Span", "SpanEvent"]

Attribute = str | bool | int | float | bytes | None | list["Attribute"] | dict[str, "Attribute"]

BODY_LIMIT = 64 << 20
"""Largest request taken, in bytes, compressed or not."""

_GZIP_OR_ZLIB = 47
"""zlib's `wbits` for "whichever header is there"."""

StatusCode = Literal["unset", "ok", "error"]
_STATUS: dict[int, StatusCode] = {0: "unset", 1: "ok", 2: "error"}


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened during a span; `time_ns` counts from the Unix epoch."""

    name: str
    time_ns: int
    attributes: dict[str, Attribute]


@dataclass(frozen=True, slots=True)
class Span:
    """One received span.

    Attributes:
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        parent_id: 16 hex digits; empty for the root of a trace.
        service: `service.name` of the process that made it.
        start_ns, end_ns: Nanoseconds from the Unix epoch.
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    service: str
    attributes: dict[str, Attribute]
    status_code: StatusCode
    status_message: str
    events: tuple[SpanEvent, ...]
    start_ns: int
    end_ns: int


class Receiver:
    """Receives traces while it is open: `with Receiver() as receiver: ...`.

    Point an exporter at it with `OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._spans: list[Span] = []
        self._server = _Server(self._add)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="kilnmark-otlp-receiver", daemon=True
        )

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port; the spans stay readable."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5.0)

    @property
    def endpoint(self) -> str:
        """The base address, as `OTEL_EXPORTER_OTLP_ENDPOINT` wants it."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def spans(self) -> list[Span]:
        """Every span received so far, in the order of arrival; a copy."""
        with self._changed:
            return list(self._spans)

    def wait_for(self, predicate: Callable[[list[Span]], bool], timeout: float = 10.0) -> list[Span]:
        """Wait until the spans received so far satisfy `predicate`, and return them.

        Args:
            predicate: Asked again after every arrival.
            timeout: In seconds.

        Raises:
            TimeoutError: naming the spans that did arrive.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while not predicate(list(self._spans)):
                if not self._changed.wait(deadline - time.monotonic()):
                    names = sorted({span.name for span in self._spans}) or "none"
                    raise TimeoutError(f"the spans waited for did not arrive within {timeout:g} s; received: {names}")
            return list(self._spans)

    def write_jsonl(self, path: Path) -> None:
        """Write every span received so far to a file, one JSON object a line."""
        path.write_bytes(b"".join(msgspec.json.encode(span) + b"\n" for span in self.spans))

    def _add(self, body: bytes) -> bytes:
        """Take one export request; return the reply's body."""
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

        spans = _read(trace_service_pb2.ExportTraceServiceRequest.FromString(body))
        with self._changed:
            self._spans += spans
            self._changed.notify_all()
        reply: bytes = trace_service_pb2.ExportTraceServiceResponse().SerializeToString()
        return reply


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, take: Callable[[bytes], bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.take = take


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

        length = int(self.headers.get("Content-Length") or 0)
        if self.path != "/v1/traces":
            return self._answer(HTTPStatus.NOT_FOUND, b"")
        if not 0 < length <= BODY_LIMIT:
            return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"")
        try:
            reply = self.server.take(_unpack(self.rfile.read(length), self.headers.get("Content-Encoding") or ""))
        except (DecodeError, zlib.error, ValueError):
            return self._answer(HTTPStatus.BAD_REQUEST, b"")
        return self._answer(HTTPStatus.OK, reply)

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Stay silent: a request is no news."""


def _unpack(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise ValueError(f"content encoding {encoding!r} is not gzip or deflate")
    unpacker = zlib.decompressobj(wbits=_GZIP_OR_ZLIB)
    unpacked = unpacker.decompress(body, BODY_LIMIT)
    if not unpacker.eof:
        raise ValueError("the compressed body is cut short or too large")
    return unpacked


def _read(request: "trace_service_pb2.ExportTraceServiceRequest") -> list[Span]:
    spans: list[Span] = []
    for of_process in request.resource_spans:
        service = str(_attributes(of_process.resource.attributes).get("service.name", ""))
        for of_library in of_process.scope_spans:
            spans += [_span(span, service) for span in of_library.spans]
    return spans


def _span(span: "trace_pb2.Span", service: str) -> Span:
    return Span(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        service=service,
        attributes=_attributes(span.attributes),
        status_code=_STATUS.get(span.status.code, "unset"),
        status_message=span.status.message,
        events=tuple(SpanEvent(e.name, e.time_unix_nano, _attributes(e.attributes)) for e in span.events),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
    )


def _attributes(pairs: "Iterable[KeyValue]") -> dict[str, Attribute]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: "AnyValue") -> Attribute:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case kind:
            plain: str | bool | int | float | bytes = getattr(value, kind)
            return plain
