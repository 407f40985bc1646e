"""The review page while its batch paints: written again and again, always whole, and once more when it is over.

How often is decided here; what is on it is `page`'s part, and what is painted `run`'s.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from kilnmark.client.batch.page.page import BatchAtWork, write_page
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.run.ledger import Ledger
from kilnmark.client.batch.run.tally import Became, Tally

__all__ = ["BEAT", "GrowingPage", "growing_page"]

_PAUSE = 2.0
"""Seconds between two pages, at least: a large one takes longer, and waits ten times as long as it took."""

BEAT = 20.0
"""Seconds after which a page is written although nothing has ended, so that it tells whether its batch lives."""

_SHARE = 10


class GrowingPage:
    """The page of a batch that is at work.

    Args:
        ledger: Of its folder.
        tally: Of its endings.
        files: Where decisions are kept.
        tell: Is told, once, why no page can be written.
        wait: What passes the seconds between two looks.
    """

    def __init__(
        self,
        ledger: Ledger,
        tally: Tally,
        files: PicksFiles,
        tell: Callable[[str], None],
        wait: Callable[[float], "asyncio.Future[None]"] | None = None,
    ) -> None:
        self._ledger = ledger
        self._tally = tally
        self._files = files
        self._tell = tell
        self._wait = wait or (lambda seconds: asyncio.ensure_future(asyncio.sleep(seconds)))
        self._shown: object = None
        self._silent = False

    async def follow(self) -> None:
        """Write pages until this is cancelled."""
        since = BEAT
        while True:
            pause = _PAUSE
            if since >= BEAT or self._state() != self._shown:
                pause, since = max(_PAUSE, _SHARE * await self._write()), 0.0
            await self._wait(pause)
            since += pause

    def _state(self) -> object:
        return len(self._tally.endings), self._tally.total, self._tally.paused, self._files.changed()

    async def _write(self) -> float:
        """Seconds that it took. A page that cannot be written stops no batch: the next one may."""
        self._shown, began = self._state(), time.monotonic()
        tally, manifest = self._tally, self._ledger.manifest
        painting = BatchAtWork(tally.total - tally.count(Became.LEFT), tally.total, tally.paused)
        try:
            await asyncio.to_thread(write_page, self._ledger.folder, manifest, self._files, painting=painting)
        except OSError as error:
            if not self._silent:
                self._tell(f"the review page cannot be written: {error}")
            self._silent = True
        return time.monotonic() - began


@asynccontextmanager
async def growing_page(page: GrowingPage) -> AsyncIterator[None]:
    """Write pages while the block runs. `asyncio.run` waits for the one that is being written then."""
    task = asyncio.create_task(page.follow())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
