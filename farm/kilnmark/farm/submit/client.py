"""The farm in the place of a daemon: what a batch asks of the one, it asks of the other."""

import asyncio
import shutil
import uuid
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from kilnmark.client.many import Rendered
from kilnmark.client.request import RenderRequest, named, render_params
from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.patience import ELECTION, patiently
from kilnmark.farm.documents import FarmNeeds
from kilnmark.farm.errors import FarmError, NoNode
from kilnmark.farm.names import warm_subject
from kilnmark.farm.submit.again import cancel_jobs
from kilnmark.farm.submit.endings import result_at
from kilnmark.farm.submit.jobs import FarmJobs
from kilnmark.farm.submit.many import Handed, ManyJobs
from kilnmark.farm.submit.nodes import (
    SeenNode,
    as_one_daemon,
    known_bases,
    needs_of,
    of_our_kind,
    seen_nodes,
    why_paused,
)
from kilnmark.farm.submit.pictures import Pictures
from kilnmark.farm.submit.racing import Racing
from kilnmark.farm.submit.results import Results
from kilnmark.farm.submit.sending import Sending
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.errors import InvalidParams, RenderFailed, UnknownJob
from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.replies import JobResult, WarmUpResult
from kilnmark.protocol.wire.status import StatusResult

__all__ = ["FarmClient", "new_submission"]

_LOADING = 900.0
"""Seconds that a base may take to be loaded by the node that was asked for it."""


