"""What the asyncio client asks of jobs, its own and everybody's, and of notices.

How a call is sent is `aio_calls`' part. `sync_jobs`, the same for the blocking client, is made from this module by
`scripts/make_sync.py`.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Unpack

import msgspec

from kilnmark.client.aio_calls import AsyncCalls
from kilnmark.client.connection import Watched
from kilnmark.client.listed import JobsOptions, jobs_fields
from kilnmark.client.tracing import Carrier
from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.wire import methods
from kilnmark.protocol.wire.job_requests import JobParams, JobsParams, JobWaitParams, MoveParams, WatchParams
from kilnmark.protocol.wire.notices import BatchEnd, NoticeParams, NoticeResult, NoticesParams, NoticesResult
from kilnmark.protocol.wire.replies import CancelResult, JobResult, JobsResult, MoveResult
from kilnmark.protocol.wire.requests import CancelParams
from kilnmark.protocol.wire.watching import JobChange, Preview

__all__ = ["AsyncJobCalls"]


class AsyncJobCalls(AsyncCalls):
    """A client, as far as jobs go."""

    async def cancel(self, job_id: str, reason: str = "") -> CancelResult:
        """Cancel a render, whoever asked for it; it stops at its next denoise step."""
        return await self._ask(methods.CANCEL, CancelParams(job_id=job_id, reason=reason))

    async def jobs_list(self, **options: Unpack[JobsOptions]) -> JobsResult:
        """Every job that the daemon knows, or those asked for: the running, the waiting, then the ended, latest first.

        It is asked for page by page; a job whose state changes meanwhile may come twice, or not at all.

        Args:
            options: See `JobsOptions`.
        """
        found = await self.jobs_page(**options)
        while found.next is not None:
            page = await self.jobs_page(found.next, 1000, **options)
            found = msgspec.structs.replace(page, jobs=[*found.jobs, *page.jobs])
        return found

    async def jobs_page(
        self, cursor: str | None = None, limit: int = 200, **options: Unpack[JobsOptions]
    ) -> JobsResult:
        """Some of what `jobs_list` tells.

        Args:
            cursor: `next` of the page before, which was asked for with the same options; None begins.
            limit: Jobs on it at most, up to 1000.
            options: See `JobsOptions`.
        """
        return await self._ask(methods.JOBS_LIST, JobsParams(cursor=cursor, limit=limit, **jobs_fields(**options)))

    async def jobs_get(self, job_id: str) -> JobResult:
        """How far one job is, or how it ended."""
        return await self._ask(methods.JOBS_GET, JobParams(job_id=job_id))

    async def jobs_wait(self, job_id: str, job_timeout: float | None = None) -> JobResult:
        """Wait until a job has ended, whoever asked for it; giving up to wait leaves it as it is.

        Args:
            job_id: Its id.
            job_timeout: Seconds to wait at most; None waits for as long as it takes.

        Raises:
            JobTimedOut: it goes on.
        """
        return await self._ask(methods.JOBS_WAIT, JobWaitParams(job_id=job_id, timeout=job_timeout))

    async def jobs_move(self, job_id: str, priority: Priority) -> MoveResult:
        """Give a job that waits another priority, whoever asked for it."""
        return await self._ask(methods.JOBS_MOVE, MoveParams(job_id=job_id, priority=priority))

    async def watch(self, *, previews: bool = False) -> AsyncGenerator[JobChange | Preview]:
        """Every job of the daemon as it is accepted, begun, comes further and ends, until the daemon leaves.

        It begins with the first hundred open jobs, and is not begun again by itself: whoever goes on after
        `ConnectionLost` asks `jobs_list` for what ended meanwhile. Close the iterator to watch no more.

        Args:
            previews: Pictures of how far each render is, too, where the daemon makes any.
        """
        patience = self._timeouts.for_call(methods.JOBS_WATCH)
        exchange = self._exchange(methods.JOBS_WATCH, WatchParams(previews=previews), patience, Carrier())
        async with aclosing(exchange):
            async for event in exchange:
                if isinstance(event, Watched):
                    yield event.note

    async def leave_notice(self, notice_id: str, notify_url: str, batch: BatchEnd) -> NoticeResult:
        """Have the end of a batch told somewhere, by whoever serves the daemon's pictures.

        Args:
            notice_id: Your own key; one that is left twice is told once.
            notify_url: Where, on one of the hosts that `status` lists.
            batch: How it ended.
        """
        params = NoticeParams(notice_id=notice_id, notify_url=notify_url, batch=batch)
        return await self._ask(methods.NOTICES_LEAVE, params)

    async def notices(self) -> NoticesResult:
        """The notices that the daemon keeps, the oldest first."""
        return await self._ask(methods.NOTICES_LIST, NoticesParams())
