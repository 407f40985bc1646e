"""The plot of the benchmarks as SVG: what a change of stack costs, and what a step costs with one on.

Colours follow the reader's choice of light or dark. Nothing is measured here.
"""

import math
import re
from collections.abc import Iterator, Sequence
from html import escape

from tests.benchmarks.figures import Figure

__all__ = ["draw", "number"]

WIDTH, ROW, LEFT, RIGHT, TOP = 920, 24, 380, 830, 64
STEP_HEIGHT, GAP = 230, 72
STEP_LEFT = 90
LABEL = 17
"""Between the lines of two labels."""
COLOURS = {"kilnmark": "#d9572b", "mflux": "#3b7dd8", "diffusers": "#7a9a3a"}
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}.title{font-weight:600}.axis{stroke:#999;stroke-width:1}"
    ".soft{fill:#777}@media(prefers-color-scheme:dark){text{fill:#ddd}.soft{fill:#999}}"
)
STEPS = re.compile(r"(\d+) of rank 16$")


def draw(figures: Sequence[Figure]) -> str:
    """The whole SVG document."""
    switches = [it for it in figures if it.part == "switch" and it.base == "directory"]
    steps = [it for it in figures if it.part == "step" and it.base == "directory" and STEPS.match(it.what)]
    bars_end = TOP + ROW * len(switches)
    height = bars_end + GAP + STEP_HEIGHT + 50
    body = [*_bars(switches), *_lines(steps, bars_end + GAP)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="Switching stacks, and the cost of a step">\n<style>{STYLE}</style>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _bars(figures: Sequence[Figure]) -> Iterator[str]:
    """One bar a figure on a logarithmic axis of milliseconds."""
    yield _text(16, 26, "Another stack on a warm base of 1+1 blocks, milliseconds (logarithmic)", "title")
    low = math.floor(min((math.log10(it.value) for it in figures), default=0.0))
    high = math.ceil(max((math.log10(it.value) for it in figures), default=1.0))
    scale = (RIGHT - LEFT) / max(high - low, 1)
    for power in range(low, high + 1):
        at = LEFT + (power - low) * scale
        yield f'<line class="axis" x1="{at:.1f}" y1="{TOP - 14}" x2="{at:.1f}" y2="{TOP + ROW * len(figures)}"/>'
        yield _text(at, TOP - 18, f"{10.0**power:,.{max(-power, 0)}f}", "soft", "middle")
    for row, it in enumerate(sorted(figures, key=lambda it: it.value)):
        y = TOP + ROW * row
        length = max((math.log10(it.value) - low) * scale, 2)
        yield _text(LEFT - 8, y + 15, f"{it.who}: {it.what}", "", "end")
        yield f'<rect x="{LEFT}" y="{y + 3}" width="{length:.1f}" height="{ROW - 8}" fill="{_colour(it.who)}"/>'
        yield _text(LEFT + length + 6, y + 15, number(it.value), "soft")


def _lines(figures: Sequence[Figure], top: float) -> Iterator[str]:
    """The ratio of a step with n adapters to one without, a line for each way."""
    yield _text(16, top - 20, "A denoise step with adapters of rank 16, against none", "title")
    ratios = [it.ratio or 1.0 for it in figures]
    most = max([*ratios, 1.1])
    for level in range(6):
        ratio = 1 + (most - 1) * level / 5
        y = _y(ratio, most, top)
        yield f'<line class="axis" x1="{STEP_LEFT}" y1="{y:.1f}" x2="{RIGHT - 150}" y2="{y:.1f}" opacity="0.4"/>'
        yield _text(STEP_LEFT - 8, y + 4, f"{ratio:.2f}", "soft", "end")
    for count in (0, 1, 2, 4, 8):
        yield _text(_x(count), top + STEP_HEIGHT + 20, str(count), "soft", "middle")
    ends = []
    for who in dict.fromkeys(it.who for it in figures):
        points = [(0, 1.0)] + [(_count(it), it.ratio or 1.0) for it in figures if it.who == who]
        places = [(_x(count), _y(ratio, most, top)) for count, ratio in sorted(points)]
        yield from _line(who, places)
        ends.append((*places[-1], who))
    yield from _labels(ends)


def _line(who: str, places: Sequence[tuple[float, float]]) -> Iterator[str]:
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{drawn}" fill="none" stroke="{_colour(who)}" stroke-width="2.5"/>'
    yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{_colour(who)}"/>' for x, y in places)


def _labels(ends: Sequence[tuple[float, float, str]]) -> Iterator[str]:
    """Who a line is, at its end; one that ends where another does is written below it."""
    written: list[tuple[float, float]] = []
    for x, end, who in sorted(ends, key=lambda end: end[1]):
        above = max((at for place, at in written if place == x), default=-math.inf)
        written.append((x, max(end, above + LABEL)))
        yield _text(x + 10, written[-1][1] + 4, who)


def _count(figure: Figure) -> int:
    found = STEPS.match(figure.what)
    return int(found[1]) if found else 0


def _x(count: int) -> float:
    return STEP_LEFT + 20 + count * (RIGHT - 190 - STEP_LEFT) / 8


def _y(ratio: float, most: float, top: float) -> float:
    return top + STEP_HEIGHT * (1 - (max(ratio, 1.0) - 1) / (most - 1))


def _colour(who: str) -> str:
    return next((colour for name, colour in COLOURS.items() if who.startswith(name)), "#888")


def _text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(words)}</text>'


def number(value: float) -> str:
    """Three digits that mean something, and none that do not."""
    if abs(value) >= 100:  # noqa: PLR2004 - three digits before the point
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"  # noqa: PLR2004
