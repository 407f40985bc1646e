"""The renders that may be begun, in order, so that whose turn it is can be told without looking at all of them.

`turn` decides among those at the head: of each priority the eldest, and the eldest of the stack that is on the base.
Nobody else can be next, because ageing never lets a younger render of one priority overtake an older one.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from kilnmark.daemon.jobs.turn import StackKey, Waiting

__all__ = ["Line", "LinePlace"]

W = TypeVar("W", bound=Waiting)

_Places = list[tuple[float, int]]
"""When each was accepted, and how many before it, in order."""


class LinePlace(NamedTuple):
    """Where a render stands: the least goes first, as long as nobody ages and no stack is preferred."""

    level: int
    since: float
    place: int


class Line(Generic[W]):
    """Waiting renders by level, stack and age.

    Adding and removing look a place up by halves, and shift what stands behind it, a few bytes each: microseconds at a
    hundred thousand. A render that changes its level is removed before and added again after.
    """

    def __init__(self) -> None:
        self._standing: dict[int, tuple[LinePlace, W]] = {}
        self._levels: dict[int, _Places] = {}
        self._stacks: dict[tuple[int, StackKey], _Places] = {}

    def __iter__(self) -> Iterator[W]:
        return (one for _, one in self._standing.values())

    def __len__(self) -> int:
        return len(self._standing)

    def add(self, one: W) -> None:
        """Let a render stand in line, where its age puts it."""
        at = LinePlace(one.level, one.since, one.place)
        self._standing[one.place] = at, one
        insort(self._levels.setdefault(at.level, []), at[1:])
        insort(self._stacks.setdefault((at.level, one.stack), []), at[1:])

    def remove(self, one: W) -> None:
        """Take a render out; nothing happens when it does not stand in line."""
        if one.place not in self._standing:
            return
        at, _ = self._standing.pop(one.place)
        _take(self._levels, at.level, at)
        _take(self._stacks, (at.level, one.stack), at)

    def heads(self, on_base: StackKey) -> Iterator[W]:
        """Those among whom the next one is, at most two of each level; some may come twice."""
        for level, places in list(self._levels.items()):
            for standing in (places, self._stacks.get((level, on_base))):
                if standing:
                    yield self._standing[standing[0][1]][1]

    def since(self, first: LinePlace) -> Iterator[tuple[LinePlace, W]]:
        """Who stands at a place or behind it, in order; the line must not change meanwhile."""
        for level in sorted(self._levels):
            if level < first.level:
                continue
            places = self._levels[level]
            begin = bisect_left(places, first[1:]) if level == first.level else 0
            for i in range(begin, len(places)):
                yield self._standing[places[i][1]]


K = TypeVar("K")


def _take(queues: dict[K, _Places], queue: K, at: LinePlace) -> None:
    places = queues[queue]
    del places[bisect_left(places, at[1:])]
    if not places:
        del queues[queue]
