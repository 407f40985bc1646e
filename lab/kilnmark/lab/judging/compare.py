"""Runs side by side on the cells that all of them were judged on, and how much so few cells can tell.

Nothing is judged here, and nothing is read but judgements.
"""

import shlex
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import msgspec

from kilnmark.lab.errors import RunMissing
from kilnmark.lab.judging.errors import NotComparable
from kilnmark.lab.judging.intervals import Interval, sign_test, wilson
from kilnmark.lab.judging.report import CellStatus, JudgedCell, JudgementReport, read_judgement
from kilnmark.lab.judging.verdict import ALL
from kilnmark.lab.run.folder import read_state
from kilnmark.lab.run.plan import PLAN

__all__ = ["Compared", "ComparedAxis", "ComparedRun", "Difference", "compare_runs"]


class ComparedAxis(msgspec.Struct, frozen=True, kw_only=True):
    """One axis of one run, over the cells in common.

    Attributes:
        axis: Its name, or `all`.
        title: In a word.
        passed: How many cells pass.
        of: Of how many.
        low, high: Where the share may lie, at 95 %.
        mean: Of the scores; None of `all`.
    """

    axis: str
    title: str
    passed: int
    of: int
    low: float
    high: float
    mean: float | None = None


class ComparedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a comparison.

    Attributes:
        run: Its folder, as it was named.
        adapter: What it is called, with its step.
        judgement: The judging's number.
        judge: Who judged.
        verdict: What the whole judging came to.
        bars: What it was held to.
        axes: Over the cells in common.
    """

    run: str
    adapter: str
    judgement: int
    judge: str
    verdict: str
    bars: str
    axes: tuple[ComparedAxis, ...]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How two runs stand to each other, cell by cell.

    Attributes:
        one, other: The runs.
        better: Cells that only the one passes.
        worse: Cells that only the other passes.
        chance: How likely a difference of this size would come by chance (sign test).
        tells: Whether the difference is one.
    """

    one: str
    other: str
    better: int
    worse: int
    chance: float
    tells: bool


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Runs side by side.

    Attributes:
        runs: As they were named.
        cells: The names of the cells in common, those of the first run.
        differences: Of every two.
        notes: What has to be known to read it.
    """

    runs: tuple[ComparedRun, ...]
    cells: tuple[str, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


_CHANCE = 0.05
_Cells = Mapping[tuple[str, int], JudgedCell]


def compare_runs(runs: Sequence[Path]) -> Compared:
    """The last judgements of runs, on the cells that all have.

    Args:
        runs: Their folders, at least two.

    Raises:
        RunMissing: One is no run.
        NotComparable: One has no judgement, they were painted otherwise, or have no cell in common.
    """
    last = [_last(run) for run in runs]
    if None in last:
        raise _unjudged([run for run, report in zip(runs, last, strict=True) if report is None])
    reports = [report for report in last if report is not None]
    _check(runs, reports)
    found: list[_Cells] = [_judged(report) for report in reports]
    common = [key for key in found[0] if all(key in cells for cells in found[1:])]
    if not common:
        raise NotComparable("the runs have no judged cell in common")
    compared = tuple(
        _compared(run, report, [cells[key] for key in common])
        for run, report, cells in zip(runs, reports, found, strict=True)
    )
    pairs = list(combinations(range(len(runs)), 2))
    return Compared(
        runs=compared,
        cells=tuple(found[0][key].name for key in common),
        differences=tuple(_difference(runs, found, common, one, other) for one, other in pairs),
        notes=tuple(_notes(reports, compared, len(common))),
    )


def _last(run: Path) -> JudgementReport | None:
    """The last judgement that has a cell; None where there is none."""
    if not (run / PLAN).is_file():
        raise RunMissing(str(run))
    state = read_state(run)
    for judged in reversed(state.judgements if state else ()):
        report = read_judgement(run / judged.folder)
        if report is not None and report.judged:
            return report
    return None


def _unjudged(runs: Sequence[Path]) -> NotComparable:
    names = ", ".join(map(str, runs))
    commands = " and ".join(f"`{shlex.join(['kilnmark', 'lab', 'judge', str(run)])}`" for run in runs)
    said = f"{names} {'has' if len(runs) == 1 else 'have'} no judged cell yet, so that there is nothing to compare"
    return NotComparable(said, f"judge with {commands}")


def _check(runs: Sequence[Path], reports: Sequence[JudgementReport]) -> None:
    first = reports[0]
    for run, report in zip(runs[1:], reports[1:], strict=True):
        for what, here, there in (
            ("judge", first.judge, report.judge),
            ("numbers", first.numbers, report.numbers),
            ("base", first.base, report.base),
            ("bars", first.bars, report.bars),
            ("scale", first.adapter.scale, report.adapter.scale),
        ):
            if here != there:
                raise NotComparable(f"{runs[0]} and {run} differ in more than their adapters: the {what}")


def _judged(report: JudgementReport) -> _Cells:
    return {(cell.prompt, cell.seed): cell for cell in report.cells if cell.status is CellStatus.JUDGED}


def _compared(run: Path, report: JudgementReport, cells: Sequence[JudgedCell]) -> ComparedRun:
    axes = [_axis(axis, report.title(axis), cells) for axis in cells[0].passed]
    passed = sum(_passes(cell) for cell in cells)
    where = wilson(passed, len(cells))
    axes.append(ComparedAxis(axis=ALL, title="full", passed=passed, of=len(cells), low=where.low, high=where.high))
    return ComparedRun(
        run=str(run),
        adapter=f"{report.adapter.name} {report.adapter.step}",
        judgement=report.number,
        judge=report.judge.name,
        verdict=str(report.verdict),
        bars=report.bars,
        axes=tuple(axes),
    )


def _axis(axis: str, title: str, cells: Sequence[JudgedCell]) -> ComparedAxis:
    passed = sum(cell.passed.get(axis, False) for cell in cells)
    scores = [score.score for cell in cells if (score := cell.score(axis)) is not None]
    where = wilson(passed, len(cells))
    mean = sum(scores) / len(scores) if scores else None
    return ComparedAxis(axis=axis, title=title, passed=passed, of=len(cells), low=where.low, high=where.high, mean=mean)


def _difference(
    runs: Sequence[Path], found: Sequence[_Cells], common: Sequence[tuple[str, int]], one: int, other: int
) -> Difference:
    outcomes = [(_passes(found[one][key]), _passes(found[other][key])) for key in common]
    better = sum(here and not there for here, there in outcomes)
    worse = sum(there and not here for here, there in outcomes)
    chance = sign_test(better, worse)
    return Difference(
        one=str(runs[one]), other=str(runs[other]), better=better, worse=worse, chance=chance, tells=chance < _CHANCE
    )


def _passes(cell: JudgedCell) -> bool:
    return all(cell.passed.values())


def _notes(reports: Sequence[JudgementReport], compared: Sequence[ComparedRun], cells: int) -> list[str]:
    full = [run.axes[-1] for run in compared]
    notes = []
    widest = max((Interval(axis.low, axis.high) for axis in full), key=lambda interval: interval.width)
    if widest.is_wide:
        notes.append(
            f"{cells} cells are few: a share of {full[0].passed} of {cells} may be anything from {full[0].low:.0%} to "
            f"{full[0].high:.0%} (Wilson, 95 %)"
        )
    if all(Interval(one.low, one.high).meets(Interval(two.low, two.high)) for one in full for two in full):
        notes.append("the intervals of all runs meet: by the shares alone they cannot be told apart")
    if reports[0].judge.is_metric:
        notes.append("a metric judged, and nobody looked")
    return notes
