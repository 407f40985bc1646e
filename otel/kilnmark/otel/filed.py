"""Spans into a file, as lines of OTLP's JSON, for whoever has no collector.

How a file takes lines of several processes is `tracefile`'s part.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from kilnmark.otel.drops import Drops
from kilnmark.otel.tracefile import TraceFile

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

__all__ = ["filed_spans"]


def filed_spans(path: Path, drops: Drops) -> "SpanExporter":
    """What writes each batch of spans as one line.

    Args:
        path: The file; daemon and worker have the same one.
        drops: Counts the spans that could not be written.
    """
    from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter

    class FiledSpans(FileSpanExporter):
        def export(self, spans: "Sequence[ReadableSpan]") -> "SpanExportResult":
            result = super().export(spans)
            if result.name != "SUCCESS":
                drops.add("traces", len(spans))
            return result

    return FiledSpans(stream=cast("IO[str]", TraceFile(path)))
