"""LabFigures as people read them: one row a figure, with what it is made of. The table and the index show the same."""

from typing import NamedTuple

from kilnmark.lab.figures.figures import Cost, LabFigures, Steadiness, Yes

__all__ = ["FigureRow", "figure_rows", "span_words", "time_words"]

_NONE = "none yet"
_NONE = "none yet"
_DAY, _HOUR, _MINUTE = 86400, 3600, 60


class FigureRow(NamedTuple):
    """One figure: its name, its value, and what that is made of."""

    name: str
    value: str
    of: str


def figure_rows(figures: LabFigures) -> list[FigureRow]:
    """All of them, as people read them."""
    published = figures.publishing
    rows = [
        FigureRow(
            "time to publish",
            _NONE if published.median is None else time_words(published.median),
            "no run was promoted"
            if published.quickest is None or published.slowest is None
            else f"median of {_count(published.count, 'run')}, "
            f"{time_words(published.quickest)} to {time_words(published.slowest)}",
        )
    ]
    rows += [_cost(cost, figures.approval.count) for cost in figures.costs] or [
        FigureRow("cost per approved picture", _NONE, "nothing was spent")
    ]
    parts = f"judged cells {_of(figures.judged)}, pictures of batches {_of(figures.batches)}"
    rows.append(FigureRow("approval rate", _share(figures.approval), f"{parts}{_within(figures.approval)}"))
    rows.append(FigureRow("identity consistency", _share(figures.identity.passed), _steady(figures.identity)))
    return rows


def span_words(figures: LabFigures) -> str:
    """The span, by its days."""
    return f"{figures.since[:10]} to {figures.until[:10]}"


def time_words(seconds: float) -> str:
    """A length of time, in the two units that matter."""
    for unit, part, size, smaller in (("d", "h", _DAY, _HOUR), ("h", "min", _HOUR, _MINUTE), ("min", "s", _MINUTE, 1)):
        if seconds >= size:
            whole, rest = divmod(int(seconds), size)
            return f"{whole} {unit} {rest // smaller} {part}"
    return f"{seconds:.0f} s"


def _cost(cost: Cost, approved: int) -> FigureRow:
    value = _NONE if cost.per_approved is None else f"{cost.per_approved:.2f} {cost.currency}"
    made_of = f"{cost.amount:.2f} {cost.currency} spent, {_count(approved, 'picture')} approved"
    return FigureRow("cost per approved picture", value, made_of)


def _steady(steadiness: Steadiness) -> str:
    if steadiness.mean is None or steadiness.deviation is None:
        return "nothing was judged"
    scores = f"scores {steadiness.mean:.2f} ± {steadiness.deviation:.2f}"
    return f"{_of(steadiness.passed)} cells, {scores}{_within(steadiness.passed)}"


def _share(yes: Yes) -> str:
    return _NONE if yes.share is None else f"{yes.share:.0%}"


def _of(yes: Yes) -> str:
    return f"{yes.count} of {yes.of}"


def _within(yes: Yes) -> str:
    """Where the share may lie, where that is not clear from it."""
    if yes.share is None:
        return ""
    wide = ", which is wide" if yes.within.is_wide else ""
    return f"; at 95 % {yes.within.low:.0%} to {yes.within.high:.0%}{wide}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
