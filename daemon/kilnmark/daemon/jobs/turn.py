"""Whose turn it is: the one decision the queue makes, as a pure function of who waits, the time and the base.

Higher priorities go first, whatever a switch costs. Within one, first come is first served, save that renders of the
stack that is on the base may go before older ones of other stacks, for a bounded time. No clock is read here.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

__all__ = ["NO_STACK", "NextTurn", "Pace", "StackKey", "Waiting", "level_at", "next_turn"]

StackKey = tuple[str, Hashable]
"""What tells stacks apart before any file is read: the variant, and the adapters' paths and scales in stack order."""

NO_STACK: StackKey = ("", ())
"""What a worker that has rendered nothing has on its base."""


class Waiting(Protocol):
    """A render that waits, as far as its turn depends on it; times are in seconds of one clock.

    Attributes:
        level: Its priority; 0 goes first.
        since: When it was accepted.
        place: How many came before it.
        stack: What it wants on the base.
        passed_at: When a younger render first went before it while it was the eldest of its level; None when none did.
    """

    @property
    def level(self) -> int: ...  # noqa: D102
    @property
    def since(self) -> float: ...  # noqa: D102
    @property
    def place(self) -> int: ...  # noqa: D102
    @property
    def stack(self) -> StackKey: ...  # noqa: D102
    @property
    def passed_at(self) -> float | None: ...  # noqa: D102


W = TypeVar("W", bound=Waiting)


@dataclass(frozen=True)
class Pace:
    """How patient the waiting must be.

    Attributes:
        batch_delay: Seconds for which younger renders of the stack on the base may go before the eldest, counted from
            the first that does. 0: none ever does.
        ageing: Seconds after which a waiting render counts as one level higher, and after as many again as two.
            0: it never does.
    """

    batch_delay: float = 30.0
    ageing: float = 300.0


class NextTurn(NamedTuple, Generic[W]):
    """Who is next, and the elder that it goes before, if it does."""

    taken: W
    passed: W | None


def level_at(one: Waiting, now: float, ageing: float) -> int:
    """The level that a render counts for after its wait."""
    return max(0, one.level - int((now - one.since) / ageing)) if ageing else one.level


def next_turn(waiting: Iterable[W], *, on_base: StackKey, now: float, pace: Pace) -> NextTurn[W] | None:
    """Decide who is next; None when nobody waits."""
    by_level: dict[int, list[W]] = {}
    for one in waiting:
        by_level.setdefault(level_at(one, now, pace.ageing), []).append(one)
    if not by_level:
        return None
    first = by_level[min(by_level)]
    eldest = min(first, key=_age)
    mate = min((one for one in first if one.stack == on_base), key=_age, default=eldest)
    if mate is eldest or not _may_be_passed(eldest, now, pace):
        return NextTurn(eldest, None)
    return NextTurn(mate, eldest)


def _age(one: Waiting) -> tuple[float, int]:
    return one.since, one.place


def _may_be_passed(eldest: Waiting, now: float, pace: Pace) -> bool:
    if eldest.passed_at is None:
        return pace.batch_delay > 0
    return now - eldest.passed_at < pace.batch_delay
