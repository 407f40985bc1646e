"""Limits from adapters whose truth is known, and how often the gate would be wrong by them, either way.

Nothing is painted here: figures come in, limits go out.
"""

from collections.abc import Sequence

import msgspec

from kilnmark.lab.gate.checks import refused
from kilnmark.lab.gate.figures import GateFigures
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
    """The usual limits, changed no more than these adapters ask for, and never beyond [hard].

    One that a good adapter does not hold goes halfway from the worst of them to the nearest bad one beyond, or to the
    worst where there is none. Of each bad one that still passes, the figure that sets it apart from all good ones most
    goes halfway to it. A bad one that nothing sets apart still passes.
    """
    good, bad = ([one for one in known if one.is_good is is_good] for is_good in (True, False))
    ranges = {name: _range(good, name) for name in limits.limits}
    found = {name: _opened(name, limits, ranges[name], bad) for name in limits.limits}
    own = msgspec.structs.replace(limits, name=f"{limits.name} as calibrated", limits=found)
    for one in bad:
        if not refused(one.figures, own):
            own = msgspec.structs.replace(own, limits=_closed(own.limits, ranges, one))
    return own


def _range(good: Sequence[KnownAdapter], name: str) -> tuple[float, float] | None:
    values = [value for one in good if (value := _value(one, name)) is not None]
    return (min(values), max(values)) if values else None


def _opened(name: str, limits: GateLimits, ends: tuple[float, float] | None, bad: Sequence[KnownAdapter]) -> Limit:
    limit, hard = limits.limits[name], limits.hard.get(name, Limit())
    if ends is None:
        return limit
    values = [value for one in bad if (value := _value(one, name)) is not None]
    least, most = limit.least, limit.most
    if least is not None and ends[0] < least:
        least = (ends[0] + max((value for value in values if value < ends[0]), default=ends[0])) / 2
        least = least if hard.least is None else max(least, hard.least)
    if most is not None and ends[1] > most:
        most = (ends[1] + min((value for value in values if value > ends[1]), default=ends[1])) / 2
        most = most if hard.most is None else min(most, hard.most)
    return Limit(least, most)


def _closed(
    limits: dict[str, Limit], ranges: dict[str, tuple[float, float] | None], bad: KnownAdapter
) -> dict[str, Limit]:
    best, gap = limits, 0.0
    for name, limit in limits.items():
        value, ends = _value(bad, name), ranges[name]
        if value is None or ends is None:
            continue
        low, high = ends
        for apart, closer in (
            (low - value, None if limit.least is None else Limit((low + value) / 2, limit.most)),
            (value - high, None if limit.most is None else Limit(limit.least, (high + value) / 2)),
        ):
            share = apart / max(abs(low), abs(high), abs(value), 1e-9)
            if closer is not None and share > gap:
                best, gap = {**limits, name: closer}, share
    return best


def _value(one: KnownAdapter, name: str) -> float | None:
    found: float | None = getattr(one.figures, name)
    return found


def _wrong(found: Sequence[tuple[KnownAdapter, bool]], *, is_good: bool) -> tuple[str, ...]:
    return tuple(one.name for one, kept_out in found if one.is_good == is_good and kept_out == is_good)
