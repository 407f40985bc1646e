"""What passes in the daemon, for every page that looks on: one watching for all of them, while there is any.

A page is told that something has changed, and asks for it; steps and previews alone are told as they are. What a page
shows is not known here.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Final

import msgspec

from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.watching import JobChange, Preview
from kilnmark.web.link import DaemonLink, DaemonStanding

__all__ = ["JobFollower", "StepTold"]

_log = logging.getLogger(__name__)

QUIET: Final = 0.3
"""Seconds that changes are gathered for before pages are told."""

BEAT: Final = 15.0
"""Seconds after which something is sent although nothing has changed, so that whoever went away is noticed."""

LONGEST_PAUSE: Final = 10.0
"""Seconds between two tries to watch, at most."""

_KEPT = 64
"""Things that are not yet sent to a page; of more, the oldest are dropped, and it is told that something changed."""

CHANGED: Final = b"event: changed\ndata: \n\n"


class StepTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a page is told of a render that comes further.

    Attributes:
        job_id: Whose.
        step, steps: Done, and to do.
        stage: What the worker is at.
        preview: The step that there is a picture of; None: there is none yet.
    """

    job_id: str
    step: int
    steps: int
    stage: str
    preview: int | None = None


class JobFollower:
    """Follows the daemon's jobs while anybody looks on.

    Args:
        link: To the daemon.
    """

    def __init__(self, link: DaemonLink) -> None:
        self._link = link
        self._pages: set[asyncio.Queue[bytes]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._steps: dict[str, StepTold] = {}
        self._previews: dict[str, Preview] = {}
        self._mark = _mark(link.standing)
        link.on_change(self._stands)

    def step_of(self, job_id: str) -> StepTold | None:
        """How far a render was told to be; None: nothing was."""
        return self._steps.get(job_id)

    def preview_of(self, job_id: str) -> Preview | None:
        """The latest picture of how far a render is; None: there is none."""
        return self._previews.get(job_id)

    async def events(self) -> AsyncIterator[bytes]:
        """Server-sent events: `hello` at once; then `changed`, `step`, and a comment where nothing happens."""
        with self._looking_on() as told:
            yield b"retry: 2000\nevent: hello\ndata: \n\n"
            while True:
                try:
                    yield await asyncio.wait_for(told.get(), BEAT)
                except TimeoutError:
                    yield b": still here\n\n"

    def changed(self) -> None:
        """Have every page told, soon, that what it shows is another by now."""
        if self._telling is None and self._pages:
            self._telling = asyncio.get_running_loop().call_later(QUIET, self._tell_changed)

    def take(self, note: JobChange | Preview) -> None:
        """Something that the daemon told."""
        if isinstance(note, Preview):
            self._previews[note.job_id] = note
            told = StepTold(
                job_id=note.job_id, step=note.step, steps=note.steps, stage=self._stage(note.job_id), preview=note.step
            )
        elif note.event == "step":
            seen = self._previews.get(note.job.job_id)
            told = StepTold(
                job_id=note.job.job_id,
                step=note.job.step,
                steps=note.job.steps,
                stage=note.stage,
                preview=seen.step if seen else None,
            )
        else:
            if note.event == "ended":
                self._steps.pop(note.job.job_id, None)
                self._previews.pop(note.job.job_id, None)
            self.changed()
            return
        self._steps[told.job_id] = told
        self._send(b"event: step\ndata: " + msgspec.json.encode(told) + b"\n\n")

    def _stands(self, standing: DaemonStanding) -> None:
        """Whatever was missed before the watching began shows here within a second."""
        before, self._mark = self._mark, _mark(standing)
        if before != self._mark:
            self.changed()

    def _stage(self, job_id: str) -> str:
        known = self._steps.get(job_id)
        return known.stage if known else ""

    @contextmanager
    def _looking_on(self) -> "Iterator[asyncio.Queue[bytes]]":
        told: asyncio.Queue[bytes] = asyncio.Queue()
        self._pages.add(told)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch_on())
        try:
            yield told
        finally:
            self._pages.discard(told)
            if not self._pages and self._watching is not None:
                self._watching.cancel()
                self._watching = None

    async def _watch_on(self) -> None:
        pause = 0.5
        while True:
            try:
                async with aclosing(self._link.client.watch(previews=True)) as notes:
                    async for note in notes:
                        pause = 0.5
                        self.take(note)
            except (KilnmarkError, OSError) as error:
                _log.debug("the jobs cannot be watched: %s", error)
            except Exception:  # noqa: BLE001 - a defect costs pages what they missed, never all that follows
                _log.exception("watching the jobs met a defect; it is begun again")
            self._steps.clear()
            self._previews.clear()
            self.changed()
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    def _tell_changed(self) -> None:
        self._telling = None
        self._send(CHANGED)

    def _send(self, event: bytes) -> None:
        for told in self._pages:
            if told.qsize() >= _KEPT:
                while not told.empty():
                    told.get_nowait()
                told.put_nowait(CHANGED)
            told.put_nowait(event)


def _mark(standing: DaemonStanding) -> tuple[object, ...]:
    """What of the daemon is worth a new page: not its uptime, nor memory that changes all the time."""
    status = standing.status
    if status is None:
        return (standing.problem,)
    degraded = None if status.worker.degraded is None else status.worker.degraded.tries
    told = (status.state, status.loading, status.compiling, status.rendered, status.failed, status.queue, status.cache)
    return (*told, degraded, status.worker.pid, status.journal, status.power)
