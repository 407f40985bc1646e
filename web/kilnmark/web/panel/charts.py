"""What recent renders and switches took, as bars: where each stands and how high, for a template to draw. No markup.

Nothing but what `jobs.list` tells is used.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.web.panel.words import moment, time_words, waited_s

__all__ = ["Bar", "RenderChart", "render_chart"]

WIDTH: Final = 600
HEIGHT: Final = 120
BELOW: Final = 36
"""Of the bars below the axis, which are the switches' and have a scale of their own."""
MOST: Final = 60
"""Bars on a chart."""

_LEAST = 20
"""Bars that the chart has room for where there are fewer, so that none is as wide as a hand."""

_GAP = 2


class Bar(NamedTuple):
    """One render.

    Attributes:
        x, y, width, height: Where the bar stands, in units of the chart.
        kind: `good` or `bad`: an adapter of it is dead.
        switch: The height of the bar below it; 0 where its stack was that of the render before, or none.
        label: All of it in words.
    """

    x: float
    y: float
    width: float
    height: float
    kind: str
    switch: float
    label: str


class RenderChart(NamedTuple):
    """The last renders, the oldest first.

    Attributes:
        bars: One a render.
        top: What the highest bar stands for, in words.
        median: Of all, in words.
        waited: How long the longest of them waited before, in words; empty where none is known.
        switches: How many had another stack than the one before.
        switch_top: What the highest bar of a switch stands for, in words; empty where there is none.
        switch_median: Of all switches, in words, alike.
        width, height, below: Of the chart, in its units.
    """

    bars: tuple[Bar, ...]
    top: str
    median: str
    waited: str
    switches: int
    switch_top: str
    switch_median: str
    width: int = WIDTH
    height: int = HEIGHT
    below: int = BELOW


def render_chart(ended: Sequence[JobInfo]) -> RenderChart | None:
    """The chart of those that were painted; None where none was.

    Args:
        ended: The latest first.
    """
    painted = [job for job in reversed(ended) if job.painted_ms is not None and not job.cached][-MOST:]
    if not painted:
        return None
    times = [(job.painted_ms or 0.0) / 1000 for job in painted]
    switches = [_switch_s(job, before) for job, before in zip(painted, [None, *painted[:-1]], strict=True)]
    took = sorted(seconds for seconds in switches if seconds is not None)
    waits = [wait for job in painted if (wait := waited_s(job)) is not None]
    return RenderChart(
        tuple(_bars(painted, times, switches)),
        time_words(max(times)),
        time_words(sorted(times)[len(times) // 2]),
        time_words(max(waits)) if waits else "",
        len(took),
        time_words(took[-1]) if took else "",
        time_words(took[len(took) // 2]) if took else "",
    )


def _bars(painted: Sequence[JobInfo], times: Sequence[float], switches: Sequence[float | None]) -> Iterator[Bar]:
    highest, slot = max(times) or 1.0, WIDTH / max(len(painted), _LEAST)
    longest = max((seconds or 0.0 for seconds in switches), default=0.0) or 1.0
    for number, (job, seconds, switch) in enumerate(zip(painted, times, switches, strict=True)):
        high = max(2.0, seconds / highest * HEIGHT)
        below = 0.0 if switch is None else max(2.0, switch / longest * BELOW)
        x, y = round(number * slot, 1), round(HEIGHT - high, 1)
        kind, label = "bad" if job.dead else "good", _label(job, seconds, switch)
        yield Bar(x, y, round(slot - _GAP, 1), round(high, 1), kind, round(below, 1), label)


def _switch_s(job: JobInfo, before: JobInfo | None) -> float | None:
    """Seconds that another stack than that of the render before took; None: it was the same, or nobody knows."""
    if before is None or _stack(job) == _stack(before):
        return None
    return (job.adapters_ms or 0.0) / 1000


def _stack(job: JobInfo) -> tuple[object, ...]:
    return (job.variant, *((badge.sha256 or badge.name, badge.scale) for badge in job.adapters))


def _label(job: JobInfo, seconds: float, switch: float | None) -> str:
    parts = [f"{time_words(seconds)} to paint", moment(job.ended)]
    if (waited := waited_s(job)) is not None:
        parts.append(f"waited {time_words(waited)}")
    parts += [] if switch is None else [f"{time_words(switch)} of it for another stack than before"]
    parts += ["a dead adapter"] if job.dead else []
    return ", ".join(parts)
