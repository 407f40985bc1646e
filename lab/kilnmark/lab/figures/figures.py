"""LabFigures over runs and batches in a span of days: how long, how dear, how good, how steady.

They are made anew of the folders whenever they are asked for, and nothing is kept. How they look is not known here.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import fmean, median, pstdev

import msgspec

from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.picks.said import PickWord, Said
from kilnmark.lab.errors import LabError
from kilnmark.lab.judging.axes import IDENTITY
from kilnmark.lab.judging.intervals import Interval, wilson
from kilnmark.lab.judging.report import CellStatus, JudgedCell, JudgementReport, read_judgement
from kilnmark.lab.run.found import FoundRun, FoundWork
from kilnmark.protocol.content.problems import UnusableContent

__all__ = ["Cost", "LabFigures", "Publishing", "Steadiness", "Yes", "figures_of"]


class Publishing(msgspec.Struct, frozen=True):
    """How long it took from a run's first moment to its first promotion, in seconds.

    Attributes:
        count: Runs that were promoted in the span.
        median: Of them; None where there are none.
        quickest, slowest: Likewise.
    """

    count: int
    median: float | None
    quickest: float | None
    slowest: float | None


class Cost(msgspec.Struct, frozen=True):
    """What was spent in the span, in one currency.

    Attributes:
        currency: Of the amounts.
        amount: Spent and reserved.
        per_approved: Amount by approved picture; None where none was approved.
    """

    currency: str
    amount: float
    per_approved: float | None


class Yes(msgspec.Struct, frozen=True):
    """How many of some were found good.

    Attributes:
        count: How many were.
        of: Of how many that were decided.
        share: `count` by `of`; None where nothing was decided.
        within: Where the share may lie, at 95 %.
    """

    count: int
    of: int
    share: float | None
    within: Interval


class Steadiness(msgspec.Struct, frozen=True):
    """How alike the trained ones were in the pictures that were judged.

    Attributes:
        passed: Cells that pass identity, of those that were judged on it.
        mean: Of their scores, 0 to 1; None where there are none.
        deviation: Standard deviation of the scores, over all cells.
    """

    passed: Yes
    mean: float | None
    deviation: float | None


class LabFigures(msgspec.Struct, frozen=True, kw_only=True):
    """All of them.

    Attributes:
        since, until: The span, UTC, ISO 8601; its begin counts, its end does not.
        runs: In which something happened in it.
        publishing: Time to publish.
        costs: By currency.
        approval: Judged cells that pass everything, and pictures of batches that people approved, of all that were
            decided.
        judged: The cells' part of it.
        batches: The batches' part of it.
        identity: Identity's steadiness.
        unread: What could not be read and is therefore missing, in sentences.
    """

    since: str
    until: str
    runs: int
    publishing: Publishing
    costs: tuple[Cost, ...]
    approval: Yes
    judged: Yes
    batches: Yes
    identity: Steadiness
    unread: tuple[str, ...] = ()


class _Span(msgspec.Struct, frozen=True):
    since: datetime
    until: datetime

    def has(self, moment: str | None) -> bool:
        when = _time(moment)
        return when is not None and self.since <= when < self.until


def figures_of(found: FoundWork, *, days: float = 7.0, until: datetime | None = None) -> LabFigures:
    """LabFigures over all that was found.

    Args:
        found: Runs and batches.
        days: Length of the span.
        until: Its end; None: now.
    """
    end = (until or datetime.now(UTC)).astimezone(UTC)
    span = _Span(end - timedelta(days=days), end)
    unread = [run.problem for run in found.runs if run.problem]
    unread += [batch.problem for batch in found.batches if batch.problem]
    cells = [cell for run in found.runs for report in _judgements(run, span, unread) for cell in _decided(report)]
    decisions = list(_decisions(found, span, unread))
    judged = _yes(sum(all(cell.passed.values()) for cell in cells), len(cells))
    batches = _yes(sum(one.word is PickWord.ACCEPTED for one in decisions), len(decisions))
    approval = _yes(judged.count + batches.count, judged.of + batches.of)
    return LabFigures(
        since=span.since.isoformat(timespec="seconds"),
        until=span.until.isoformat(timespec="seconds"),
        runs=sum(_is_live(run, span) for run in found.runs),
        publishing=_publishing(found, span),
        costs=_costs(found, span, approval.count),
        approval=approval,
        judged=judged,
        batches=batches,
        identity=_steadiness(cells),
        unread=tuple(unread),
    )


def _is_live(run: FoundRun, span: _Span) -> bool:
    return span.has(run.changed or None)


def _judgements(run: FoundRun, span: _Span, unread: list[str]) -> Iterator[JudgementReport]:
    """The last judgement of each adapter of a run that ended in the span."""
    judged = run.state.judgements if run.state else ()
    for one in {each.sha256: each for each in judged if span.has(each.ended)}.values():
        try:
            report = read_judgement(run.folder / one.folder)
        except LabError as error:
            unread.append(str(error))
            continue
        if report is None:
            unread.append(f"{run.place}: the judgement in {one.folder} is not there any more")
        else:
            yield report


def _decided(report: JudgementReport) -> Iterator[JudgedCell]:
    return (cell for cell in report.cells if cell.status is CellStatus.JUDGED and cell.passed)


def _decisions(found: FoundWork, span: _Span, unread: list[str]) -> Iterator[Said]:
    for batch in found.batches:
        if batch.manifest is None:
            continue
        try:
            picks = PicksFiles.of(batch.folder).read()
        except UnusableContent as error:
            unread.append(str(error))
            continue
        for entry in {picture.entry: None for picture in batch.manifest.pictures}:
            said = (one.standing for one in picks.of_entry(entry).pictures)
            yield from (one for one in said if one is not None and span.has(one.at or None))


def _publishing(found: FoundWork, span: _Span) -> Publishing:
    times = [seconds for run in found.runs if (seconds := _published(run, span)) is not None]
    if not times:
        return Publishing(0, None, None, None)
    return Publishing(len(times), median(times), min(times), max(times))


def _published(run: FoundRun, span: _Span) -> float | None:
    """Seconds from the beginning of a run to its first promotion, if that is in the span."""
    first = next((one for one in run.state.promotions if not one.demoted), None) if run.state else None
    if run.state is None or first is None or not span.has(first.at):
        return None
    begin, end = _time(run.state.created), _time(first.at)
    return None if begin is None or end is None else max(0.0, (end - begin).total_seconds())


def _costs(found: FoundWork, span: _Span, approved: int) -> tuple[Cost, ...]:
    amounts: dict[str, float] = {}
    for run in found.runs:
        if run.plan is None or run.state is None:
            continue
        for one in run.state.spending:
            if span.has(one.at):
                currency = run.plan.budget.currency
                amounts[currency] = amounts.get(currency, 0.0) + one.amount
    return tuple(Cost(name, amounts[name], amounts[name] / approved if approved else None) for name in sorted(amounts))


def _steadiness(cells: list[JudgedCell]) -> Steadiness:
    found = [(score.score, cell.passed.get(IDENTITY, False)) for cell in cells if (score := cell.score(IDENTITY))]
    scores = [score for score, _ in found]
    return Steadiness(
        _yes(sum(passed for _, passed in found), len(found)),
        fmean(scores) if scores else None,
        pstdev(scores) if scores else None,
    )


def _yes(count: int, of: int) -> Yes:
    return Yes(count, of, count / of if of else None, wilson(count, of))


def _time(moment: str | None) -> datetime | None:
    """A time as states have it; None for what is none, which then counts nowhere."""
    try:
        found = datetime.fromisoformat(moment or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
