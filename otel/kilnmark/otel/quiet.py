"""One warning instead of a page when telemetry cannot be delivered.

The SDK logs every retry and every lost batch, some with a stack trace. An operator needs to know that telemetry is not
arriving, now and then how many messages that was, and nothing more: pictures are made all the same.
"""

import logging
import re
import time
from collections.abc import Callable

__all__ = ["INTERVAL", "EveryMinute", "quieten_exporters"]

INTERVAL = 60.0
"""Seconds between two warnings that telemetry is not delivered."""

_NOISY = (
    "kilnmark.otel.answers",
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.json.file.trace_exporter",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.exporter.otlp.proto.http._common",
    "opentelemetry.exporter.otlp.proto.http._log_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
    "opentelemetry.sdk.metrics._internal.export",
    "opentelemetry.sdk.trace",
    "opentelemetry.sdk.trace.export",
)

_ABOUT_ITSELF = "opentelemetry.instrumentation.logging.handler.internal"
"""Says past every setting of the log that a line about telemetry was not itself exported, which is as it should be."""

_NO_HTTP = (
    "the collector does not speak HTTP there, and gRPC ports do not; set OTEL_EXPORTER_OTLP_PROTOCOL=grpc, or name its "
    "port for HTTP, usually 4318, in OTEL_EXPORTER_OTLP_ENDPOINT"
)
_NO_GRPC = (
    "the collector does not speak gRPC there; set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or name its port for "
    "gRPC, usually 4317, in OTEL_EXPORTER_OTLP_ENDPOINT"
)
_OTHER_PROTOCOLS = (
    (re.compile(r"BadStatusLine|HTTP/0\.9|Received HTTP/"), _NO_HTTP),
    (re.compile(r"Failed parsing HTTP/2"), _NO_GRPC),
)
"""What the libraries say of an answer in another protocol, and what is told instead."""


class EveryMinute(logging.Filter):
    """Lets one warning pass every `INTERVAL`, shortened to a sentence, and counts the ones it held back.

    Args:
        clock: Monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._next = float("-inf")
        self._held = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged; it is rewritten if it is."""
        if record.levelno < logging.WARNING:
            return True
        now = self._clock()
        if now < self._next:
            self._held += 1
            return False
        told = _told(record.getMessage())
        held = f" ({self._held} messages like this were held back)" if self._held else ""
        record.msg = "telemetry is not being delivered: %s%s"
        record.args, record.exc_info, record.exc_text = (told, held), None, None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        self._next, self._held = now + INTERVAL, 0
        return True


_shared = EveryMinute()


def quieten_exporters() -> None:
    """Put one shared filter on the loggers that speak when a collector is gone; harmless to repeat."""
    for name in _NOISY:
        logging.getLogger(name).addFilter(_shared)
    logging.getLogger(_ABOUT_ITSELF).setLevel(logging.CRITICAL)


def _told(said: str) -> str:
    return next((told for pattern, told in _OTHER_PROTOCOLS if pattern.search(said)), said)
