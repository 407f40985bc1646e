"""A submitter's results: looked up, and heard of as they come, over any restart of the broker.

Only keys are heard of; whoever wants a result reads it. A key is written once, by the first node that ended its job.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.patience import PATIENCE, patiently
from kilnmark.farm.documents import FarmResult
from kilnmark.farm.errors import BrokerAway
from kilnmark.farm.names import CANCELS, cancel_key, results_of, token_of
from kilnmark.farm.reading import read_ending
from kilnmark.farm.submit.buckets import open_bucket

if TYPE_CHECKING:
    from nats.js.kv import KeyValue

__all__ = ["FoundResult", "Hear", "Results"]

Hear = Callable[[str, int, bool], None]

_SILENCE = 30.0
"""Seconds without news after which the bucket is listed once more: what the broker lost of a watch, nobody tells."""


@dataclass(frozen=True, slots=True)
class FoundResult:
    """A result that is there.

    Attributes:
        revision: Of its key.
    """

    result: FarmResult
    revision: int


class Results:
    """Those of one submitter.

    Args:
        link: To the broker.
        submitter: Whose they are.
    """

    def __init__(self, link: FarmLink, submitter: str) -> None:
        self._link = link
        self._submitter = submitter
        self._bucket: KeyValue | None = None

    async def find(self, job_id: str) -> FoundResult | None:
        """How a job ended; None: it has not.

        Raises:
            FarmError: The broker does not answer.
        """
        return await patiently(lambda: self._find(job_id))

    async def forget(self, job_id: str) -> None:
        """Take away how a job ended, and that it is unwanted, so that it can be handed in again.

        Raises:
            FarmError: The broker does not answer, or does not allow it.
        """
        cancels = await open_bucket(self._link, CANCELS, "hand in work again")
        bucket = await self._opened()

        async def forget() -> None:
            with self._link.telling("hand in work again"):
                await cancels.purge(cancel_key(self._submitter, job_id))
                await bucket.purge(token_of(job_id))

        await patiently(forget)

    async def follow(self, hear: Hear, listed: Callable[[], None]) -> None:
        """Tell the key and the revision of every result, until cancelled; some more than once.

        Args:
            hear: What is told: the key, its revision, and whether it came to be while it was listened.
            listed: Called each time that all that were there have been told: at first, when the broker is back, and
                when nothing came for long.

        Raises:
            FarmError: The broker was away for too long, or does not allow it.
        """
        over = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                await self._follow_once(hear, listed)
                over = asyncio.get_running_loop().time() + PATIENCE
            except BrokerAway:
                if asyncio.get_running_loop().time() > over:
                    raise
                await asyncio.sleep(0.5)

    async def _follow_once(self, hear: Hear, listed: Callable[[], None]) -> None:
        """Until the connection was another, or nothing came for long."""
        connection, silent = self._link.nc.stats["reconnects"], 0
        bucket = await self._opened()
        with self._link.telling("follow results"):
            before = (await self._link.js.stream_info(f"KV_{results_of(self._submitter)}")).state.last_seq
            watcher = await bucket.watch("*", ignore_deletes=True, meta_only=True)
        try:
            while silent < _SILENCE and connection == self._link.nc.stats["reconnects"]:
                try:
                    async with asyncio.timeout(1.0):
                        entry = await anext(watcher)
                except TimeoutError:
                    silent += 1
                    continue
                silent = 0
                if entry is None:
                    listed()
                else:
                    hear(entry.key, entry.revision, entry.revision > before)
        finally:
            with contextlib.suppress(Exception):
                await watcher.stop()  # type: ignore[no-untyped-call]

    async def _find(self, job_id: str) -> FoundResult | None:
        from nats.js.errors import KeyNotFoundError

        bucket = await self._opened()
        with self._link.telling("read a result"):
            try:
                entry = await bucket.get(token_of(job_id))
            except KeyNotFoundError:
                return None
        return FoundResult(read_ending(entry.value, self._submitter, job_id), entry.revision or 0)

    async def _opened(self) -> "KeyValue":
        if self._bucket is None:
            self._bucket = await open_bucket(self._link, results_of(self._submitter), "look at its results")
        return self._bucket
