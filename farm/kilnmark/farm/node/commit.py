"""One result for a job, whoever else has it: the picture first, then the key, which the first who writes it has.

A picture that does not count stays until it is as old as all that go: by its hash it may be another job's, too. Nothing
of it is given up while the broker is away: a node that has painted waits for it.
"""

import asyncio
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.patience import patiently
from kilnmark.farm.content.local import LocalFile
from kilnmark.farm.content.store import ContentStore, open_content
from kilnmark.farm.documents import FarmJob, FarmResult
from kilnmark.farm.names import pictures_of, results_of, token_of
from kilnmark.farm.node.shared import clear_shared, share, shared_place
from kilnmark.farm.reading import read_ending

if TYPE_CHECKING:
    from nats.js.kv import KeyValue

__all__ = ["Commits"]

_logger = logging.getLogger(__name__)

_SELDOM = 3600.0
"""Seconds between two looks at what is old in a folder that is shared."""

_PATIENCE = 900.0
"""Seconds for which a broker that is away is waited for with a result in hand; then the job is somebody else's."""


class Commits:
    """Results written for the jobs of any submitter.

    Args:
        link: To the broker.
        shared: A folder that pictures go to instead of the broker; None: they go to the broker.
    """

    def __init__(self, link: FarmLink, shared: Path | None) -> None:
        self._link = link
        self._shared = shared
        self._cleared: dict[str, float] = {}
        self._results: dict[str, KeyValue] = {}
        self._pictures: dict[str, ContentStore] = {}

    async def existing(self, job: FarmJob) -> FarmResult | None:
        """How the job ended already; None: it has not.

        Raises:
            FarmError: The broker does not answer.
        """
        from nats.js.errors import KeyNotFoundError

        results = await self._results_of(job.submitter)
        with self._link.telling("read a result"):
            try:
                entry = await results.get(token_of(job.job_id))
            except KeyNotFoundError:
                return None
        return read_ending(entry.value, job.submitter, job.job_id)

    async def commit(self, job: FarmJob, result: FarmResult, picture: LocalFile | None) -> bool:
        """Write how a job ended. Returns whether it counts: not where somebody else was first.

        Raises:
            FarmError: The broker does not take it, or was away for too long.
        """
        if picture is not None:
            result = msgspec.structs.replace(result, is_shared=self._shared is not None)
            await patiently(lambda: self._put(job, picture), _PATIENCE, until_room=True)
        return await patiently(lambda: self._create(job, result), _PATIENCE, until_room=True)

    async def _put(self, job: FarmJob, picture: LocalFile) -> None:
        if self._shared is not None:
            await asyncio.to_thread(share, picture, shared_place(self._shared, job.submitter, picture.content.sha256))
            await self._clear(self._shared, job.submitter)
            return
        await (await self._store_of(job.submitter)).put(picture)

    async def _clear(self, shared: Path, submitter: str) -> None:
        """Take away what is as old as what goes at the broker, now and then."""
        now = time.monotonic()
        if now - self._cleared.get(submitter, now - _SELDOM) < _SELDOM:
            return
        self._cleared[submitter] = now
        with self._link.telling("look at the results"):
            kept = (await self._link.js.stream_info(f"KV_{results_of(submitter)}")).config.max_age
        try:
            gone = await asyncio.to_thread(clear_shared, shared, submitter, kept) if kept else 0
        except OSError as error:  # which is no fault of the picture that was put there
            _logger.warning("old pictures in %s stay: %s", shared, error)
        else:
            _logger.info("%d pictures of %s are taken away, whose results are gone", gone, submitter)

    async def _create(self, job: FarmJob, result: FarmResult) -> bool:
        from nats.js.errors import KeyWrongLastSequenceError

        results = await self._results_of(job.submitter)
        with self._link.telling("write a result"):
            try:
                await results.create(token_of(job.job_id), msgspec.json.encode(result))
            except KeyWrongLastSequenceError:
                first = await self.existing(job)
            else:
                return True
        return first == result  # it was written, and the broker's word of that was lost

    async def _results_of(self, submitter: str) -> "KeyValue":
        if submitter not in self._results:
            with self._link.telling("look at the results"):
                self._results[submitter] = await self._link.js.key_value(results_of(submitter))
        return self._results[submitter]

    async def _store_of(self, submitter: str) -> ContentStore:
        if submitter not in self._pictures:
            self._pictures[submitter] = await open_content(self._link, pictures_of(submitter))
        return self._pictures[submitter]
