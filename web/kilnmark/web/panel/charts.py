"""What recent renders took, as bars: where each stands and how high, for a template to draw. No markup.

Nothing but what `jobs.list` tells is used.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.web.panel.words import moment, time_words, waited_s

__all__ = ["Bar", "RenderChart", "render_chart"]

WIDTH: Final = 600
HEIGHT: Final = 120
MOST: Final = 60
"""Bars on a chart."""

_GAP = 2


class Bar(NamedTuple):
    """One render.

    Attributes:
        x, y, width, height: Where the bar stands, in units of the chart.
        kind: `good` or `bad`: an adapter of it is dead.
        switched: Its stack was another than that of the render before.
        label: All of it in words.
    """

    x: float
    y: float
    width: float
    height: float
    kind: str
    switched: bool
    label: str


class RenderChart(NamedTuple):
    """The last renders, the oldest first.

    Attributes:
        bars: One a render.
        top: What the highest bar stands for, in words.
        median: Of all, in words.
        waited: How long the longest of them waited before, in words; empty where none is known.
        switches: How many had another stack than the one before.
        width, height: Of the chart, in its units.
    """

    bars: tuple[Bar, ...]
    top: str
    median: str
    waited: str
    switches: int
    width: int = WIDTH
    height: int = HEIGHT


def render_chart(ended: Sequence[JobInfo]) -> RenderChart | None:
    """The chart of those that were painted; None where none was.

    Args:
        ended: The latest first.
    """
    painted = [job for job in reversed(ended) if job.painted_ms is not None and not job.cached][-MOST:]
    if not painted:
        return None
    times = [(job.painted_ms or 0.0) / 1000 for job in painted]
    highest, slot = max(times) or 1.0, WIDTH / MOST
    bars = []
    for number, (job, seconds) in enumerate(zip(painted, times, strict=True)):
        high = max(2.0, seconds / highest * HEIGHT)
        switched = number > 0 and _stack(job) != _stack(painted[number - 1])
        x, y = round(number * slot, 1), round(HEIGHT - high, 1)
        kind = "bad" if job.dead else "good"
        label = _label(job, seconds, switched=switched)
        bars.append(Bar(x, y, slot - _GAP, round(high, 1), kind, switched, label))
    waits = [wait for job in painted if (wait := waited_s(job)) is not None]
    return RenderChart(
        tuple(bars),
        time_words(max(times)),
        time_words(sorted(times)[len(times) // 2]),
        time_words(max(waits)) if waits else "",
        sum(bar.switched for bar in bars),
    )


def _stack(job: JobInfo) -> tuple[object, ...]:
    return (job.variant, *((badge.sha256 or badge.name, badge.scale) for badge in job.adapters))


def _label(job: JobInfo, seconds: float, *, switched: bool) -> str:
    parts = [f"{time_words(seconds)} to paint", moment(job.ended)]
    if (waited := waited_s(job)) is not None:
        parts.append(f"waited {time_words(waited)}")
    parts += ["another stack than before"] if switched else []
    parts += ["a dead adapter"] if job.dead else []
    return ", ".join(parts)
