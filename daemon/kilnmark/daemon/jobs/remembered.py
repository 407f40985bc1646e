"""The ended jobs that are remembered, in the order in which they ended, within a number and an age.

How long that is follows from the events, which tell the time; no clock is read here.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator

from kilnmark.daemon.jobs.jobs import Job
from kilnmark.daemon.jobs.traits import JobTraits, traits_of

__all__ = ["FOR_EVER", "LOOKED_AT", "REMEMBERED", "RememberedJobs"]

REMEMBERED = 1000
"""Ended jobs whose outcome is kept for whoever asks again with the same `job_id`."""

LOOKED_AT = 2000
"""Jobs that are looked at in one go: a millisecond's work where they were looked at before."""

FOR_EVER = math.inf


class RememberedJobs:
    """Ended jobs by id and by the order of their ends.

    Args:
        limit: How many are kept; at least one.
        seconds: How long after its end one is kept at most.
    """

    def __init__(self, limit: int = REMEMBERED, seconds: float = FOR_EVER) -> None:
        self._limit = limit
        self._seconds = seconds
        self._numbers: dict[str, int] = {}
        self._order: list[int] = []
        self._jobs: dict[int, Job] = {}
        self._traits: dict[int, JobTraits] = {}
        self._count = 0

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    @property
    def latest(self) -> Job:
        """The one that ended last. IndexError: none did."""
        return self._jobs[self._order[-1]]

    def heed(self, limit: int, seconds: float) -> None:
        """Take other bounds, which count when a job ends next."""
        self._limit, self._seconds = limit, seconds

    def find(self, job_id: str) -> Job | None:
        """The job of that id, if it is remembered."""
        number = self._numbers.get(job_id)
        return None if number is None else self._jobs[number]

    def put(self, job: Job, at: float) -> None:
        """A job ended; those beyond the number and the age are forgotten."""
        self.drop(job.job_id)
        self._numbers[job.job_id] = self._count
        self._order.append(self._count)
        self._jobs[self._count] = job
        self._count += 1
        self.forget(at)

    def drop(self, job_id: str) -> None:
        """Forget a job; nothing happens when it is not remembered."""
        if (number := self._numbers.pop(job_id, None)) is not None:
            del self._order[bisect_left(self._order, number)], self._jobs[number]
            self._traits.pop(number, None)

    def forget(self, now: float) -> None:
        """Forget what is too old at this moment, and too many."""
        while len(self._order) > self._limit or (self._order and self._is_old(now)):
            self.drop(self._jobs[self._order[0]].job_id)

    def before(self, number: int | None = None) -> Iterator[tuple[int, Job]]:
        """The jobs that ended before the one of that number, the latest first; None: all.

        Nothing may be put, dropped or forgotten meanwhile.
        """
        for i in range(len(self._order) if number is None else bisect_left(self._order, number), 0, -1):
            yield self._order[i - 1], self._jobs[self._order[i - 1]]

    def fitting(self, fits: Callable[[JobTraits], bool], number: int | None = None) -> Iterator[tuple[int, Job | None]]:
        """Those of `before` that are asked for, and now and then one without its job, to tell how far it is looked.

        Nothing may be put, dropped or forgotten meanwhile.
        """
        for i in range(len(self._order) if number is None else bisect_left(self._order, number), 0, -1):
            at = self._order[i - 1]
            traits = self._traits.get(at)
            if traits is None:
                traits = self._traits[at] = traits_of(self._jobs[at])
            if fits(traits):
                yield at, self._jobs[at]
            elif i % LOOKED_AT == 0:
                yield at, None

    def _is_old(self, now: float) -> bool:
        ended = self._jobs[self._order[0]].ended
        return ended is not None and ended.at < now - self._seconds
