"""The page of the benchmarks: a table of all figures, and where it stands in `docs/benchmarks.md`.

Nothing is measured or judged here.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from scripts.bench_plot import draw, number
from scripts.bench_promises import CARD_PROMISES, PROMISES, Promise, promise_rows
from tests.benchmarks.figures import Fault, Figure, Headline, Line, Missing, Platform, encode, read_lines

__all__ = ["aligned", "between", "gpu_table", "keep", "machine", "promised", "table", "write_gpu_page", "write_page"]

PAGE, PLOT, KEPT = "benchmarks.md", "benchmarks.svg", "benchmarks.jsonl"
PICTURE = f"![Switching stacks, and the cost of a step]({PLOT})\n\n"
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"
GPU_BEGIN, GPU_END = "<!-- bench-gpu: begin -->\n", "<!-- bench-gpu: end -->\n"
HEAD = ("what", "whose", "median", "ratio", "rounds")
PROMISED = ("headline", "found", "promised", "kept")


def table(lines: Sequence[Line], promises: Mapping[str, Promise] = PROMISES) -> str:
    """All figures in Markdown: what is promised, then a table for each part and base, and what is missing from it."""
    shown = [line for line in lines if isinstance(line, Figure | Missing)]
    order = list(dict.fromkeys((line.part, line.base) for line in shown))
    shown.sort(key=lambda line: order.index((line.part, line.base)))
    parts = [machine(lines)]
    if rows := promised(lines, promises):
        parts.append("### promises\n\n" + rows)
    for (part, base), group in groupby(shown, key=lambda line: (line.part, line.base)):
        parts.append(f"### {part}, {base}\n\n" + "\n".join(aligned(list(_rows(list(group))))))
    return "\n\n".join(parts) + "\n"


def gpu_table(lines: Sequence[Line]) -> str:
    """The same of a run on a card."""
    return table(lines, CARD_PROMISES)


def keep(docs: Path, lines: Sequence[Line], *, whole: bool) -> list[Line]:
    """Put a run's lines beside the page, where a run of some parts takes the place of what it measured anew.

    Args:
        docs: The folder of the page.
        lines: Of this run.
        whole: They are of all parts: nothing older is kept.

    Returns:
        All that is kept now.
    """
    path = docs / KEPT
    if not whole:
        parts = tuple(dict.fromkeys(line.part for line in lines if isinstance(line, Figure)))
        lines = [msgspec.structs.replace(it, parts=parts) if isinstance(it, Platform) else it for it in lines]
    kept = {_name(line): line for line in [*([] if whole else read_lines(path)), *lines]}
    path.write_bytes(b"".join(encode(line) for line in kept.values()))
    return list(kept.values())


def _name(line: Line) -> tuple[str, ...]:
    """What a line is about: two of one name are of two runs."""
    match line:
        case Figure() | Missing():
            return line.part, line.base, line.what, line.who
        case Headline():
            return (line.name,)
        case Fault():
            return line.theme, line.what
        case Platform():
            return (*line.parts, *line.facts)


def write_page(docs: Path, lines: Sequence[Line]) -> None:
    """Put the table between the page's marks, and the plot beside the page."""
    between(docs / PAGE, BEGIN, PICTURE + table(lines), END)
    figures = [line for line in lines if isinstance(line, Figure)]
    (docs / PLOT).write_text(draw(figures), encoding="utf-8")


def write_gpu_page(docs: Path, lines: Sequence[Line]) -> None:
    """Put the table of a card between its own marks."""
    between(docs / PAGE, GPU_BEGIN, gpu_table(lines), GPU_END)


def between(page: Path, begin: str, text: str, end: str) -> None:
    """Put a text between two marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    page.write_text(before + begin + text + end + after, encoding="utf-8")


def machine(lines: Sequence[Line]) -> str:
    """The facts of the whole run, then those of each later run of some parts."""
    facts: dict[tuple[str, ...], dict[str, str]] = {}
    for line in lines:
        if isinstance(line, Platform):
            facts.setdefault(line.parts, {}).update(line.facts)
    return "\n\n".join(
        (f"Measured again, {', '.join(parts)}: " if parts else "")
        + ", ".join(f"{name} {fact}" for name, fact in of.items())
        for parts, of in facts.items()
    )


def _rows(group: Sequence[Figure | Missing]) -> Iterator[tuple[str, ...]]:
    yield HEAD
    whats = list(dict.fromkeys(line.what for line in group))
    for line in sorted(group, key=lambda line: whats.index(line.what)):
        if isinstance(line, Missing):
            yield line.what, line.who, f"not measured: {line.reason}", "", ""
            continue
        ratio = "" if line.ratio is None else f"{number(line.ratio)} of {line.against}"
        yield line.what, line.who, f"{number(line.value)} {line.unit}", ratio, str(line.rounds)


def promised(lines: Sequence[Line], promises: Mapping[str, Promise]) -> str:
    """A table of the headlines that were measured, beside what is promised of each; empty where none was."""
    rows = list(promise_rows(lines, promises))
    return "\n".join(aligned([PROMISED, *rows])) if rows else ""


def aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The lines of a Markdown table whose first row is its head."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for place, row in enumerate(rows):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        if place == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
