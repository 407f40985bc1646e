"""Write the tables of `docs/telemetry.md` from the definitions: `python -m scripts.make_telemetry_page`."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from kilnmark.otel.names import attributes, farm, semconv, spans
from kilnmark.otel.names.definitions import AttributeName, Metric, SpanName
from kilnmark.otel.names.metrics import METRICS
from kilnmark.otel.names.prometheus import family_of

__all__ = ["DOCUMENT", "page"]

T = TypeVar("T")

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "telemetry.md"
BEGIN, END = "<!-- telemetry: begin -->\n", "<!-- telemetry: end -->\n"


def page(text: str) -> str:
    """The page with new tables between the marks."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n".join(_tables()) + "\n" + END + rest.partition(END)[2]


def _tables() -> Iterator[str]:
    yield "\n## Spans\n"
    yield from _table(("span", "what it spans"), ((f"`{each}`", each.meaning) for each in _all(spans, SpanName)))
    yield "\n## Attributes\n"
    yield from _attributes(attributes)
    yield "\n## Spans and attributes of the farm\n"
    yield from _table(("span", "what it spans"), ((f"`{each}`", each.meaning) for each in _all(farm, SpanName)))
    yield ""
    yield from _attributes(farm)
    yield f"\n## Names of OpenTelemetry's conventions ({semconv.SEMCONV_VERSION})\n"
    yield from _attributes(semconv)
    yield from _table(("event", "what it tells"), ((f"`{each}`", each.meaning) for each in _all(semconv, SpanName)))
    yield "\n## Metrics\n"
    yield from _table(
        (
            "metric",
            "for Prometheus",
            "instrument",
            "unit",
            "what it tells",
            "what its values carry",
            "the same elsewhere",
        ),
        map(_metric, METRICS),
    )


def _attributes(module: object) -> Iterator[str]:
    rows = ((f"`{each}`", each.form, each.meaning) for each in _all(module, AttributeName))
    yield from _table(("attribute", "form", "what its value tells"), rows)
    yield ""


def _metric(metric: Metric) -> tuple[str, ...]:
    carried = ", ".join(f"`{name}`" for name in metric.attributes)
    prometheus = f"`{family_of(metric)}`"
    return f"`{metric.name}`", prometheus, metric.instrument, metric.unit, metric.meaning, carried, metric.compares_to


def _all(module: object, kind: type[T]) -> Iterator[T]:
    yield from (value for value in vars(module).values() if isinstance(value, kind))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


if __name__ == "__main__":
    DOCUMENT.write_text(page(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
