"""The journal of a running daemon: events go to a thread that writes them, several in one commit, in their order.

The loop never waits for a disk; whoever promises something to a caller awaits `written` first. While the file cannot be
written, events wait in memory, new jobs are refused, and it is tried again until it can be. What the file looks like is
`file`'s part, and what becomes of jobs `renders`'.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from kilnmark.daemon.jobs.events import JobAccepted, JobEnded, JobEvent, encode_event, jobs_of
from kilnmark.daemon.journal.file import JournalFile, JournalRow
from kilnmark.daemon.journal.schema import JournalReplaced
from kilnmark.protocol.wire.errors import JournalFailed
from kilnmark.protocol.wire.status import JournalInfo

__all__ = ["KeptJournal"]

_log = logging.getLogger(__name__)

RETRY = 1.0
"""Seconds until a journal that could not be written is tried again."""

CLOSE_TIMEOUT = 5.0
"""Seconds that the last events may take to be written at the end of the daemon."""

PRUNE_EVERY = 500
"""Ended jobs after which those that are not remembered leave the file."""

_MEND = "make room for it or mend its folder"
"""Of most of what can be wrong with a file that is to be written."""

_Lost = Callable[[Sequence[str], JournalFailed], None]


@dataclass
class _Forget:
    """Asks the thread to prune: the ids of the jobs that stay."""

    known: frozenset[str]


@dataclass
class _Mark:
    """What the loop has given to the thread, and what of it is on disk, counted in events."""

    kept: int = 0
    written: int = 0
    accepted: deque[tuple[int, str]] = field(default_factory=deque)
    waiting: deque[tuple[int, "asyncio.Future[bool]"]] = field(default_factory=deque)


_RETRY, _STOP = object(), object()


def _unheeded(_seconds: float, _problem: str) -> None:
    """Nobody measures commits."""


class KeptJournal:
    """Keeps events in a file. Made on the loop that uses it.

    Args:
        file: Open; the journal closes it.
        known: Asked which jobs are to stay in the file: the open and the remembered.
        on_lost: Called on the loop with the ids of jobs that were taken in and could not be written, and why.
        moved_aside: Where a damaged file was put at the start.
        on_write: Called from the writing thread with the seconds that a commit took, and the class of its error.
    """

    lasts = True

    def __init__(
        self,
        file: JournalFile,
        known: Callable[[], frozenset[str]],
        on_lost: _Lost,
        moved_aside: Path | None = None,
        on_write: Callable[[float, str], None] = _unheeded,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._path = file.path
        self._known = known
        self._on_lost = on_lost
        self._moved_aside = moved_aside
        self._problem: str | None = None
        self._mend = _MEND
        self._mark = _Mark()
        self._ended = 0
        self._rows: list[JournalRow] = []
        self._closed = self._loop.create_future()
        self._things: SimpleQueue[object] = SimpleQueue()
        self._scribe = _Scribe(file, self._things, self._tell, on_write)
        self._thread = threading.Thread(target=self._scribe.run, name="kilnmark-journal", daemon=True)
        self._thread.start()

    @property
    def info(self) -> JournalInfo:
        """As `status` shows it."""
        return JournalInfo(
            path=str(self._path),
            state="good" if self._problem is None else "failing",
            problem=self._problem,
            moved_aside=None if self._moved_aside is None else str(self._moved_aside),
        )

    def keep(self, event: JobEvent) -> None:
        """Let an event be written after all that came before it."""
        self._mark.kept += 1
        if isinstance(event, JobAccepted):
            self._mark.accepted.append((self._mark.kept, event.job_id))
        if not self._rows:
            self._loop.call_soon(self._hand_over)
        self._rows.append(JournalRow(jobs_of(event), encode_event(event)))
        if isinstance(event, JobEnded):
            self._ended += 1
            if self._ended % PRUNE_EVERY == 0:
                self._loop.call_soon(self.prune)

    async def written(self) -> bool:
        """Wait until all that was kept so far is on disk; False: it cannot be written now."""
        if self._mark.written >= self._mark.kept:
            return True
        if self._problem is not None or self._closed.done():
            return False
        done: asyncio.Future[bool] = self._loop.create_future()
        self._mark.waiting.append((self._mark.kept, done))
        return await done

    def check_open(self) -> None:
        """Raises JournalFailed while it cannot be written."""
        if self._problem is not None:
            raise self._failure()

    def prune(self) -> None:
        """Let jobs that are neither open nor remembered leave the file."""
        self._hand_over()
        self._things.put(_Forget(self._known()))

    async def close(self) -> None:
        """Write what is still to be written, as far as that can be done, and let the file go."""
        self._hand_over()
        self._things.put(_STOP)
        await asyncio.wait([self._closed], timeout=CLOSE_TIMEOUT)
        self.heard_end()

    def leave(self, within: float) -> None:
        """As `close`, for a process that is left in so many seconds."""
        self._hand_over()
        self._things.put(_STOP)
        self._thread.join(within)

    def _hand_over(self) -> None:
        """What happened in one turn of the loop is one commit: a job is taken in and made ready in one."""
        rows, self._rows = self._rows, []
        if rows:
            self._things.put(rows)

    def _failure(self) -> JournalFailed:
        return JournalFailed(
            f"the journal {self._path} cannot be written ({self._problem}), so no render can be taken that would "
            f"outlive this daemon; {self._mend}, then send the render again"
        )

    def _tell(self, what: Callable[..., None], *facts: object) -> None:
        """From the thread to the loop, while there is one."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, self, *facts)

    def heard_written(self, count: int) -> None:
        """So many events more are on disk."""
        if self._problem is not None:
            _log.warning("the journal %s is written again", self._path)
            self._problem = None
        mark = self._mark
        mark.written += count
        while mark.accepted and mark.accepted[0][0] <= mark.written:
            mark.accepted.popleft()
        while mark.waiting and mark.waiting[0][0] <= mark.written:
            _settle(mark.waiting.popleft()[1], written=True)

    def heard_failure(self, problem: str, mend: str) -> None:
        """What is to be written could not be."""
        if self._problem is None:
            _log.error("the journal %s cannot be written: %s", self._path, problem)
        self._problem, self._mend = problem, mend
        lost = [job_id for _, job_id in self._mark.accepted]
        self._mark.accepted.clear()
        if lost:
            self._on_lost(lost, self._failure())
        while self._mark.waiting:
            _settle(self._mark.waiting.popleft()[1], written=False)
        self._loop.call_later(RETRY, self._things.put, _RETRY)

    def heard_end(self) -> None:
        """The thread has let the file go, or is given up: what happens now is on no disk, and nobody waits for it."""
        if not self._closed.done():
            self._closed.set_result(None)
        while self._mark.waiting:
            _settle(self._mark.waiting.popleft()[1], written=False)


