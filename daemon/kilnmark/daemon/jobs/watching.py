"""Who watches the jobs of a daemon as they pass, and what each of them has still to be told.

Steps are told ten times a second at most, a job's latest alone. A reader that is slow loses steps and previews, and
nothing else; one that stays away for good is sent away, because what waits for it must not grow for ever. Nothing is
sent here: `watched` does.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from kilnmark.daemon.jobs.view import JobsView
from kilnmark.daemon.wire.exchange import stage_words
from kilnmark.protocol.wire.errors import QueueFull
from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.protocol.wire.watching import JobNews
from kilnmark.protocol.wire.work import Stepped

__all__ = ["JobsWatch", "News", "PreviewNews", "Watching"]

STEP_EVERY = 0.1
"""Seconds between two tellings of steps."""

CROWDED, MOST = 1000, 20_000
"""News that wait for one reader: so many before only the end of an ended job stays, and before it is sent away."""


class News(NamedTuple):
    """What happened to a job; see `JobChange`."""

    job: JobInfo
    event: JobNews
    stage: str
    at: str


class PreviewNews(NamedTuple):
    """How far a render is, as a small JPEG; see `Preview`."""

    job_id: str
    step: int
    steps: int
    jpeg: bytes


_Key = tuple[str, str, str]
"""Of one of the news that wait: its job, when that was accepted, and what happened."""


class JobsWatch:
    """One request that watches.

    Args:
        previews: It wants pictures, too.

    Attributes:
        lost: Steps and pictures that it was not told.
        over: Set when nothing more will be told of.
        woken: Set when there is something to tell.
    """

    def __init__(self, *, previews: bool) -> None:
        self.previews = previews
        self.lost = 0
        self.over = asyncio.Event()
        self.woken = asyncio.Event()
        self._waiting: dict[_Key, News | PreviewNews] = {}
        self._problem: QueueFull | None = None

    def put(self, news: News | PreviewNews) -> None:
        """It is to be told of this, unless it was told of too little to be told of more."""
        if self._problem is not None:
            return
        key: _Key
        if isinstance(news, News):
            key = news.job.job_id, news.job.accepted, news.event
            self._make_room(key)
        else:
            key = news.job_id, "", "preview"
        self.lost += self._waiting.pop(key, None) is not None and key[2] in {"step", "preview"}
        self._waiting[key] = news
        self.woken.set()
        if len(self._waiting) > MOST:
            self._send_away()

    def take(self) -> list[News | PreviewNews]:
        """All that it has to be told, in its order; it is told then.

        Raises:
            QueueFull: it was too much to be kept.
        """
        if self._problem is not None:
            raise self._problem
        taken, self._waiting = list(self._waiting.values()), {}
        self.woken.clear()
        return taken

    def end(self) -> None:
        """Nothing more will be told of."""
        self.over.set()
        self.woken.set()

    def _make_room(self, key: _Key) -> None:
        job_id, accepted, event = key
        if event != "step":
            self.lost += self._waiting.pop((job_id, accepted, "step"), None) is not None
        if event == "ended":
            self.lost += self._waiting.pop((job_id, "", "preview"), None) is not None
            if len(self._waiting) > CROWDED:
                for earlier in ("known", "accepted", "begun", "moved", "waiting"):
                    self._waiting.pop((job_id, accepted, earlier), None)

    def _send_away(self) -> None:
        self._waiting.clear()
        self.end()
        self._problem = QueueFull(
            f"more than {MOST} news are unread, so no more are kept; read faster, then watch again, and ask jobs.list "
            "for what ended meanwhile"
        )


class Watching:
    """Everybody who watches. Made on the loop that uses it.

    Args:
        view: Where jobs are looked at.

    Attributes:
        view: As given.
        on_previews: Called when somebody wants pictures for the first time, and when nobody does any more.
    """

    def __init__(self, view: JobsView) -> None:
        self.view = view
        self._loop = asyncio.get_running_loop()
        self._watches: list[JobsWatch] = []
        self._steps: dict[str, Stepped] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False
        self.on_previews: Callable[[bool], object] = lambda _: None

    @property
    def count(self) -> int:
        """How many watch."""
        return len(self._watches)

    @property
    def wants_previews(self) -> bool:
        """Whether somebody wants pictures of how far renders are."""
        return any(watch.previews for watch in self._watches)

    @contextmanager
    def watch(self, *, previews: bool) -> Iterator[JobsWatch]:
        """One more watches within the block; it is told of the first of the open jobs at once."""
        watch, wanted = JobsWatch(previews=previews), self.wants_previews
        at = _now()
        for job in self.view.first_jobs:
            watch.put(News(job, "known", "", at))
        if self._is_over:
            watch.end()
        self._watches.append(watch)
        if self.wants_previews is not wanted:
            self.on_previews(True)  # noqa: FBT003 - a callback's argument
        try:
            yield watch
        finally:
            wanted = self.wants_previews
            self._watches.remove(watch)
            if self.wants_previews is not wanted:
                self.on_previews(False)  # noqa: FBT003 - a callback's argument

    def happened(self, job_id: str, event: JobNews, step: Stepped | None = None) -> None:
        """Something happened to a job.

        Args:
            step: How far it is, where it came further.
        """
        if not self._watches:
            return
        if step is None:
            self._steps.pop(job_id, None)
            self._tell(job_id, event, "")
            return
        self._steps[job_id] = step
        if self._timer is None:
            self._tell_steps()

    def pictured(self, job_id: str, step: int, steps: int, jpeg: bytes) -> None:
        """There is a picture of how far the render of a job is."""
        for watch in self._watches:
            if watch.previews:
                watch.put(PreviewNews(job_id, step, steps, jpeg))

    def end(self) -> None:
        """The daemon leaves: everybody is told what is left to tell, and hears that it is over."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        for watch in self._watches:
            watch.end()

    def _tell_steps(self) -> None:
        """Tell the latest steps now, and those that come meanwhile a little later."""
        steps, self._steps = self._steps, {}
        for job_id, step in steps.items():
            self._tell(job_id, "step", stage_words(step))
        self._timer = self._loop.call_later(STEP_EVERY, self._tell_steps) if steps else None

    def _tell(self, job_id: str, event: JobNews, stage: str) -> None:
        if (job := self.view.state.find(job_id)) is not None:
            news = News(self.view.info(job), event, stage, _now())
            for watch in self._watches:
                watch.put(news)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
