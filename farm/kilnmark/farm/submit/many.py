"""Many jobs at once: all are handed in, a bounded number at a time, and each ending is fetched and handed out.

Leaving early takes nothing back: what was handed in stays with the farm, and whoever hands in the same again gets it.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from kilnmark.client.many import Rendered
from kilnmark.client.request import RenderRequest
from kilnmark.farm.broker.ended import end_tasks
from kilnmark.farm.documents import FarmJob, FarmResult, SubmissionPart
from kilnmark.farm.errors import ContentUnusable, FarmNotUsable
from kilnmark.farm.names import token_of
from kilnmark.farm.submit.endings import error_of, result_at
from kilnmark.farm.submit.jobs import MadeJob
from kilnmark.farm.submit.pictures import Pictures
from kilnmark.farm.submit.racing import Racing
from kilnmark.farm.submit.results import Results
from kilnmark.farm.submit.sending import Sending
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.errors import InvalidParams

__all__ = ["Handed", "ManyJobs"]

_AT_ONCE = 200
"""Jobs that are written down, then handed in, together."""

_FETCHING = 4
"""Pictures that are fetched at once."""

_AGAIN = 0.2
"""Seconds until a job is handed in once more that the broker has not let go of since it ended badly."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A request, as it is handed in.

    Attributes:
        index: Its place among the requests.
        made: The job; None: it cannot be one, for the reason in `error`.
    """

    index: int
    request: RenderRequest
    made: MadeJob | None = None
    error: KilnmarkError | None = None


@dataclass(slots=True)
class _Waiting:
    """A job whose ending is waited for.

    Attributes:
        after: The revision of an ending of it that does not count.
        looked: Whether it was looked up what there is of it.
    """

    index: int
    request: RenderRequest
    made: MadeJob
    after: int = 0
    looked: bool = False

    @property
    def job(self) -> FarmJob:
        """As the broker gets it."""
        return self.made.job


class ManyJobs:
    """One round of them.

    Args:
        results: Where endings are found.
        pictures: Where their pictures are.
        sending: Hands in.
        what: What this was asked by, for people: `batch poi`.
        detached: No ending is waited for.
        racing: Who races the last ones; None: nobody does.

    Attributes:
        painted_before: The ids of jobs that had their pictures when they were handed in.
    """

    def __init__(
        self,
        results: Results,
        pictures: Pictures,
        sending: Sending,
        what: str,
        *,
        detached: bool = False,
        racing: Racing | None = None,
    ) -> None:
        self.painted_before: set[str] = set()
        self._detached = detached
        self._racing = racing
        self._unended: dict[str, FarmJob] = {}
        self._results = results
        self._pictures = pictures
        self._sending = sending
        self._what = what
        self._wanted: dict[str, _Waiting] = {}
        self._twins: dict[str, list[_Waiting]] = {}
        self._ended: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._gone: asyncio.Queue[tuple[_Waiting, bool]] = asyncio.Queue()
        self._out: asyncio.Queue[Rendered | BaseException] = asyncio.Queue(2 * _FETCHING)
        self._listed = asyncio.Event()
        self._handed_in = asyncio.Event()

    @property
    def waiting(self) -> list[str]:
        """The ids of those that have not ended."""
        return [each.job.job_id for each in self._wanted.values()]

    async def run(self, jobs: Iterable[Handed]) -> AsyncGenerator[Rendered]:
        """Hand in all, and give out every ending as it comes.

        Raises:
            FarmError: The farm cannot be used any more; what was handed in stays with it.
        """
        count, tasks = _HandedCount(), []
        works = [self._hand_in_all(jobs, count)]
        if self._detached:
            self._listed.set()
        else:
            works += [self._results.follow(self._hear, self._on_listed), self._hand_in_gone()]
            works += [self._fetch_all() for _ in range(_FETCHING)]
            if self._racing is not None:
                works.append(self._race(self._racing))
        try:
            tasks += [asyncio.create_task(self._telling(work)) for work in works]
            given = 0
            while not (count.is_known and (self._detached or given == count.number)):
                ended = await self._out.get()
                if isinstance(ended, BaseException):
                    raise ended
                if ended.index >= 0:
                    given += 1
                    yield ended
        finally:
            await end_tasks(*tasks)
            await self._sending.settle()

    def _hear(self, key: str, revision: int, is_new: bool) -> None:  # noqa: FBT001 - `Hear` says what it is
        wanted = self._wanted.get(key)
        if wanted is not None and revision > wanted.after and (wanted.looked or is_new):
            self._has_ended(key)

    def _on_listed(self) -> None:
        """All results that are there were told: of what is still waited for some may have been taken away there."""
        self._listed.set()
        if self._handed_in.is_set() and self._gone.empty():
            for key in list(islice(self._wanted, _AT_ONCE)):
                wanted = self._wanted[key] = self._wanted.pop(key)  # others are first the next time
                self._gone.put_nowait((wanted, False))

    async def _hand_in_gone(self) -> None:
        """Hand in once more what the broker may know nothing of; it refuses what waits, or is being painted."""
        while True:
            wanted, until_taken = await self._gone.get()
            key = token_of(wanted.job.job_id)
            if key in self._wanted:
                await self._send(wanted.made, key, until_taken=until_taken)

    def _has_ended(self, key: str) -> None:
        if (wanted := self._wanted.pop(key, None)) is not None:
            for each in (wanted, *self._twins.pop(key, ())):
                self._ended.put_nowait(each)

    async def _telling(self, work: Coroutine[Any, Any, None]) -> None:
        """Do a part of it; what goes wrong there ends the whole."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - it is raised to whoever waits
            await self._out.put(error)

    async def _hand_in_all(self, jobs: Iterable[Handed], count: "_HandedCount") -> None:
        await self._listed.wait()
        parts = _parts(jobs)
        while part := await asyncio.to_thread(next, parts, None):  # files are hashed there
            made = [each.made.job for each in part if each.made is not None]
            if made:
                ids = tuple(job.job_id for job in made)
                first = made[0]
                await self._sending.write_down(
                    SubmissionPart(submission=first.submission, submitter=first.submitter, what=self._what, jobs=ids)
                )
            try:
                async with asyncio.TaskGroup() as group:
                    for each in part:
                        group.create_task(self._hand_in(each))
            except ExceptionGroup as several:
                raise several.exceptions[0] from None
            count.number += len(part)
        count.is_known = True
        self._handed_in.set()
        await self._out.put(Rendered(-1, {"prompt": ""}))  # so that it is looked whether all were given

    async def _hand_in(self, handed: Handed) -> None:
        if handed.made is None:
            await self._out.put(Rendered(handed.index, handed.request, error=handed.error))
            return
        job, key = handed.made.job, token_of(handed.made.job.job_id)
        wanted = _Waiting(handed.index, handed.request, handed.made)
        if key in self._wanted:  # it is asked for twice: one job, and its picture for both
            self._twins.setdefault(key, []).append(wanted)
            return
        self._wanted[key] = wanted
        self._unended[job.job_id] = job
        again = await self._look_up(wanted)
        if key not in self._wanted:
            return
        try:
            await self._send(handed.made, key, until_taken=again)
        except FarmNotUsable as error:  # a file of it was written to meanwhile
            self._wanted.pop(key, None)
            self._unended.pop(job.job_id, None)
            for each in (wanted, *self._twins.pop(key, ())):
                await self._out.put(Rendered(each.index, each.request, error=InvalidParams(str(error))))

    async def _send(self, made: MadeJob, key: str, *, until_taken: bool) -> None:
        while True:
            taken = await self._sending.send(made)
            if taken or not until_taken or key not in self._wanted:
                return
            await asyncio.sleep(_AGAIN)

    async def _look_up(self, wanted: _Waiting) -> bool:
        """See what there is of a job. Returns whether it ended badly before, and is to be done again."""
        key, found = token_of(wanted.job.job_id), await self._results.find(wanted.job.job_id)
        wanted.looked = True
        if found is None or key not in self._wanted:
            return False
        if found.result.state == "done" and _is_of(found.result, wanted.job):
            self.painted_before.add(wanted.job.job_id)
            self._has_ended(key)
            return False
        wanted.after = found.revision
        await self._results.forget(wanted.job.job_id)
        return True

    async def _fetch_all(self) -> None:
        while True:
            wanted = await self._ended.get()
            found = await self._results.find(wanted.job.job_id)
            if found is None:  # it was taken away meanwhile
                self._wanted[token_of(wanted.job.job_id)] = wanted
                self._gone.put_nowait((wanted, True))
                continue
            self._unended.pop(wanted.job.job_id, None)
            if self._racing is not None:
                self._racing.ended(wanted.job, found.result)
            await self._out.put(await self._fetched(wanted, found.result))

    async def _race(self, racing: Racing) -> None:
        await self._handed_in.wait()
        await racing.watch(self._unended)

    async def _fetched(self, wanted: _Waiting, ending: FarmResult) -> Rendered:
        if ending.state != "done":
            return Rendered(
                wanted.index, wanted.request, error=error_of(ending, wanted.job.adapters, wanted.made.paths)
            )
        try:
            picture = await self._pictures.fetch(ending)
        except ContentUnusable as error:
            await self._results.forget(wanted.job.job_id)
            gone = KilnmarkError(f"its picture cannot be had: {error.reason}; run it again")
            return Rendered(wanted.index, wanted.request, error=gone)
        return Rendered(wanted.index, wanted.request, result=result_at(ending, picture, wanted.made.paths))


def _is_of(ending: FarmResult, job: FarmJob) -> bool:
    """Whether a picture is of the words, the seed and the adapters that are asked for now under its job's id."""
    if (made := ending.result) is None:
        return False
    asked = [each.sha256 for each in job.adapters]
    return (made.prompt, made.seed, [each.sha256 for each in made.loras]) == (job.asked.prompt, job.asked.seed, asked)


@dataclass(slots=True)
class _HandedCount:
    """How many there are, as far as is known."""

    number: int = 0
    is_known: bool = False


def _parts(jobs: Iterable[Handed]) -> Iterator[list[Handed]]:
    remaining = iter(jobs)
    while part := list(islice(remaining, _AT_ONCE)):
        yield part
