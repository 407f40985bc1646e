"""What a farm needs somebody to keep an eye on, wherever its broker is: jobs that no node brings to an end.

The broker hands a job out so often and no oftener, and says so once. That is kept in a stream, so it is heard though
nobody listened then; here it becomes the job's result. Any number of keepers may run, and may end at any moment.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from kilnmark.farm.broker.ended import end_tasks
from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.setup import KEPT
from kilnmark.farm.broker.stranded import take_away_stranded, unheard_work
from kilnmark.farm.broker.tidy import tidy_up
from kilnmark.farm.content.unneeded import clear_content
from kilnmark.farm.documents import FarmResult, NodeInfo
from kilnmark.farm.errors import FarmError
from kilnmark.farm.names import LOST, NODES, WORK, results_of, token_of
from kilnmark.farm.reading import read_document, read_job
from kilnmark.otel import names
from kilnmark.otel.measures import Measures
from kilnmark.protocol.wire.errors import WorkerLost
from kilnmark.protocol.wire.replies import JobError

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js.api import RawStreamMsg

__all__ = ["Keeper"]

_logger = logging.getLogger(__name__)

_EVERY = 300.0
"""Seconds between two looks at what is finished."""

_AGAIN = 1.0
"""Seconds until it goes on after the broker was away."""

_REMEMBERED = 20_000
"""Jobs of which it is known who had them."""


class _Advisory(msgspec.Struct):
    stream_seq: int
    deliveries: int


class Keeper:
    """One that looks after a farm.

    Args:
        link: To the broker, as an operator.
        kept: Seconds for which files stay that no job needs.
        every: Seconds between two looks at what is finished.
        measures: Of its process; None: nothing is measured.
    """

    def __init__(
        self, link: FarmLink, kept: float = KEPT, every: float = _EVERY, measures: Measures | None = None
    ) -> None:
        self._link = link
        self._kept = timedelta(seconds=kept)
        self._every = every
        self._measures = measures or Measures()
        self._had: OrderedDict[str, list[str]] = OrderedDict()

    async def run(self) -> None:
        """Look after it until this is cancelled; a broker that is away is waited for."""
        parts = (self._follow_nodes, self._bury_lost, self._tidy)
        tasks = [asyncio.create_task(self._on_and_on(each)) for each in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            await end_tasks(*tasks)

    async def _on_and_on(self, each: Callable[[], Awaitable[None]]) -> None:
        is_again, told = False, ""
        while True:
            try:
                await each()
            except FarmError as error:
                is_news = is_again and str(error) != told  # at first a cluster is new, or has another leader
                _logger.log(logging.WARNING if is_news else logging.DEBUG, "the farm is not looked after: %s", error)
                told = str(error) if is_again else ""
            is_again = True
            await asyncio.sleep(_AGAIN)

    async def _follow_nodes(self) -> None:
        with self._link.telling("follow the nodes"):
            watcher = await (await self._link.js.key_value(NODES)).watchall()
            try:
                async for entry in watcher:
                    if entry is not None and entry.value:
                        self._hear(entry.value)
            finally:
                with suppress(Exception):
                    await watcher.stop()  # type: ignore[no-untyped-call]

    def _hear(self, data: bytes) -> None:
        with suppress(msgspec.DecodeError):  # of a node of another version
            node = read_document(data, NodeInfo)
            for job in node.running:
                had = self._had.setdefault(job, [])
                self._had.move_to_end(job)
                if node.name not in had:
                    had.append(node.name)
            while len(self._had) > _REMEMBERED:
                self._had.popitem(last=False)

    async def _bury_lost(self) -> None:
        from nats.errors import TimeoutError as NothingYet
        from nats.js import api

        settings = api.ConsumerConfig(name="keeper", durable_name="keeper", ack_wait=30, max_ack_pending=256)
        with self._link.telling("look after lost jobs"):
            await self._link.js.add_consumer(LOST, settings)
            taking = await self._link.js.pull_subscribe_bind(consumer="keeper", stream=LOST)
            try:
                while True:
                    lost: list[Msg] = []
                    with suppress(NothingYet):
                        lost = await taking.fetch(32, timeout=30)
                    for message in lost:
                        await self._bury(message)
            finally:
                with suppress(Exception):
                    await taking.unsubscribe()

    async def _bury(self, message: "Msg") -> None:
        from nats.js.errors import NotFoundError

        advisory = read_document(message.data, _Advisory)
        with suppress(NotFoundError):  # somebody ended it after all, or another keeper did this
            work = await self._link.js.get_msg(WORK, advisory.stream_seq)
            await self._tell_and_take_away(work, advisory.deliveries)
        await message.ack_sync(timeout=10)

    async def _bury_unheard(self) -> None:
        from nats.js.errors import NotFoundError

        for work, deliveries in await unheard_work(self._link):
            with self._link.telling("look after lost jobs"), suppress(NotFoundError):
                await self._tell_and_take_away(work, deliveries)

    async def _tell_and_take_away(self, work: "RawStreamMsg", deliveries: int) -> None:
        if not await self._raced(work):
            await self._tell(work, deliveries)
        await self._link.js.delete_msg(WORK, work.seq or 0)

    async def _raced(self, work: "RawStreamMsg") -> bool:
        """Whether the job is one of several copies, of which another may still end."""
        from nats.js.errors import NotFoundError

        first, _, _ = (work.subject or "").partition("~")
        for other in {first, *(f"{first}~{each}" for each in range(1, 4))} - {work.subject}:
            with suppress(NotFoundError):
                await self._link.js.get_msg(WORK, subject=other)
                return True
        return False

    async def _tell(self, work: "RawStreamMsg", deliveries: int) -> None:
        from nats.js.errors import BucketNotFoundError, KeyWrongLastSequenceError

        result = self._dead(work, deliveries)
        try:
            results = await self._link.js.key_value(results_of(result.submitter))
            await results.create(token_of(result.job_id), msgspec.json.encode(result))
        except KeyWrongLastSequenceError:
            return  # it had ended, and its node could not say so
        except BucketNotFoundError:
            _logger.warning("a job of %s died, who is no submitter here: %s", result.submitter, result.job_id)
            return
        self._measures.count(names.FARM_JOBS, 1, {names.FARM_STATE: "dead"})
        _logger.warning("no node brought the job %s of %s to an end", result.job_id, result.submitter)

    def _dead(self, work: "RawStreamMsg", deliveries: int) -> FarmResult:
        try:
            job = read_job(work.data, work.subject or "")
        except msgspec.DecodeError as error:
            submitter, name = (work.subject or "").partition("~")[0].split(".")[-2:]
            reason = f"it is no job that this version knows ({error})"
            return FarmResult(
                job_id=name,
                submitter=submitter,
                submission="",
                state="dead",
                error=_error(reason),
                deliveries=deliveries,
            )
        had = tuple(self._had.get(job.job_id, ()))
        by = f" ({', '.join(had)})" if had else ""
        reason = f"it was handed to nodes {deliveries} times{by}, and each went away with it; see what they logged"
        return FarmResult(
            job_id=job.job_id,
            submitter=job.submitter,
            submission=job.submission,
            state="dead",
            error=_error(f"{reason}, and hand it in again with `kilnmark farm dead --again {job.job_id}`"),
            deliveries=deliveries,
            nodes=had,
            job=job,
        )

    async def _tidy(self) -> None:
        while True:  # on a full disk only what makes room succeeds, so that comes first
            if gone := await clear_content(self._link, self._kept):
                _logger.info("%d files that no job needed for %d days are taken away", gone, self._kept.days)
            for partition in await tidy_up(self._link):
                _logger.info("nobody has had work of %s for a day: forgotten", partition)
            for subject in await take_away_stranded(self._link):
                _logger.info("%s had ended, and no node was there for it: taken off the queue", subject)
            await self._bury_unheard()
            await asyncio.sleep(self._every)


def _error(message: str) -> JobError:
    return JobError(code=WorkerLost.code, kind=WorkerLost.kind, message=message, retryable=True)
