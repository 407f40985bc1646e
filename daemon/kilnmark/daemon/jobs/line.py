"""The renders that may be begun, kept so that whose turn it is can be told without looking at all of them.

`turn` decides among those at the head: of each priority the eldest, and the eldest of the stack that is on the base.
Nobody else can be next, because ageing never lets a younger render of one priority overtake an older one.
"""

from collections import Counter
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

from kilnmark.daemon.jobs.turn import StackKey, Waiting

__all__ = ["Line"]

W = TypeVar("W", bound=Waiting)

_LEFT = 64
"""Entries of renders that left which a queue may hold, beside as many as stand in it."""

_Queue = tuple[int, StackKey | None]
"""A level, and a stack or all of them."""


class Line(Generic[W]):
    """Waiting renders by level, stack and age. Adding, removing and asking cost the logarithm of their number.

    A render that changes its level is removed before and added again after.
    """

    def __init__(self) -> None:
        self._standing: dict[int, tuple[int, W]] = {}
        self._heaps: dict[_Queue, list[tuple[float, int]]] = {}
        self._sizes: Counter[_Queue] = Counter()
        self._levels: set[int] = set()

    def __len__(self) -> int:
        return len(self._standing)

    def add(self, one: W) -> None:
        """Let a render stand in line, where its age puts it."""
        level = one.level
        self._standing[one.place] = level, one
        self._levels.add(level)
        for queue in _queues(level, one.stack):
            heappush(self._heaps.setdefault(queue, []), (one.since, one.place))
            self._sizes[queue] += 1

    def remove(self, one: W) -> None:
        """Take a render out; nothing happens when it does not stand in line."""
        if one.place not in self._standing:
            return
        level, _ = self._standing.pop(one.place)
        for queue in _queues(level, one.stack):
            self._sizes[queue] -= 1
            if not self._sizes[queue]:
                del self._sizes[queue], self._heaps[queue]
            elif len(self._heaps[queue]) > 2 * self._sizes[queue] + _LEFT:
                self._forget_left(queue)
        if (level, None) not in self._heaps:
            self._levels.discard(level)

    def heads(self, on_base: StackKey) -> Iterator[W]:
        """Those among whom the next one is, at most two of each level; some may come twice."""
        for level in list(self._levels):
            for queue in _queues(level, on_base):
                if queue in self._heaps:
                    yield self._eldest(queue)

    def _forget_left(self, queue: _Queue) -> None:
        """Keep those who stand in it, so that many who left behind an eldest one cost no memory."""
        places = {place for _, place in self._heaps[queue] if self._standing.get(place, (None,))[0] == queue[0]}
        heap = self._heaps[queue] = [(self._standing[place][1].since, place) for place in places]
        heapify(heap)

    def _eldest(self, queue: _Queue) -> W:
        """The eldest of a queue that is not empty; who left or changed level since is only now forgotten."""
        heap = self._heaps[queue]
        while True:
            _, place = heap[0]
            level, one = self._standing.get(place, (None, None))
            if one is not None and level == queue[0]:
                return one
            heappop(heap)


def _queues(level: int, stack: StackKey) -> tuple[_Queue, _Queue]:
    return (level, None), (level, stack)
