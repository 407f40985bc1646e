"""Limits from adapters whose truth is known, and how often the gate would be wrong by them, either way.

Nothing is painted here: figures come in, limits go out.
"""

from collections.abc import Sequence

import msgspec

from kilnmark.lab.gate.checks import refused
from kilnmark.lab.gate.figures import FIGURES, GateFigures
from kilnmark.lab.gate.limits import GateLimits, Limit

__all__ = ["GateCalibration", "KnownAdapter", "calibrated", "proposed"]


class KnownAdapter(msgspec.Struct, frozen=True):
    """An adapter whose truth is known.

    Attributes:
        name: What it is called.
        is_good: Whether it should be promoted.
        figures: What was measured of it.
    """

    name: str
    is_good: bool
    figures: GateFigures


class GateCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """What is proposed, and how it errs.

    Attributes:
        adapters, good: How many were known, and how many of them good.
        limits: Proposed, by figure.
        false_promotions: Bad ones that these limits let through, by name.
        false_refusals: Good ones that they keep out.
        unseen_promotions: Bad ones that limits from all others let through: what is to be expected of others.
        unseen_refusals: Good ones that limits from all others keep out.
    """

    adapters: int
    good: int
    limits: dict[str, Limit]
    false_promotions: tuple[str, ...]
    false_refusals: tuple[str, ...]
    unseen_promotions: tuple[str, ...]
    unseen_refusals: tuple[str, ...]


def calibrated(known: Sequence[KnownAdapter], limits: GateLimits) -> GateCalibration:
    """Propose limits, and tell how they err on these adapters, and on each by limits from all others.

    Args:
        known: At least two good ones and a bad one.
        limits: What is usual: what is kept where nothing tells otherwise.

    Raises:
        ValueError: There are fewer.
    """
    good = sum(one.is_good for one in known)
    if good < 2 or good == len(known):  # noqa: PLR2004 - leaving one out leaves one
        raise ValueError(
            f"{good} good and {len(known) - good} bad adapters tell nothing; give 2 good ones and a bad one"
        )
    own = proposed(known, limits)
    seen = [(one, refused(one.figures, own)) for one in known]
    unseen = [
        (one, refused(one.figures, proposed([*known[:at], *known[at + 1 :]], limits))) for at, one in enumerate(known)
    ]
    return GateCalibration(
        adapters=len(known),
        good=good,
        limits=own.limits,
        false_promotions=_wrong(seen, is_good=False),
        false_refusals=_wrong(seen, is_good=True),
        unseen_promotions=_wrong(unseen, is_good=False),
        unseen_refusals=_wrong(unseen, is_good=True),
    )


def proposed(known: Sequence[KnownAdapter], limits: GateLimits) -> GateLimits:
    """Each limit halfway between the worst good adapter and the nearest bad one beyond it, and never beyond [hard].

    Where no bad one lies beyond, the usual limit stays if all good ones hold it; else it goes to the worst of them.
    """
    found = {name: _moved(name, limit, known, limits) for name, limit in limits.limits.items()}
    return msgspec.structs.replace(limits, name=f"{limits.name} as calibrated", limits=found)


def _moved(name: str, limit: Limit, known: Sequence[KnownAdapter], limits: GateLimits) -> Limit:
    good = [value for one in known if one.is_good and (value := _value(one, name)) is not None]
    bad = [value for one in known if not one.is_good and (value := _value(one, name)) is not None]
    if not good or name not in FIGURES:
        return limit
    hard = limits.hard.get(name, Limit())
    least, most = limit.least, limit.most
    if least is not None:
        least = _edge(min(good), [value for value in bad if value < min(good)], least, up=False)
        least = least if hard.least is None else max(least, hard.least)
    if most is not None:
        most = _edge(max(good), [value for value in bad if value > max(good)], most, up=True)
        most = most if hard.most is None else min(most, hard.most)
    return Limit(least, most)


def _edge(worst: float, beyond: Sequence[float], usual: float, *, up: bool) -> float:
    if beyond:
        return (worst + (min(beyond) if up else max(beyond))) / 2
    return max(usual, worst) if up else min(usual, worst)


def _value(one: KnownAdapter, name: str) -> float | None:
    found: float | None = getattr(one.figures, name)
    return found


def _wrong(found: Sequence[tuple[KnownAdapter, bool]], *, is_good: bool) -> tuple[str, ...]:
    return tuple(one.name for one, kept_out in found if one.is_good == is_good and kept_out == is_good)
