"""Figures held to limits: a check each, and what they come to. Nothing is measured here."""

import msgspec

from kilnmark.lab.gate.figures import FIGURES, GateFigures
from kilnmark.lab.gate.limits import GateLimits
from kilnmark.lab.run.state import Outcome

__all__ = ["GateCheck", "checked", "outcome_of", "refused"]


class GateCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One figure held to its limit.

    Attributes:
        figure: Which.
        title: In words.
        limit: What it has to be, in words.
        value: What it is; None where it was not measured.
        outcome: `undecided` where it was not measured.
        said: The sentence about it, without full stop.
    """

    figure: str
    title: str
    limit: str
    value: float | None
    outcome: Outcome
    said: str


def checked(figures: GateFigures, limits: GateLimits) -> tuple[GateCheck, ...]:
    """Every limit with its figure, in the order of the figures."""
    known = figures.known()
    return tuple(_check(name, known.get(name), figures, limits) for name in FIGURES if name in limits.limits)


def outcome_of(checks: tuple[GateCheck, ...], limits: GateLimits) -> tuple[Outcome, tuple[str, ...]]:
    """What checks come to, and why it is not passed.

    Returns:
        Failed where one failed; undecided where one that is needed was not measured; and the sentences of these.
    """
    failed = tuple(one.said for one in checks if one.outcome is Outcome.FAILED)
    if failed:
        return Outcome.FAILED, failed
    unknown = tuple(one.said for one in checks if one.outcome is Outcome.UNDECIDED and one.figure in limits.needs)
    return (Outcome.UNDECIDED, unknown) if unknown else (Outcome.PASSED, ())


def refused(figures: GateFigures, limits: GateLimits) -> bool:
    """Whether an adapter with these figures is kept out."""
    return outcome_of(checked(figures, limits), limits)[0] is not Outcome.PASSED


def _check(name: str, value: float | None, figures: GateFigures, limits: GateLimits) -> GateCheck:
    figure, limit = FIGURES[name], limits.limits[name]
    if value is None:
        why = figures.unmeasured.get(name, "it was not asked for")
        outcome, said = Outcome.UNDECIDED, f"{figure.title}: not measured, since {why}"
    elif limit.holds(value):
        outcome, said = Outcome.PASSED, f"{figure.title}: {value:.3g}, {limit} is asked for"
    else:
        low = limit.least is not None and not value >= limit.least
        what = (figure.low if low else figure.high) or figure.title
        outcome, said = Outcome.FAILED, f"{what} ({name} is {value:.3g}, {limit} is asked for); {figure.mend}"
    return GateCheck(figure=name, title=figure.title, limit=str(limit), value=value, outcome=outcome, said=said)