def new_submission() -> str:
    """An id for what is handed in together; later ones sort behind earlier ones."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"


class FarmClient:
    """Asks a farm for pictures. It does what `Paints` says.

    Args:
        link: To the broker.
        submitter: As whom.
        folder: Where pictures are put until somebody takes them; made when it is needed, and removed.
        what: What this is asked by, for people: `batch poi`.
        shared: A folder that nodes put pictures into.
        anew: Send files though they lie at the broker.
        race: Have a second node paint the last ones that take far longer than their like.
        detached: Hand in alone: no ending is waited for, and none is given out.

    Attributes:
        submission: The id of all that is handed in by it.
    """

    def __init__(
        self,
        link: FarmLink,
        submitter: str,
        folder: Path,
        *,
        what: str = "",
        shared: Path | None = None,
        anew: bool = False,
        race: bool = False,
        detached: bool = False,
    ) -> None:
        self.submission = new_submission()
        self._link = link
        self._submitter = submitter
        self._what = what
        self._detached = detached
        self._race = race
        self._folder = folder
        self._results = Results(link, submitter)
        self._pictures = Pictures(link, submitter, folder, shared)
        self._sending = Sending(link, submitter, anew=anew)
        self._jobs = FarmJobs(submitter, self.submission)
        self._nodes: Sequence[SeenNode] = ()
        self._bases: dict[str, BaseInfo] = {}
        self._many: list[ManyJobs] = []
        self._needs: dict[str, FarmNeeds] = {}
        self._unnamed: set[str] = set()
        self._taken_back: set[str] = set()

    @property
    def left(self) -> int:
        """How many jobs were handed in whose ending nobody has waited for."""
        return sum(job not in self._taken_back for many in self._many for job in many.waiting)

    async def take_back(self) -> int:
        """Take back what has not ended and had no id when it was asked for: nobody else could ask for it again.

        Returns:
            How many jobs.

        Raises:
            FarmError: The broker does not answer, or does not allow it.
        """
        waiting = {job for many in self._many for job in many.waiting} & self._unnamed - self._taken_back
        await cancel_jobs(self._link, [(self._submitter, job) for job in sorted(waiting)])
        self._taken_back |= waiting
        return len(waiting)

    @property
    def painted_before(self) -> set[str]:
        """The ids of jobs that had their pictures when they were handed in."""
        return {job for many in self._many for job in many.painted_before}

    def clear(self) -> None:
        """Remove the folder of pictures on their way, with what an earlier one that was killed has left there."""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def status(self) -> StatusResult:
        """The farm as one daemon that serves what its nodes serve.

        Raises:
            NoNode: None is known whose pictures could be had.
            FarmError: The broker does not answer, or has no farm.
        """
        self._nodes = await patiently(lambda: seen_nodes(self._link), ELECTION)
        told = as_one_daemon(self._nodes, self._link.address, str(self._folder))
        self._bases = {**known_bases(of_our_kind(self._nodes)), **self._bases}
        return msgspec.structs.replace(told, power=why_paused(self._nodes, await self._link.broker_time()))

    async def warm_up(self, variant: str | None = None) -> WarmUpResult:
        """What a base is: as nodes have told, else as the one tells who loads it now.

        Raises:
            NoNode: No node serves it.
            RenderFailed: The node that was asked cannot hold it.
            FarmError: The broker does not answer.
        """
        began = asyncio.get_running_loop().time()
        if not self._nodes:
            await self.status()
        variant = variant or as_one_daemon(self._nodes, self._link.address, "").variant
        if variant not in self._bases:
            self._bases[variant] = await self._asked_for(variant)
        waited = 1000 * (asyncio.get_running_loop().time() - began)
        return WarmUpResult(base=self._bases[variant], waited_ms=round(waited, 3))

    async def jobs_get(self, job_id: str) -> JobResult:
        """How a job ended.

        Raises:
            UnknownJob: It has not, or was never handed in.
            FarmError: The broker does not answer.
        """
        found = await self._results.find(job_id)
        if found is None or found.result.result is None:
            raise UnknownJob(f"the farm has no picture of {job_id}", job_id=job_id)
        ending = found.result
        result = result_at(ending, Path(), [report.path for report in found.result.result.loras])
        return JobResult(job=JobInfo(job_id=job_id, state="done", ended=ending.ended), result=result)

    async def render_many(
        self,
        requests: Iterable[RenderRequest],
        *,
        concurrency: int = 4,  # noqa: ARG002 - nodes say how many they take
        ordered: bool = True,
    ) -> AsyncGenerator[Rendered]:
        """Hand in all, and give out each ending as it comes, or in the order of the requests.

        Leaving early takes nothing back. A picture stays in its place until the next one is asked for.

        Raises:
            FarmError: The farm cannot be used any more.
        """
        asked = list(requests)
        for variant in {request.get("variant") for request in asked}:
            base = (await self.warm_up(variant)).base
            self._needs[variant or ""] = needs_of(variant or base.variant, base, of_our_kind(self._nodes))
        many = ManyJobs(
            self._results,
            self._pictures,
            self._sending,
            self._what,
            detached=self._detached,
            racing=Racing(self._link) if self._race else None,
        )
        self._many.append(many)
        kept: dict[int, Rendered] = {}
        try:
            async with aclosing(many.run(self._handed(asked))) as endings:
                async for ending in endings:
                    if ordered:
                        kept[ending.index] = ending
                        continue
                    yield ending
                    self._let_go(ending)
            for index in sorted(kept):
                yield kept[index]
                self._let_go(kept[index])
        finally:
            self._pictures.close()

    def _let_go(self, ending: Rendered) -> None:
        if ending.result is not None:
            self._pictures.let_go(Path(ending.result.image_path))

    def _handed(self, requests: Iterable[RenderRequest]) -> Iterator[Handed]:
        for index, request in enumerate(requests):
            try:
                params = named(render_params(**request))
                if request.get("job_id") is None and params.job_id is not None:
                    self._unnamed.add(params.job_id)
                yield Handed(index, request, self._jobs.made(params, self._needs[request.get("variant") or ""]))
            except FarmError as error:  # which would end the whole, and is of one file
                yield Handed(index, request, error=InvalidParams(str(error)))
            except KilnmarkError as error:
                yield Handed(index, request, error=error)

    async def _asked_for(self, variant: str) -> BaseInfo:
        """Have one node hold a base."""
        import nats.errors

        serving = "say `kilnmark farm work` on a machine whose daemon serves it"
        with self._link.telling("ask nodes for a base"):
            try:
                reply = await self._link.nc.request(warm_subject(variant), variant.encode(), timeout=_LOADING)
            except nats.errors.NoRespondersError as error:
                raise NoNode(self._link.address, f"that serves {variant!r} is there", serving) from error
        try:
            return msgspec.json.decode(reply.data, type=BaseInfo)
        except msgspec.DecodeError:
            said = msgspec.json.decode(reply.data, type=dict[str, str]).get("error", "")
            raise RenderFailed(f"a node cannot hold {variant!r}: {said}") from None
