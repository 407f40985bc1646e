"""A request watches the jobs: it is told of them as they pass, until it is given up or the daemon leaves.

Nothing is told of a job before it is on disk, where there is a journal. What has to be told is `jobs.watching`'s part.
"""

import asyncio
from contextlib import suppress

from kilnmark.daemon.jobs.watching import JobsWatch, News, PreviewNews, Watching
from kilnmark.daemon.journal.keeper import JournalKeeper
from kilnmark.daemon.wire.exchange import Exchange
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.job_requests import WatchParams
from kilnmark.protocol.wire.watching import JobChange, Preview, WatchResult

__all__ = ["watch_jobs"]

ROOM = 1 << 16
"""Bytes that its connection may hold unread before a watcher is told nothing more."""

LOOK_AGAIN = 0.1
"""Seconds until it is seen whether it has read some of them."""


async def watch_jobs(
    watching: Watching, journal: JournalKeeper, params: WatchParams, exchange: Exchange
) -> WatchResult:
    """Tell a request of jobs until the daemon leaves.

    Raises:
        InvalidParams: nothing can be told, since it has no progress token.
        QueueFull: it reads too slowly for what happens.
    """
    token = params.meta.progress_token
    if token is None or exchange.call.id is None:
        raise InvalidParams(
            "jobs.watch tells nothing without a progress token and an id - at `$.params._meta.progressToken`; give both"
        )
    told = 0
    with exchange.pulse(token, "", lambda: "watching"), watching.watch(previews=params.previews) as watch:
        while True:
            await watch.woken.wait()
            await _room(watch, exchange)
            is_over, news = watch.over.is_set(), watch.take()
            await journal.written()
            for each in news:
                _tell(exchange, token, each)
            told += len(news)
            if is_over:
                return WatchResult(told=told, lost=watch.lost)


async def _room(watch: JobsWatch, exchange: Exchange) -> None:
    """Wait until it has read enough of what it was told; the end is told in any case."""
    while exchange.unread() > ROOM and not watch.over.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN):
                await watch.over.wait()


def _tell(exchange: Exchange, token: str | int, news: News | PreviewNews) -> None:
    if isinstance(news, News):
        change = JobChange(progress_token=token, job=news.job, event=news.event, stage=news.stage, at=news.at)
        exchange.tell("notifications/job", change)
        return
    preview = Preview(progress_token=token, job_id=news.job_id, step=news.step, steps=news.steps, jpeg=news.jpeg)
    exchange.tell("notifications/preview", preview)
