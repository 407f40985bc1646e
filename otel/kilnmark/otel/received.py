"""Telemetry as it was received, in plain values: what a request of OTLP holds, read.

Only messages are read here; how they come is the receiver's part.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.metrics.v1 import metrics_pb2
    from opentelemetry.proto.trace.v1 import trace_pb2

__all__ = ["Attribute", "LogLine", "Point", "Span", "SpanEvent", "SpanLink", "read_lines", "read_points", "read_spans"]

Attribute = str | bool | int | float | bytes | None | list["Attribute"] | dict[str, "Attribute"]

StatusCode = Literal["unset", "ok", "error"]
_STATUS: dict[int, StatusCode] = {0: "unset", 1: "ok", 2: "error"}
_KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened during a span; `time_ns` counts from the Unix epoch."""

    name: str
    time_ns: int
    attributes: dict[str, Attribute]


@dataclass(frozen=True, slots=True)
class SpanLink:
    """Another span that one points at: 32 and 16 hex digits."""

    trace_id: str
    span_id: str
    attributes: dict[str, Attribute]


@dataclass(frozen=True, slots=True)
class Span:
    """One received span.

    Attributes:
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        parent_id: 16 hex digits; empty for the root of a trace.
        service: `service.name` of the process that made it.
        kind: `internal`, `server`, `client`, `producer` or `consumer`.
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
    kind: str = ""
    links: tuple[SpanLink, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric, as it was when it was sent.

    Attributes:
        name, unit: The metric's.
        kind: `gauge`, `sum`, `histogram` or another of OTLP's.
        attributes: What the value carries.
        value: Of a gauge or a sum; of a histogram, the sum of all.
        count: Of a histogram, how many; else 0.
        trace_ids: Of its exemplars.
    """

    name: str
    unit: str
    kind: str
    service: str
    attributes: dict[str, Attribute]
    value: float
    count: int = 0
    trace_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a log; `trace_id` is empty where it belongs to no trace."""

    body: Attribute
    severity: str
    service: str
    attributes: dict[str, Attribute]
    trace_id: str
    span_id: str


def read_spans(request: "trace_service_pb2.ExportTraceServiceRequest") -> list[Span]:
    """The spans of one request."""
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
        kind=_KINDS.get(span.kind, ""),
        links=tuple(
            SpanLink(link.trace_id.hex(), link.span_id.hex(), _attributes(link.attributes)) for link in span.links
        ),
    )


def read_points(request: "metrics_service_pb2.ExportMetricsServiceRequest") -> Iterator[Point]:
    """The values of metrics of one request."""
    for of_process in request.resource_metrics:
        service = str(_attributes(of_process.resource.attributes).get("service.name", ""))
        for of_library in of_process.scope_metrics:
            for metric in of_library.metrics:
                yield from _points(metric, service)


def _points(metric: "metrics_pb2.Metric", service: str) -> Iterator[Point]:
    kind = metric.WhichOneof("data") or "none"
    for point in getattr(metric, kind).data_points:
        is_number = kind in {"gauge", "sum"}
        value = getattr(point, point.WhichOneof("value") or "as_double") if is_number else point.sum
        yield Point(
            name=metric.name,
            unit=metric.unit,
            kind=kind,
            service=service,
            attributes=_attributes(point.attributes),
            value=float(value),
            count=0 if is_number else point.count,
            trace_ids=tuple(exemplar.trace_id.hex() for exemplar in point.exemplars),
        )


def read_lines(request: "logs_service_pb2.ExportLogsServiceRequest") -> Iterator[LogLine]:
    """The lines of logs of one request."""
    for of_process in request.resource_logs:
        service = str(_attributes(of_process.resource.attributes).get("service.name", ""))
        for of_library in of_process.scope_logs:
            for record in of_library.log_records:
                yield LogLine(
                    body=_value(record.body),
                    severity=record.severity_text,
                    service=service,
                    attributes=_attributes(record.attributes),
                    trace_id=record.trace_id.hex(),
                    span_id=record.span_id.hex(),
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
