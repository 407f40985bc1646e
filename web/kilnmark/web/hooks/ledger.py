"""What is to be told and what was, in a file that outlives the process: one row a message.

A row is taken for a while by whoever sends it, so that two processes over one file do not both. Nothing is sent here.
Each call waits for the disk, and for another process that has the file, so that an event loop gives it to a thread.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from kilnmark.web.errors import HooksUnusable
from kilnmark.web.hooks.message import EndedMessage

__all__ = ["FIRST_PAUSE", "GIVEN_UP_AFTER", "LONGEST_PAUSE", "REMEMBERED", "Due", "HooksLedger", "Undelivered"]

FIRST_PAUSE: Final = 5.0
"""Seconds until a message is sent a second time; each pause is twice the one before."""

LONGEST_PAUSE: Final = 3600.0

GIVEN_UP_AFTER: Final = 3 * 86_400.0
"""Seconds after which a message is given up."""

_BUSY: Final = 2.0
"""Seconds that another process may have the file to itself, until the next try."""

_TAKEN: Final = 60.0
"""Seconds for which a message that is being sent is nobody else's."""

REMEMBERED: Final = 400 * 86_400.0
"""Seconds for which it is remembered that a message was told: longer than any daemon remembers a job (a leap year)."""

_FORM: Final = """
CREATE TABLE IF NOT EXISTS messages (
    id TEXT PRIMARY KEY, url TEXT NOT NULL, body BLOB NOT NULL, known REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    next REAL NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', problem TEXT NOT NULL DEFAULT ''
)
"""


_KNOWN: Final = "SELECT 1 FROM messages WHERE id=?"


class Due(NamedTuple):
    """A message whose turn it is, and how often it was tried before."""

    message: EndedMessage
    tries: int
    known: float


class Undelivered(NamedTuple):
    """A message that was not told yet, or is given up."""

    id: str
    url: str
    tries: int
    state: str
    problem: str


class HooksLedger:
    """The messages of one web process.

    Args:
        path: The file; made, mode 0600, where it is absent.

    Raises:
        HooksUnusable: It cannot be had.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute(_FORM)
        except (OSError, sqlite3.Error) as error:
            raise HooksUnusable(str(path), str(error)) from error

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._connection.close()

    def unknown(self, ids: Iterable[str]) -> list[str]:
        """Those of them that no row is there for."""
        with self._reading() as connection:
            return [each for each in ids if connection.execute(_KNOWN, (each,)).fetchone() is None]

    def add(self, message: EndedMessage, now: float) -> None:
        """Something is to be told; nothing happens where it is known."""
        with self._changing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO messages (id, url, body, known, next) VALUES (?, ?, ?, ?, ?)",
                (message.id, message.url, message.body, now, now),
            )

    def take(self, now: float) -> Due | None:
        """The message whose turn it is, which is nobody else's for a while; None: there is none.

        A turn further off than any pause is of a clock that was set back meanwhile: it is now.
        """
        with self._changing() as connection:
            found = connection.execute(
                "SELECT id, url, body, tries, known FROM messages "
                "WHERE state='waiting' AND (next<=? OR next>?) ORDER BY next LIMIT 1",
                (now, now + LONGEST_PAUSE),
            ).fetchone()
            if found is None:
                return None
            key, url, body, tries, known = found
            connection.execute("UPDATE messages SET next=?, tries=tries+1 WHERE id=?", (now + _TAKEN, key))
            return Due(EndedMessage(id=key, url=url, body=body), tries, known)

    def told(self, key: str, now: float) -> None:
        """It was taken; its words are not needed any more. Those told long ago are forgotten."""
        with self._changing() as connection:
            connection.execute("UPDATE messages SET state='told', body=x'', problem='', next=? WHERE id=?", (now, key))
            connection.execute("DELETE FROM messages WHERE state!='waiting' AND next<?", (now - REMEMBERED,))

    def failed(self, due: Due, problem: str, now: float, *, for_ever: bool) -> bool:
        """It was not taken; whether it is given up."""
        given_up = for_ever or now - due.known >= GIVEN_UP_AFTER
        pause = min(FIRST_PAUSE * 2**due.tries, LONGEST_PAUSE)
        with self._changing() as connection:
            connection.execute(
                "UPDATE messages SET state=?, problem=?, next=? WHERE id=?",
                ("given up" if given_up else "waiting", problem, now + (0 if given_up else pause), due.message.id),
            )
        return given_up

    def undelivered(self) -> list[Undelivered]:
        """What was tried and is not told, the latest first: a hundred of them at most."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT id, url, tries, state, problem FROM messages WHERE state!='told' AND tries>0 "
                "ORDER BY next DESC LIMIT 100"
            ).fetchall()
        return [Undelivered(*row) for row in rows]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                yield self._connection
        except sqlite3.Error as error:
            raise HooksUnusable(str(self._path), str(error)) from error

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk has ended it already
                    connection.execute("ROLLBACK")
                raise
