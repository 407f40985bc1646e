"""One job, from its message to its acknowledgement: fetched, painted by the daemon, held to what was asked, committed.

Whatever happens is told: as a result, where it is the job's own end; else the broker hands the job out again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kilnmark.client.aio import AsyncClient
from kilnmark.client.errors import ClientError
from kilnmark.farm.content.cache import ContentCache, HeldContent
from kilnmark.farm.content.local import LocalFile
from kilnmark.farm.content.store import ContentStore
from kilnmark.farm.documents import FarmJob, FarmResult, JobState
from kilnmark.farm.errors import ContentUnusable, FarmNotUsable, NodeUnfit, WorkRefused
from kilnmark.farm.names import work_subject
from kilnmark.farm.node.about import AboutNode, DaemonFacts
from kilnmark.farm.node.answers import Answer, answer_of
from kilnmark.farm.node.asked import options_of, own_id
from kilnmark.farm.node.bases import painted_on
from kilnmark.farm.node.commit import Commits
from kilnmark.farm.node.handing import Handing
from kilnmark.farm.node.measured import JobMeasures
from kilnmark.farm.node.overtaken import Overtaken
from kilnmark.farm.node.told import clock_now, told_ending
from kilnmark.farm.node.work import DELIVERIES
from kilnmark.farm.reading import read_document
from kilnmark.otel import names
from kilnmark.otel.spans import describe
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import (
    Cancelled,
    InvalidParams,
    JobIdTaken,
    RenderFailed,
    WorkerLost,
)
from kilnmark.protocol.wire.replies import RenderResult

if TYPE_CHECKING:
    from nats.aio.msg import Msg

__all__ = ["Doing"]

_logger = logging.getLogger(__name__)


class Doing:
    """Does jobs, any number at once.

    Args:
        client: Of the node's daemon.
        content: Files at the broker.
        cache: Files here, where the daemon reads now.
        commits: Where results go.
        about: What the node says of itself.
        handing: Tells the broker how jobs go.
        unwanted: Jobs that nobody wants any more, by submitter and id.
        spans: Where spans and metrics of jobs go.
    """

    def __init__(
        self,
        client: AsyncClient,
        content: ContentStore,
        cache: Callable[[], ContentCache],
        commits: Commits,
        about: AboutNode,
        handing: Handing,
        unwanted: set[tuple[str, str]],
        spans: JobMeasures,
    ) -> None:
        self._client = client
        self._content = content
        self._cache = cache
        self._commits = commits
        self._about = about
        self._handing = handing
        self._unwanted, self._spans = unwanted, spans
        self._overtaken = Overtaken(client, commits, about)
        self._messages: dict[tuple[str, str], list[Msg]] = {}

    async def do(self, message: "Msg") -> None:
        """Do one.

        Raises:
            NodeUnfit: It was given back, since this node cannot do any.
            FarmError: The broker was away for long.
        """
        try:
            job = read_document(message.data, FarmJob)
        except msgspec.DecodeError:  # of another version: it stays until its deliveries are used up, and is told then
            await message.nak(delay=self._handing.lease)
            return
        if message.subject.partition("~")[0] != work_subject(job.partition, job.submitter, job.job_id):
            _logger.warning("%s: refused, it says that it is %r of %r", message.subject, job.job_id, job.submitter)
            await message.term()  # the broker lets a submitter hand in under its own name alone; a job says any
            return
        key = (job.submitter, job.job_id)
        if (known := self._messages.get(key)) is not None:
            await self._once_more(job, message, known)
            return
        messages = self._messages[key] = [message]
        self._about.running[key] = None
        try:
            while messages:  # nothing is awaited between the last look at them and the end
                async with self._handing.going_on(messages, lambda: self._overtaken.look(job)):
                    await self._end(job, key, messages)
        except asyncio.CancelledError:  # the node leaves at once
            await self._handing.given_back(messages, 0)
            raise
        finally:
            self._messages.pop(key)
            self._overtaken.forget(job)
            self._about.running.pop(key, None)

    async def _once_more(self, job: FarmJob, message: "Msg", known: "list[Msg]") -> None:
        """One comes that the node has: the broker heard too little of it, or a second node is to race this one."""
        if known and message.subject != known[0].subject and (message.metadata.num_delivered or 1) < DELIVERIES:
            self._about.pass_by(job.partition)
            await message.nak()
            return
        known.append(message)

    async def _end(self, job: FarmJob, key: tuple[str, str], messages: "list[Msg]") -> None:
        """Do it once, and tell the broker of each message that came for it meanwhile."""
        if await self._commits.existing(job) is not None:
            await self._handing.done(messages)
            return
        deliveries = messages[-1].metadata.num_delivered or 1
        with self._spans.job(messages[-1].headers, job, self._about.name) as span:
            describe(span, {names.FARM_DELIVERIES: deliveries})
            try:
                ending, picture = await self._done(job, key, deliveries)
            except (KilnmarkError, OSError) as error:
                self._spans.ended(span, None, error=error)
                if self._overtaken.was_given_up(job, error):
                    await self._handing.done(messages)
                else:
                    await self._not_ended(job, messages, deliveries, error)
                return
            try:
                with self._spans.part(names.FARM_COMMIT):
                    counts = await self._commits.commit(job, ending, picture)
            except (FarmNotUsable, OSError) as error:  # a picture finds no place in a folder that is shared
                self._about.problem = str(error)
                await self._handing.passed_on(messages, deliveries)
                self._spans.ended(span, None, error=error)
                raise NodeUnfit(str(error)) from error
            await self._handing.done(messages)
            self._count(ending, counts=counts)
            self._spans.ended(span, ending, counts=counts)

    async def _not_ended(
        self, job: FarmJob, messages: "list[Msg]", deliveries: int, error: KilnmarkError | OSError
    ) -> None:
        """Have another do it, or another try made.

        Raises:
            NodeUnfit: This node can do none.
        """
        answer = answer_of(error)
        _logger.warning("%s of %s is given back, delivery %d: %s", job.job_id, job.submitter, deliveries, error)
        if answer is Answer.NOT_HERE:
            whole_base = isinstance(error, WorkRefused) and error.whole_base
            self._about.refuse(job.partition.needs, "" if whole_base else job.stack, str(error))
        if answer is Answer.NOT_NOW:
            self._about.problem = str(error)
        if answer in {Answer.NOT_HERE, Answer.NOT_NOW}:
            await self._handing.passed_on(messages, deliveries)
        else:
            await self._handing.given_back(messages, deliveries)
        if answer in {Answer.NOT_NOW, Answer.AWAY}:
            raise NodeUnfit(str(error)) from error

    async def _done(self, job: FarmJob, key: tuple[str, str], deliveries: int) -> tuple[FarmResult, LocalFile | None]:
        """How it ends, with its picture where there is one.

        Raises:
            KilnmarkError, OSError: It does not end yet; the broker hands it out again.
        """
        began, daemon = clock_now(), self._about.daemon
        try:
            if key in self._unwanted:
                raise Cancelled("it was cancelled before a node had begun it")
            async with AsyncExitStack() as stack:
                with self._spans.part(names.FARM_FETCH) as span:
                    held = await self._files(stack, job)
                    self._spans.fetched(span, held.fetched_bytes)
                result, picture = await self._paint(job, held)
        except (KilnmarkError, OSError) as error:
            state = self._state_of(error, key, deliveries)
            await self._reconsider(job, daemon, error, state)
            if state is None:
                raise
            line = await self._first_line() if isinstance(error, WorkerLost) else ""
            return told_ending(job, self._about.name, deliveries, began, state, error=error, first_line=line), None
        return told_ending(job, self._about.name, deliveries, began, "done", done=(result, picture.content)), picture

    async def _files(self, stack: AsyncExitStack, job: FarmJob) -> HeldContent:
        """Raises NodeUnfit where its daemon reads nowhere that can be written, or there is no room for them."""
        try:
            return await stack.enter_async_context(self._cache().holding(self._content, job))
        except FarmNotUsable as error:
            raise NodeUnfit(str(error)) from error

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
        picture = await asyncio.to_thread(painted_on, job.needs, Path(result.image_path), f"{job.job_id}.png")
        if result.image_sha256 and picture.content.sha256 != result.image_sha256:
            raise FarmNotUsable(result.image_path, "was written to after it was painted; keep others out of it")
        return result, picture

    def _state_of(self, error: KilnmarkError | OSError, key: tuple[str, str], deliveries: int) -> JobState | None:
        """What a failure makes of a job; None: the broker hands it out again."""
        if isinstance(error, Cancelled) and key in self._unwanted:
            return "cancelled"
        answer = answer_of(error)
        if answer is Answer.FINAL:
            return "failed"
        is_counted = answer in {Answer.AGAIN, Answer.AWAY}
        return "dead" if is_counted and deliveries >= DELIVERIES else None

    async def _reconsider(
        self, job: FarmJob, daemon: DaemonFacts | None, error: KilnmarkError | OSError, state: JobState | None
    ) -> None:
        """Look whether a failure is rather this node's own.

        Raises:
            NodeUnfit: The daemon is another by now than the one that the job was taken for.
            WorkRefused: It cannot hold the base.
        """
        if state == "failed" or isinstance(error, RenderFailed):
            with contextlib.suppress(ClientError):
                self._about.hear(await self._client.status())
        if state == "failed" and self._about.daemon != daemon:
            raise NodeUnfit("its daemon was started anew with other settings") from error
        if isinstance(error, RenderFailed) and (problem := await self._unheld(job.needs.variant)):
            raise WorkRefused(problem, whole_base=True) from error

    async def _unheld(self, variant: str) -> str:
        """Why the daemon cannot hold a base; empty where it can."""
        if self._about.is_held(variant):
            return ""
        try:
            await self._client.warm_up(variant)
        except (RenderFailed, InvalidParams) as error:
            return str(error)
        except KilnmarkError:  # nobody knows, and the render's own failure is what is told
            return ""
        return ""

    async def _first_line(self) -> str:
        """What the daemon's last lost worker wrote first of its failure; empty where it wrote nothing."""
        with contextlib.suppress(KilnmarkError):
            death = (await self._client.status()).worker.death
            return (death.words.first_failure or death.reason) if death else ""
        return ""

    def _count(self, ending: FarmResult, *, counts: bool) -> None:
        self._about.done += ending.state == "done" and counts
        self._about.failed += ending.state in ("failed", "dead") and counts
        reports = ending.result.loras if ending.result else ending.error.loras if ending.error else []
        self._about.adapters_dead += sum(report.verdict is not Verdict.ENGAGED for report in reports)
