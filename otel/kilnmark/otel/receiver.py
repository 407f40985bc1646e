"""A small real OTLP/HTTP receiver on loopback, for tests, demos and looking at telemetry without a collector.

It takes traces, metrics and logs as protobuf, keeps them in memory and shows them as plain values. It is no collector:
no TLS, no disk, no limit on how long it collects. It needs the packages of `kilnmark[daemon]`.
"""

import threading
import time
import zlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from kilnmark.otel.received import LogLine, Point, Span, read_lines, read_points, read_spans

__all__ = ["Receiver"]

BODY_LIMIT = 64 << 20
"""Largest request taken, in bytes, compressed or not."""

_GZIP_OR_ZLIB = 47
"""zlib's `wbits` for "whichever header is there"."""


class Receiver:
    """Receives traces while it is open: `with Receiver() as receiver: ...`.

    Point an exporter at it with `OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._spans: list[Span] = []
        self._points: list[Point] = []
        self._lines: list[LogLine] = []
        self._server = _Server({"/v1/traces": self._add, "/v1/metrics": self._add_metrics, "/v1/logs": self._add_logs})
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

    @property
    def points(self) -> list[Point]:
        """Every value of a metric received so far, in the order of arrival; a copy."""
        with self._changed:
            return list(self._points)

    @property
    def lines(self) -> list[LogLine]:
        """Every line of a log received so far, in the order of arrival; a copy."""
        with self._changed:
            return list(self._lines)

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

    def _add(self, body: bytes) -> bytes:
        """Take one export request; return the reply's body."""
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

        spans = read_spans(trace_service_pb2.ExportTraceServiceRequest.FromString(body))
        with self._changed:
            self._spans += spans
            self._changed.notify_all()
        reply: bytes = trace_service_pb2.ExportTraceServiceResponse().SerializeToString()
        return reply

    def _add_metrics(self, body: bytes) -> bytes:
        from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

        points = list(read_points(metrics_service_pb2.ExportMetricsServiceRequest.FromString(body)))
        with self._changed:
            self._points += points
            self._changed.notify_all()
        reply: bytes = metrics_service_pb2.ExportMetricsServiceResponse().SerializeToString()
        return reply

    def _add_logs(self, body: bytes) -> bytes:
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

        lines = list(read_lines(logs_service_pb2.ExportLogsServiceRequest.FromString(body)))
        with self._changed:
            self._lines += lines
            self._changed.notify_all()
        reply: bytes = logs_service_pb2.ExportLogsServiceResponse().SerializeToString()
        return reply


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, takers: Mapping[str, Callable[[bytes], bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.takers = takers


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

        length = int(self.headers.get("Content-Length") or 0)
        if (take := self.server.takers.get(self.path)) is None:
            return self._answer(HTTPStatus.NOT_FOUND, b"")
        if not 0 < length <= BODY_LIMIT:
            return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"")
        try:
            reply = take(_unpack(self.rfile.read(length), self.headers.get("Content-Encoding") or ""))
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
