"""Tells the ends of jobs and of batches where they are asked to be told: at least once each, over starts and failures.

What has ended is asked of the daemon, whose journal outlives it; what was told is in the ledger. A message is written
down before it is sent.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Final

from kilnmark.client.aio import AsyncClient
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.notify import notify_problem
from kilnmark.protocol.wire.errors import UnknownJob
from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.web.errors import HooksUnusable
from kilnmark.web.hooks.ledger import REMEMBERED, Due, HooksLedger
from kilnmark.web.hooks.message import batch_message, job_message, key_of, signed
from kilnmark.web.hooks.send import NotTaken, post
from kilnmark.web.link import DaemonLink

__all__ = ["Teller"]

_log = logging.getLogger(__name__)

INTERVAL: Final = 1.0
"""Seconds between two looks."""

AT_ONCE: Final = 4
"""Messages that are sent at a time: one address that does not answer does not hold up the others."""

QUIET: Final = 60.0
"""Seconds between two words about a ledger that cannot be used: its disk may be the log's, too."""

_ENDED: Final = ("done", "failed", "cancelled")
_PAGE: Final = 200


class Teller:
    """Tells what ended, from `begin` to `end`.

    Args:
        link: To the daemon.
        ledger: What was told.
        secret: What messages are signed with.
        send: Sends one; it blocks.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        link: DaemonLink,
        ledger: HooksLedger,
        secret: str,
        send: Callable[..., None] = post,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._link = link
        self._secret = secret
        self._send = send
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._next_word = 0.0
        self.ledger = ledger

    async def begin(self) -> None:
        """Look, and send, until `end`."""
        self._tasks = [asyncio.create_task(self._look_on())]
        self._tasks += [asyncio.create_task(self._send_on()) for _ in range(AT_ONCE)]

    async def end(self) -> None:
        """Send no more; what is under way may be told twice."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(self.ledger.close)

    async def look(self) -> None:
        """Write down everything that ended and is to be told, and is not written yet.

        Raises:
            KilnmarkError: the daemon, or the ledger, cannot be asked.
        """
        client = self._link.client
        for job in reversed(await self._untold(client)):
            await self._write_down(client, job)
        now = self._clock()
        for notice in (await client.notices()).notices:
            if now - datetime.fromisoformat(notice.left).timestamp() < REMEMBERED:
                await asyncio.to_thread(self.ledger.add, batch_message(notice), now)

    async def _untold(self, client: AsyncClient) -> list[JobInfo]:
        """Jobs that are not written down, the latest first.

        They are written down from the oldest on, so that behind a page without any there is none, wherever a look
        before was cut off.
        """
        untold: list[JobInfo] = []
        cursor: str | None = None
        while True:
            page = await client.jobs_page(cursor, _PAGE, notify=True, states=_ENDED)
            found = {key_of("job", job.job_id, job.accepted): job for job in page.jobs}
            unknown = await asyncio.to_thread(self.ledger.unknown, list(found))
            untold += [found[key] for key in unknown]
            cursor = page.next
            if cursor is None or not unknown:
                return untold

    async def send_next(self) -> bool:
        """Send the message whose turn it is; whether there was one.

        Raises:
            HooksUnusable: the ledger cannot be used.
        """
        if (due := await asyncio.to_thread(self.ledger.take, self._clock())) is None:
            return False
        try:
            self._check_allowed(due)
            headers = signed(due.message, self._secret, self._clock())
            await _apart(partial(self._send, due.message.url, due.message.body, headers))
        except NotTaken as error:
            failed = partial(self.ledger.failed, for_ever=error.for_ever)
            if await asyncio.to_thread(failed, due, error.reason, self._clock()):
                _log.warning("message %s to %s is given up: %s", due.message.id, due.message.url, error)
            elif due.tries == 0:
                _log.warning("message %s to %s is sent again later: %s", due.message.id, due.message.url, error)
        else:
            await asyncio.to_thread(self.ledger.told, due.message.id, self._clock())
        return True

    def _check_allowed(self, due: Due) -> None:
        """The daemon's word of now counts, which may allow less than when the job was asked for.

        Raises:
            NotTaken: it does not allow the address, or is away and cannot be asked.
        """
        status = self._link.standing.status
        if status is None:
            raise NotTaken("the daemon, which knows what hosts are allowed, is away")
        if problem := notify_problem(due.message.url, status.notify_hosts):
            raise NotTaken(problem)

    async def _write_down(self, client: AsyncClient, job: JobInfo) -> None:
        """A job that the daemon has forgotten meanwhile has nothing left to tell."""
        try:
            ended = await client.jobs_get(job.job_id)
        except UnknownJob:
            _log.warning("job %s was forgotten before its end was told to %s", job.job_id, job.notify_url)
            return
        await asyncio.to_thread(self.ledger.add, job_message(job, ended), self._clock())

    async def _look_on(self) -> None:
        while True:
            if self._link.standing.status is not None:
                with self._outlived():
                    await self.look()
            await asyncio.sleep(INTERVAL)

    async def _send_on(self) -> None:
        while True:
            sent = False
            with self._outlived():
                sent = await self.send_next()
            if not sent:
                await asyncio.sleep(INTERVAL)

    @contextmanager
    def _outlived(self) -> Iterator[None]:
        """Troubles pass: the next look tries again. Those of the ledger are told, the daemon's are on every page."""
        try:
            yield
        except HooksUnusable as error:
            if time.monotonic() >= self._next_word:
                self._next_word = time.monotonic() + QUIET
                _log.error("%s", error)
        except (KilnmarkError, OSError):
            _log.debug("it is tried again", exc_info=True)
        except Exception:  # noqa: BLE001 - whoever sends is never to be one fewer, silently
            _log.exception("telling what ended met what nobody thought of; it is tried again")


async def _apart(work: Callable[[], None]) -> None:
    """Do what blocks in a thread of its own, which the process does not wait for when it ends: a receiver may hang."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if not done.done():
            done.set_result(None) if error is None else done.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            work()
        except Exception as raised:  # noqa: BLE001 - it is raised again where it is waited for
            error = raised
        with suppress(RuntimeError):  # the loop is gone, and whoever waited
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=run, name="kilnmark-hook", daemon=True).start()
    await done
