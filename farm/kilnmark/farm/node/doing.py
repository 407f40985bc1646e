"""One job, from its message to its acknowledgement: fetched, painted by the daemon, held to what was asked, committed.

Whatever happens is told: as a result, where it is the job's own end; else the broker hands the job out again.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kilnmark.client.aio import AsyncClient
from kilnmark.client.errors import ClientError
from kilnmark.farm.content.cache import ContentCache, HeldContent
from kilnmark.farm.content.local import LocalFile, local_file
from kilnmark.farm.content.store import ContentStore
from kilnmark.farm.documents import ContentFile, FarmJob, FarmResult, JobState
from kilnmark.farm.errors import ContentUnusable, FarmNotUsable, NodeUnfit
from kilnmark.farm.names import work_subject
from kilnmark.farm.node.about import AboutNode
from kilnmark.farm.node.asked import options_of, own_id
from kilnmark.farm.node.commit import Commits
from kilnmark.farm.node.measured import JobMeasures
from kilnmark.farm.node.told import clock_now, job_error
from kilnmark.farm.node.work import DELIVERIES
from kilnmark.otel import names
from kilnmark.otel.spans import describe
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import (
    AdapterNotEngaged,
    AdapterRefused,
    Cancelled,
    Draining,
    InvalidParams,
    JobIdTaken,
    JournalFailed,
    NoWorker,
    PictureRefused,
    QueueFull,
    StorageFailed,
    WorkerLost,
)
from kilnmark.protocol.wire.replies import RenderResult

if TYPE_CHECKING:
    from nats.aio.msg import Msg

__all__ = ["Doing"]

_logger = logging.getLogger(__name__)

_FINAL = (AdapterNotEngaged, AdapterRefused, InvalidParams, JobIdTaken, PictureRefused)
"""What every daemon would answer."""

_NODES_OWN = (Draining, JournalFailed, NoWorker, QueueFull, StorageFailed, ClientError, FarmNotUsable)
"""What is no fault of the job: the node takes no more until it is mended."""


_PAUSE = 1.0
"""Seconds for which a job that could not be done waits, doubled with each delivery and at most a lease."""


class Doing:
    """Does jobs, any number at once.

    Args:
        client: Of the node's daemon.
        content: Files at the broker.
        cache: Files here.
        commits: Where results go.
        about: What the node says of itself.
        lease: Seconds within which the broker hears of a job that is being done.
        unwanted: Jobs that nobody wants any more, by submitter and id.
        spans: Where spans and metrics of jobs go.
    """

    def __init__(
        self,
        client: AsyncClient,
        content: ContentStore,
        cache: ContentCache,
        commits: Commits,
        about: AboutNode,
        lease: float,
        unwanted: set[tuple[str, str]],
        spans: JobMeasures,
    ) -> None:
        self._client = client
        self._content = content
        self._cache = cache
        self._commits = commits
        self._about = about
        self._lease = lease
        self._unwanted, self._spans = unwanted, spans
        self._messages: dict[tuple[str, str], list[Msg]] = {}

    async def do(self, message: "Msg") -> None:
        """Do one.

        Raises:
            NodeUnfit: It was given back, since this node cannot do any.
            FarmError: The broker was away for long.
        """
        try:
            job = msgspec.json.decode(message.data, type=FarmJob)
        except msgspec.DecodeError:  # of another version: it stays until its deliveries are used up, and is told then
            await message.nak(delay=self._lease)
            return
        if message.subject.partition("~")[0] != work_subject(job.partition, job.submitter, job.job_id):
            _logger.warning("%s: refused, it says that it is %s of %s", message.subject, job.job_id, job.submitter)
            await message.term()  # the broker lets a submitter hand in under its own name alone; a job says any
            return
        key = (job.submitter, job.job_id)
        if key in self._messages:  # the node has it: the broker heard too little of it, or has it twice
            self._messages[key].append(message)
            return
        messages = self._messages[key] = [message]
        self._about.running[key] = None
        try:
            while messages:  # nothing is awaited between the last look at them and the end
                async with self._in_progress(messages):
                    await self._end(job, key, messages)
        finally:
            self._messages.pop(key)
            self._about.running.pop(key, None)

    async def _end(self, job: FarmJob, key: tuple[str, str], messages: "list[Msg]") -> None:
        """Do it once, and tell the broker of each message that came for it meanwhile."""
        if await self._commits.existing(job) is not None:
            await self._acknowledged(messages)
            return
        deliveries = messages[-1].metadata.num_delivered or 1
        with self._spans.job(messages[-1].headers, job, self._about.name) as span:
            describe(span, {names.FARM_DELIVERIES: deliveries})
            try:
                ending, picture = await self._done(job, key, deliveries)
            except (KilnmarkError, OSError) as error:
                _logger.warning("%s of %s is given back, delivery %d: %s", job.job_id, job.submitter, deliveries, error)
                await self._given_back(messages, deliveries)
                self._spans.ended(span, None, error=error)
                if isinstance(error, (*_NODES_OWN, OSError)) and not isinstance(error, ContentUnusable):
                    raise NodeUnfit(str(error)) from error
                return
            try:
                with self._spans.part(names.FARM_COMMIT):
                    counts = await self._commits.commit(job, ending, picture)
            except (FarmNotUsable, OSError) as error:  # a picture finds no place in a folder that is shared
                await self._given_back(messages, deliveries)
                self._spans.ended(span, None, error=error)
                raise NodeUnfit(str(error)) from error
            await self._acknowledged(messages)
            self._count(ending, counts=counts)
            self._spans.ended(span, ending, counts=counts)

    async def _done(self, job: FarmJob, key: tuple[str, str], deliveries: int) -> tuple[FarmResult, LocalFile | None]:
        """How it ends, with its picture where there is one.

        Raises:
            KilnmarkError, OSError: It does not end yet; the broker hands it out again.
        """
        began = clock_now()
        try:
            if key in self._unwanted:
                raise Cancelled("it was cancelled before a node had begun it")
            async with AsyncExitStack() as stack:
                with self._spans.part(names.FARM_FETCH) as span:
                    held = await stack.enter_async_context(self._cache.holding(self._content, job))
                    self._spans.fetched(span, held.fetched_bytes)
                result, picture = await self._paint(job, held)
        except (KilnmarkError, OSError) as error:
            state = self._state_of(error, key, deliveries)
            if state is None:
                raise
            line = await self._first_line() if isinstance(error, WorkerLost) else ""
            return self._told(deliveries, job, began, state, error=error, first_line=line), None
        return self._told(deliveries, job, began, "done", result=result, picture=picture.content), picture

    async def _paint(self, job: FarmJob, held: HeldContent) -> tuple[RenderResult, LocalFile]:
        """Painted by the daemon with the very files that were asked for.

        Raises:
            ContentUnusable: The daemon read another file than was handed in.
            KilnmarkError: It did not paint it.
        """
        options = options_of(job, held)
        try:
            result = await self._client.render(job.asked.prompt, **options)
        except JobIdTaken:  # another submitter's, or the same with other files: the daemon's ids are one for all
            options["job_id"] = own_id(job)
            result = await self._client.render(job.asked.prompt, **options)
            result = msgspec.structs.replace(result, job_id=job.job_id)
        for report, adapter in zip(result.loras, job.adapters, strict=True):
            if report.sha256 != adapter.sha256:
                raise ContentUnusable(report.name, adapter.sha256, f"the daemon read {report.sha256[:12]} in its place")
        picture = await asyncio.to_thread(local_file, Path(result.image_path), f"{job.job_id}.png")
        if result.image_sha256 and picture.content.sha256 != result.image_sha256:
            raise FarmNotUsable(result.image_path, "was written to after it was painted; keep others out of it")
        return result, picture

    def _state_of(self, error: KilnmarkError | OSError, key: tuple[str, str], deliveries: int) -> JobState | None:
        """What a failure makes of a job; None: the broker hands it out again."""
        if isinstance(error, Cancelled) and key in self._unwanted:
            return "cancelled"
        if isinstance(error, _FINAL):
            return "failed"
        return "dead" if deliveries >= DELIVERIES else None

    async def _first_line(self) -> str:
        """What the daemon's last lost worker wrote first of its failure; empty where it wrote nothing."""
        with contextlib.suppress(KilnmarkError):
            death = (await self._client.status()).worker.death
            return (death.words.first_failure or death.reason) if death else ""
        return ""

    def _told(
        self,
        deliveries: int,
        job: FarmJob,
        began: str,
        state: JobState,
        *,
        result: RenderResult | None = None,
        picture: ContentFile | None = None,
        error: KilnmarkError | OSError | None = None,
        first_line: str = "",
    ) -> FarmResult:
        return FarmResult(
            job_id=job.job_id,
            submitter=job.submitter,
            submission=job.submission,
            state=state,
            node=self._about.name,
            result=result,
            picture=picture,
            error=None if error is None else job_error(error),
            first_line=first_line,
            deliveries=deliveries,
            nodes=(self._about.name,),
            began=began,
            ended=clock_now(),
            job=job if state == "dead" else None,
        )

    def _count(self, ending: FarmResult, *, counts: bool) -> None:
        self._about.done += ending.state == "done" and counts
        self._about.failed += ending.state in ("failed", "dead") and counts
        reports = ending.result.loras if ending.result else ending.error.loras if ending.error else []
        self._about.adapters_dead += sum(report.verdict is not Verdict.ENGAGED for report in reports)

    async def _acknowledged(self, messages: "list[Msg]") -> None:
        """Tell the broker that it is done; where it is away, it hands the job out again, and its result is found."""
        import nats.errors

        while messages:
            with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
                await messages.pop(0).ack_sync()

    async def _given_back(self, messages: "list[Msg]", deliveries: int) -> None:
        """Have the broker hand it out again, after a while; without a word from here it does so after the lease."""
        import nats.errors

        while messages:
            with contextlib.suppress(nats.errors.Error, OSError):
                await messages.pop(0).nak(delay=min(_PAUSE * 2.0**deliveries, self._lease))

    @asynccontextmanager
    async def _in_progress(self, messages: "list[Msg]") -> AsyncIterator[None]:
        """The broker hears that the job is being done, until the block ends."""
        telling = asyncio.create_task(self._tell(messages))
        try:
            yield
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _tell(self, messages: "list[Msg]") -> None:
        import nats.errors

        while True:
            await asyncio.sleep(self._lease / 3)
            for message in list(messages):
                with contextlib.suppress(nats.errors.Error, OSError):  # it is told again
                    await message.in_progress()
