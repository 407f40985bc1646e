"""One job, from its message to its acknowledgement: fetched, painted by the daemon, held to what was asked, committed.

Whatever happens is told: as a result, where it is the job's own end; else the broker hands the job out again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kilnmark.client.aio import AsyncClient
from kilnmark.client.errors import ClientError
from kilnmark.client.reports import reports_of
from kilnmark.farm.content.cache import ContentCache, HeldContent
from kilnmark.farm.content.local import LocalFile, local_file
from kilnmark.farm.content.store import ContentStore
from kilnmark.farm.documents import ContentFile, FarmJob, FarmResult, JobState
from kilnmark.farm.errors import ContentUnusable, FarmError, FarmNotUsable, NodeUnfit
from kilnmark.farm.node.about import AboutNode
from kilnmark.farm.node.asked import options_of
from kilnmark.farm.node.commit import Commits
from kilnmark.farm.node.work import DELIVERIES
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
    RequestError,
    StorageFailed,
)
from kilnmark.protocol.wire.replies import JobError, RenderResult

if TYPE_CHECKING:
    from nats.aio.msg import Msg

__all__ = ["Doing"]

_FINAL = (AdapterNotEngaged, AdapterRefused, InvalidParams, JobIdTaken, PictureRefused)
"""What every daemon would answer."""

_NODES_OWN = (Draining, JournalFailed, NoWorker, QueueFull, StorageFailed, ClientError, FarmNotUsable)
"""What is no fault of the job: the node takes no more until it is mended."""


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
    ) -> None:
        self._client = client
        self._content = content
        self._cache = cache
        self._commits = commits
        self._about = about
        self._lease = lease
        self._unwanted = unwanted

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
        self._about.running[job.job_id] = None
        try:
            async with self._in_progress(message):
                await self._end(message, job)
        finally:
            self._about.running.pop(job.job_id, None)

    async def _end(self, message: "Msg", job: FarmJob) -> None:
        if await self._commits.existing(job) is not None:
            await message.ack_sync()
            return
        began, picture = _now(), None
        try:
            if (job.submitter, job.job_id) in self._unwanted:
                raise Cancelled("it was cancelled before a node had begun it")
            async with self._cache.holding(self._content, job) as held:
                result, picture = await self._paint(job, held)
        except (KilnmarkError, OSError) as error:
            ending = await self._ending_of(message, job, error, began)
        else:
            ending = self._told(message, job, began, "done", result=result, picture=picture.content)
        if ending is None:
            return
        counts = await self._commits.commit(job, ending, picture)
        await self._acknowledged(message)
        self._count(ending, counts=counts)

    async def _paint(self, job: FarmJob, held: HeldContent) -> tuple[RenderResult, LocalFile]:
        """Painted by the daemon with the very files that were asked for.

        Raises:
            ContentUnusable: The daemon read another file than was handed in.
            KilnmarkError: It did not paint it.
        """
        result = await self._client.render(job.asked.prompt, **options_of(job, held))
        for report, adapter in zip(result.loras, job.adapters, strict=True):
            if report.sha256 != adapter.sha256:
                raise ContentUnusable(report.name, adapter.sha256, f"the daemon read {report.sha256[:12]} in its place")
        picture = await asyncio.to_thread(local_file, Path(result.image_path), f"{job.job_id}.png")
        if result.image_sha256 and picture.content.sha256 != result.image_sha256:
            raise FarmNotUsable(result.image_path, "was written to after it was painted; keep others out of it")
        return result, picture

    async def _ending_of(
        self, message: "Msg", job: FarmJob, error: KilnmarkError | OSError, began: str
    ) -> FarmResult | None:
        """What a failure comes to; None: the broker hands the job out again.

        Raises:
            NodeUnfit: It does, and this node is at fault.
        """
        if isinstance(error, Cancelled) and (job.submitter, job.job_id) in self._unwanted:
            return self._told(message, job, began, "cancelled", error=error)
        if isinstance(error, _FINAL):
            return self._told(message, job, began, "failed", error=error)
        deliveries = message.metadata.num_delivered or 1
        if deliveries >= DELIVERIES:
            return self._told(message, job, began, "dead", error=error)
        await message.nak(delay=1.0 if isinstance(error, ClientError) else min(2.0**deliveries, self._lease))
        if isinstance(error, (*_NODES_OWN, OSError)) and not isinstance(error, ContentUnusable):
            raise NodeUnfit(str(error)) from error
        return None

    def _told(
        self,
        message: "Msg",
        job: FarmJob,
        began: str,
        state: JobState,
        *,
        result: RenderResult | None = None,
        picture: ContentFile | None = None,
        error: KilnmarkError | OSError | None = None,
    ) -> FarmResult:
        return FarmResult(
            job_id=job.job_id,
            submitter=job.submitter,
            submission=job.submission,
            state=state,
            node=self._about.name,
            result=result,
            picture=picture,
            error=None if error is None else _as_error(error),
            deliveries=message.metadata.num_delivered or 1,
            nodes=(self._about.name,),
            began=began,
            ended=_now(),
        )

    def _count(self, ending: FarmResult, *, counts: bool) -> None:
        self._about.done += ending.state == "done" and counts
        self._about.failed += ending.state in ("failed", "dead") and counts
        reports = ending.result.loras if ending.result else ending.error.loras if ending.error else []
        self._about.adapters_dead += sum(report.verdict is not Verdict.ENGAGED for report in reports)

    async def _acknowledged(self, message: "Msg") -> None:
        """Tell the broker that it is done; where it is away, it hands the job out again, and its result is found."""
        import nats.errors

        with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
            await message.ack_sync()

    @asynccontextmanager
    async def _in_progress(self, message: "Msg") -> AsyncIterator[None]:
        """The broker hears that the job is being done, until the block ends."""
        telling = asyncio.create_task(self._tell(message))
        try:
            yield
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _tell(self, message: "Msg") -> None:
        import nats.errors

        while True:
            await asyncio.sleep(self._lease / 3)
            with contextlib.suppress(nats.errors.Error, OSError):  # it is told again
                await message.in_progress()


def _as_error(error: KilnmarkError | OSError) -> JobError:
    reports = list(reports_of(error)) if isinstance(error, KilnmarkError) else []
    if isinstance(error, RequestError):
        return JobError(
            code=error.code,
            kind=error.kind,
            message=error.message,
            retryable=error.retryable,
            loras=reports,
            trace_id=error.trace_id,
        )
    kind = error.kind if isinstance(error, FarmError | ClientError) else "node_failed"
    return JobError(code=-32000, kind=kind, message=str(error), retryable=True, loras=reports)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
