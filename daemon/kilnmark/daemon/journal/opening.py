"""A journal at the start of a daemon: opened and read; a damaged one is moved aside, and what can be read of it kept.

Nothing is written by anybody else meanwhile: the file is locked from here on to the daemon's end.
"""

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kilnmark.daemon.jobs.events import JobEvent, decode_event, encode_event, jobs_of
from kilnmark.daemon.jobs.state import QueueState
from kilnmark.daemon.journal.file import JournalFile, JournalRow

__all__ = ["OpenedJournal", "open_journal"]

_log = logging.getLogger(__name__)

_BESIDE = ("", "-wal", "-shm", "-journal")
"""What stands behind the path of each file that SQLite keeps for one database."""


@dataclass(frozen=True)
class OpenedJournal:
    """A journal and what stands in it.

    Attributes:
        file: Open, and at its latest form.
        events: In the order in which they happened.
        moved_aside: Where a damaged file was put; None: it was sound.
    """

    file: JournalFile
    events: list[JobEvent]
    moved_aside: Path | None = None


def open_journal(path: Path) -> OpenedJournal:
    """Open the journal at a path, or make one.

    Raises:
        JournalUnusable: none can be kept there; the message says what to do.
    """
    events: list[JobEvent] = []
    if (file := _opened(path)) is not None:
        if _is_read(file, events):
            return _ready(file, events)
        file.close()
    aside = _move_aside(path)
    _log.error("the damaged journal was moved to %s; %d events could be read and are kept", aside, len(events))
    file = JournalFile(path)
    file.append([JournalRow(jobs_of(event), encode_event(event)) for event in events])
    return _ready(file, events, aside)


def _ready(file: JournalFile, events: list[JobEvent], aside: Path | None = None) -> OpenedJournal:
    with suppress(sqlite3.OperationalError):  # no room: the first event that cannot be written tells of it
        file.reserve()
    return OpenedJournal(file, events, aside)


def _opened(path: Path) -> JournalFile | None:
    """The file; None where it is no database any more."""
    try:
        return JournalFile(path)
    except sqlite3.DatabaseError as error:
        _log.error("the journal %s is damaged: %s", path, error)
        return None


def _is_read(file: JournalFile, events: list[JobEvent]) -> bool:
    """Read the events that can be read and make sense; whether that is all there are."""
    try:
        return _sensible(_decoded(file.documents()), events) and file.is_sound()
    except sqlite3.DatabaseError as error:
        _log.error("the journal %s is damaged: %s", file.path, error)
        return False


def _decoded(documents: Iterable[bytes]) -> Iterator[JobEvent]:
    """Until one cannot be read."""
    for document in documents:
        yield decode_event(document)


def _sensible(written: Iterable[JobEvent], events: list[JobEvent]) -> bool:
    """Take the events that follow from one another; whether all do."""
    state = QueueState()
    try:
        for event in written:
            state.apply(event)
            events.append(event)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, KeyError, ValueError) as error:
        _log.error("event %d of the journal makes no sense: %r", len(events) + 1, error)
        return False
    return True


def _move_aside(path: Path) -> Path:
    """Give the file and those that belong to it a name that no journal has; the first one's."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    count = 0
    while (aside := path.with_name(f"{path.name}.damaged-{stamp}" + (f"-{count}" if count else ""))).exists():
        count += 1
    for suffix in _BESIDE:
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    return aside
