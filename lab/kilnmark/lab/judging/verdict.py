"""What the scores of a matrix come to under bars: PROCEED, REJECT or IN FLIGHT, and why, by cell.

REJECT stands as soon as nothing that is missing could change it; PROCEED never while a cell is missing.
"""

from collections.abc import Sequence
from math import ceil

import msgspec

from kilnmark.lab.judging.axes import Axis
from kilnmark.lab.judging.bars import Bars
from kilnmark.lab.judging.intervals import wilson
from kilnmark.lab.judging.report import AxisShare, CellStatus, JudgedCell, JudgingVerdict

__all__ = ["ALL", "Decided", "decide", "marked"]

ALL = "all"
"""The share of cells that pass every axis with a bar."""

_ROUNDING = 1e-9
"""So that 0.95 of 20 is 19."""


class Decided(msgspec.Struct, frozen=True):
    """What a matrix comes to.

    Attributes:
        verdict: The word.
        reasons: Why, the worst first.
        shares: By axis, and of all of them.
    """

    verdict: JudgingVerdict
    reasons: tuple[str, ...]
    shares: tuple[AxisShare, ...]


def marked(cell: JudgedCell, bars: Bars) -> JudgedCell:
    """A cell with what it passes."""
    found = {axis: cell.score(axis) for axis in bars.cell}
    passed = {axis: score.score >= bars.cell[axis] for axis, score in found.items() if score is not None}
    return msgspec.structs.replace(cell, passed=passed)


def decide(cells: Sequence[JudgedCell], axes: Sequence[Axis], bars: Bars) -> Decided:
    """Hold cells to bars.

    Args:
        cells: All of the matrix, each with what it passes.
        axes: What they are scored on.
        bars: What they are held to.
    """
    titles = {axis.name: axis.title for axis in axes}
    shares = [_share(cells, axis, titles[axis], bars.over.get(axis)) for axis in bars.cell]
    missing = [cell for cell in cells if cell.status is not CellStatus.JUDGED]
    floors = _below_floor(cells, titles, bars)
    lost = [share for share in shares if share.needed is not None and share.passed + len(missing) < share.needed]
    if floors or lost:
        verdict = JudgingVerdict.REJECT
    elif missing or not cells:
        verdict = JudgingVerdict.IN_FLIGHT
    else:
        verdict = JudgingVerdict.PROCEED
    reasons = [*floors, *map(_of_share, lost), *_failed(cells, titles, bars), *_missing(missing)]
    if verdict is JudgingVerdict.PROCEED:
        reasons = [*map(_of_share, shares), *reasons]
    return Decided(verdict, tuple(reasons), (*shares, _all_of(cells)))


def _share(cells: Sequence[JudgedCell], axis: str, title: str, over: float | None) -> AxisShare:
    scores = [score.score for cell in cells if (score := cell.score(axis)) is not None]
    passed = sum(cell.passed.get(axis, False) for cell in cells)
    where = wilson(passed, len(scores))
    return AxisShare(
        axis=axis,
        title=title,
        passed=passed,
        of=len(scores),
        low=where.low,
        high=where.high,
        mean=sum(scores) / len(scores) if scores else None,
        needed=None if over is None else ceil(over * len(cells) - _ROUNDING),
    )


def _all_of(cells: Sequence[JudgedCell]) -> AxisShare:
    judged = [cell for cell in cells if cell.status is CellStatus.JUDGED]
    passed = sum(all(cell.passed.values()) for cell in judged)
    where = wilson(passed, len(judged))
    return AxisShare(axis=ALL, title="full", passed=passed, of=len(judged), low=where.low, high=where.high)


def _below_floor(cells: Sequence[JudgedCell], titles: dict[str, str], bars: Bars) -> list[str]:
    found = [(cell, axis, cell.score(axis), least) for cell in cells for axis, least in bars.floor.items()]
    return [
        f"{cell.name}: {titles[axis]} {score.score:.2f} is below {least:.2f}, which no cell may be: {score.sentence}"
        for cell, axis, score, least in found
        if score is not None and score.score < least
    ]


def _failed(cells: Sequence[JudgedCell], titles: dict[str, str], bars: Bars) -> list[str]:
    found = [(cell, axis, cell.score(axis)) for cell in cells for axis, passed in cell.passed.items() if not passed]
    return [
        f"{cell.name}: {titles[axis]} {score.score:.2f} is below {bars.cell[axis]:.2f}: {score.sentence}"
        for cell, axis, score in found
        if score is not None and score.score >= bars.floor.get(axis, 0.0)
    ]


def _of_share(share: AxisShare) -> str:
    wanted = "" if share.needed is None else f", {share.needed} {'is' if share.needed == 1 else 'are'} wanted"
    return f"{share.title}: {share.passed} of {share.of} cells pass{wanted}"


def _missing(cells: Sequence[JudgedCell]) -> list[str]:
    return [f"{cell.name}: {cell.status}{': ' if cell.why else ''}{cell.why}" for cell in cells]
