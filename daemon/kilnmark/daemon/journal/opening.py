"""A journal at the start of a daemon: opened and read; a damaged one is moved aside, and what can be read of it kept.

Nothing is written by anybody else meanwhile: the file is locked from here on to the daemon's end.
"""

import logging
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kilnmark.daemon.jobs.events import JobAccepted, JobEnded, JobEvent, NoticeLeft, decode_event, encode_event, jobs_of
from kilnmark.daemon.jobs.state import QueueState
from kilnmark.daemon.journal.file import JournalFile, JournalRow, files_of, new_beside
from kilnmark.daemon.journal.schema import JournalUnusable

__all__ = ["OpenedJournal", "open_journal"]

_log = logging.getLogger(__name__)


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
    return _mended(path, events)


def _mended(path: Path, events: list[JobEvent]) -> OpenedJournal:
    """Put a new journal with these events in the place of a damaged one, which is moved only once that is on disk."""
    try:
        with new_beside(path) as new:
            file = JournalFile(new)
            try:
                file.append([JournalRow(jobs_of(event), encode_event(event)) for event in events])
            finally:
                file.close()
            aside = _move_aside(path)
            new.rename(path)
    except (sqlite3.Error, OSError) as error:
        raise JournalUnusable(
            f"{path} is damaged, and what can be read of it cannot be written anew: {error}; mend that, then start"
        ) from error
    _log.error("the damaged journal was moved to %s; %d events could be read and are kept", aside, len(events))
    return _ready(JournalFile(path), events, aside)


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
        return _sensible(file.documents(), events) and file.is_sound()
    except sqlite3.DatabaseError as error:
        _log.error("the journal %s is damaged: %s", file.path, error)
        return False


def _sensible(documents: Iterable[bytes], events: list[JobEvent]) -> bool:
    """Take the events that follow from one another; whether all do.

    After the first that does not, only what was accepted and how it ended is taken: no event of another kind is needed
    to paint a job, while each of them may follow from what cannot be read.
    """
    state, rest = QueueState(), iter(documents)
    for document in rest:
        try:
            event = decode_event(document)
            state.apply(event)
        except Exception as error:  # noqa: BLE001 - what stands there was not written by us, so anything may come of it
            _log.error("event %d of the journal makes no sense: %r", len(events) + 1, error)
            break
        events.append(event)
    else:
        return True
    state = QueueState.of(events)
    for document in rest:
        if (found := _apart(document, state)) is not None:
            state.apply(found)
            events.append(found)
    return False


def _apart(document: bytes, state: QueueState) -> JobAccepted | JobEnded | NoticeLeft | None:
    """The event, if it makes sense whatever else happened."""
    try:
        event = decode_event(document)
    except Exception:  # noqa: BLE001 - as above
        return None
    if isinstance(event, NoticeLeft):
        return event
    if not isinstance(event, JobAccepted | JobEnded):
        return None
    job = state.find(event.job_id)
    is_open = job is not None and job.ended is None
    return event if is_open == isinstance(event, JobEnded) else None


def _move_aside(path: Path) -> Path:
    """Give the file and those that belong to it a name that no journal has; the first one's."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    count = 0
    while (aside := path.with_name(f"{path.name}.damaged-{stamp}" + (f"-{count}" if count else ""))).exists():
        count += 1
    for beside, kept in zip(files_of(path), files_of(aside), strict=True):
        if beside.exists():
            beside.rename(kept)
    return aside
