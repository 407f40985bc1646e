"""The form of the journal's file: its tables, its version, and the way from every older version to this one.

What stands in the rows is known to `jobs.events` alone. Nothing is opened here.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from kilnmark.protocol.errors import KilnmarkError

__all__ = [
    "VERSION",
    "JournalHeld",
    "JournalReplaced",
    "JournalUnusable",
    "NewerJournal",
    "bring_up_to_date",
    "version_of",
]


class JournalUnusable(KilnmarkError):
    """No journal can be kept at this path; the message says why and what to do."""


class JournalHeld(JournalUnusable):
    """Another process has it open."""


class JournalReplaced(JournalUnusable):
    """Another file stands where the one was that is open; it may hold jobs that are not this daemon's to lose."""


class NewerJournal(JournalUnusable):
    """A newer kilnmark wrote it."""


def _first_form(connection: sqlite3.Connection) -> None:
    """`n` is the order of events, `jobs` the ids of those that one is about, with a space between."""
    connection.execute("CREATE TABLE events (n INTEGER PRIMARY KEY, jobs TEXT NOT NULL, document BLOB NOT NULL)")


def _callers_come_back(_: sqlite3.Connection) -> None:
    """Nothing changes but what events mean: a daemon's start lets attached jobs be unready, so they are ready twice."""


def _jobs_move(_: sqlite3.Connection) -> None:
    """Nothing changes but that jobs may get another priority, by an event that older daemons do not know."""


def _notices_are_left(_: sqlite3.Connection) -> None:
    """Nothing changes but that notices are kept beside jobs, by an event that older daemons do not know."""


STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _first_form,
    _callers_come_back,
    _jobs_move,
    _notices_are_left,
)
"""What makes version `i + 1` of version `i`; version 0 is an empty file. Never changed, only added to."""

VERSION = len(STEPS)


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """The version of a file's form, 0 for an empty one; nothing is written.

    Raises:
        JournalUnusable: it is no journal.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and ("events" not in tables or version < 1):
        raise JournalUnusable(f"{path} is the database of something else; choose another file with --journal")
    return int(version)


def bring_up_to_date(
    connection: sqlite3.Connection, path: Path, steps: Sequence[Callable[[sqlite3.Connection], None]] = STEPS
) -> None:
    """Take a file to the latest version, wholly or not at all.

    Raises:
        NewerJournal: it is beyond that.
        JournalUnusable: it is no journal.
    """
    version = version_of(connection, path)
    if version > len(steps):
        raise NewerJournal(
            f"{path} was written by a newer kilnmark: its form is {version}, and this one reads up to {len(steps)}; "
            "start that version again, or move the file away, which leaves the jobs in it undone"
        )
    if version == len(steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps[version:]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