def _settle(waiting: "asyncio.Future[bool]", *, written: bool) -> None:
    if not waiting.done():
        waiting.set_result(written)


class _Scribe:
    """The writing thread: takes what is there, commits it at once, and says how far it is."""

    def __init__(
        self,
        file: JournalFile,
        things: "SimpleQueue[object]",
        tell: Callable[..., None],
        on_write: Callable[[float, str], None],
    ) -> None:
        self._file = file
        self._on_write = on_write
        self._things = things
        self._tell = tell
        self._unwritten: list[JournalRow] = []
        self._fails = False

    def run(self) -> None:
        while self._serve(self._taken()):
            pass
        self._file.close()
        self._tell(KeptJournal.heard_end)

    def _taken(self) -> list[object]:
        """All that waits; at least one thing."""
        things = [self._things.get()]
        with suppress(Empty):
            while True:
                things.append(self._things.get_nowait())
        return things

    def _serve(self, things: Sequence[object]) -> bool:
        """Do what was asked, in order; False after the last."""
        wanted = not self._fails or _STOP in things or _RETRY in things
        for thing in things:
            if isinstance(thing, list):
                self._unwritten += thing
            elif isinstance(thing, _Forget) and wanted and self._write():
                self._forget(thing.known)
        if wanted:
            self._write()
        return _STOP not in things

    def _write(self) -> bool:
        """Commit what waits; whether it is on disk now."""
        rows = self._unwritten
        if not rows:
            return not self._fails
        began = time.monotonic()
        try:
            if self._fails:
                self._file.put_back()
            self._file.append(rows)
        except Exception as error:  # noqa: BLE001 - whatever it is: this thread must live, and whoever waits must hear
            self._fails = True
            self._on_write(time.monotonic() - began, type(error).__name__)
            mend = "move it away" if isinstance(error, JournalReplaced) else _MEND
            self._tell(KeptJournal.heard_failure, str(error), mend)
            return False
        self._on_write(time.monotonic() - began, "")
        self._fails, self._unwritten = False, []
        self._tell(KeptJournal.heard_written, len(rows))
        return True

    def _forget(self, known: frozenset[str]) -> None:
        try:
            self._file.forget(known)
        except (sqlite3.Error, OSError) as error:
            _log.warning("old jobs stay in the journal: %s", error)
