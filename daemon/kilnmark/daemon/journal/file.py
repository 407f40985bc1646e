"""One SQLite file of events: written at its end, read from its beginning, pruned by job.

Synchronous, for one thread at a time. When to write, and what a failure means, is decided in `journal`; which file it
is, and what becomes of a damaged one, in `opening`.
"""

import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from kilnmark.daemon.journal.schema import (
    JournalHeld,
    JournalReplaced,
    JournalUnusable,
    bring_up_to_date,
    version_of,
)

__all__ = ["JournalFile", "JournalRow", "files_of", "new_beside", "require_regular"]

WAL_BYTES = 2 << 20
"""What the write-ahead log is grown to before the first event: a commit within it is one write and one sync of the data
alone (0.2 ms), where each that makes the file longer waits for the file system's own journal (4 ms on ext4)."""

_LOCKING = "locking_mode = EXCLUSIVE"
"""One daemon a journal; and no shared memory file, whose pages a full disk takes away."""

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",  # macOS: fsync alone leaves it in the disk's cache
    "checkpoint_fullfsync = ON",
    f"wal_autocheckpoint = {WAL_BYTES // 4096 * 7 // 8}",  # so that the log begins anew before it is full
)

_CHUNK = 500
"""Rows that one transaction deletes, so that an event that comes meanwhile waits for so many only."""

_BUSY = {"SQLITE_BUSY", "SQLITE_LOCKED"}


class JournalRow(NamedTuple):
    """One event: the ids of the jobs that it is about, and the event as JSON."""

    jobs: tuple[str, ...]
    document: bytes


class JournalFile:
    """An open journal.

    Args:
        path: Absolute. Made with mode 0600 when it is absent, its folder with 0700.

    Raises:
        JournalUnusable: nobody can write there, or a newer kilnmark or another process has it.
        sqlite3.DatabaseError: it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _make(path)
        try:
            self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        except sqlite3.OperationalError as error:
            raise JournalUnusable(f"{path} cannot be opened: {error}; choose another with --journal") from error
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise
        self._identity = _identity_of(path)

    def _prepare(self) -> None:
        try:
            self._connection.execute(f"PRAGMA {_LOCKING}").fetchall()
            version_of(self._connection, self.path)  # before the first pragma that writes: it may be somebody else's
            for pragma in _PRAGMAS:
                self._connection.execute(f"PRAGMA {pragma}").fetchall()
            bring_up_to_date(self._connection, self.path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname in _BUSY:
                raise JournalHeld(
                    f"{self.path} is kept by another daemon; give this one a journal of its own with --journal"
                ) from error
            raise JournalUnusable(f"{self.path} cannot be written: {error}; mend that, then start again") from error

    def reserve(self) -> None:
        """Grow the write-ahead log to `WAL_BYTES`, which is its size from then on.

        Raises:
            sqlite3.OperationalError: there is no room.
        """
        with self._transaction():
            self._connection.execute("CREATE TABLE reserved (room BLOB)")
            self._connection.execute("INSERT INTO reserved VALUES (zeroblob(?))", (WAL_BYTES,))
            self._connection.execute("DROP TABLE reserved")
        self.checkpoint()

    def is_sound(self) -> bool:
        """Whether SQLite finds every page as it wrote it."""
        found: list[tuple[str]] = self._connection.execute("PRAGMA quick_check(1)").fetchall()
        return found == [("ok",)]

    def documents(self) -> Iterator[bytes]:
        """Every event in the order in which they happened.

        Raises:
            sqlite3.DatabaseError: the next one cannot be read.
        """
        for (document,) in self._connection.execute("SELECT document FROM events ORDER BY n"):
            yield document

    def append(self, rows: Sequence[JournalRow]) -> None:
        """Write events in one transaction; they are on disk when it returns.

        Raises:
            JournalReplaced, sqlite3.DatabaseError, OSError: they are not, and none of them.
        """
        if _identity_of(self.path) != self._identity:
            self._require_place()
            gone = "it was removed" if _found(self.path) is None else "its write-ahead log was removed or replaced"
            raise FileNotFoundError(2, gone, str(self.path))
        with self._transaction():
            self._connection.executemany(
                "INSERT INTO events (jobs, document) VALUES (?, ?)",
                [(" ".join(row.jobs), row.document) for row in rows],
            )

    def put_back(self) -> None:
        """Make the file again at its path with everything that was written, after somebody removed it or its log.

        Raises:
            JournalReplaced: another file stands there.
            sqlite3.DatabaseError, OSError: it cannot be done now.
        """
        if _identity_of(self.path) == self._identity:
            return
        self._require_place()
        with new_beside(self.path) as new:
            with closing(sqlite3.connect(new, timeout=0)) as copy:
                self._connection.backup(copy)
            for stale in files_of(self.path)[1:]:
                stale.unlink(missing_ok=True)
            new.rename(self.path)
        again = JournalFile(self.path)
        self._connection.close()
        self._connection, self._identity = again._connection, again._identity

    def _require_place(self) -> None:
        """Raises JournalReplaced where another file stands at the path, which is told with what is seen of it."""
        found = _found(self.path)
        if found is not None and (found.st_dev, found.st_ino) != self._identity[0]:
            raise JournalReplaced(
                f"another file stands at {self.path}: {_seen(found)}; move it away, and this daemon writes its own "
                "there again, with all jobs"
            )

    def checkpoint(self) -> None:
        """Move what the write-ahead log holds into the file, so that the log begins anew."""
        self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()

    def forget(self, known: AbstractSet[str]) -> None:
        """Delete the events of jobs that are not known, save those whose picture a known one shared.

        Raises:
            sqlite3.DatabaseError: not all of it was done.
        """
        rows = self._connection.execute("SELECT n, jobs FROM events ORDER BY n").fetchall()
        linked = [(n, frozenset(jobs.split())) for n, jobs in rows]
        kept = _with_linked(known, [jobs for _, jobs in linked if len(jobs) > 1])
        first = next((n for n, jobs in linked if not jobs.isdisjoint(kept)), len(rows) and rows[-1][0] + 1)
        gone = [(n,) for n, jobs in linked if (jobs.isdisjoint(kept) if jobs else n < first)]
        for start in range(0, len(gone), _CHUNK):
            with self._transaction():
                self._connection.executemany("DELETE FROM events WHERE n = ?", gone[start : start + _CHUNK])

    def close(self) -> None:
        """Let it go."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # some failures have rolled back already
                self._connection.execute("ROLLBACK")
            raise


def _with_linked(known: AbstractSet[str], links: Sequence[frozenset[str]]) -> set[str]:
    """Those jobs, and whoever shares an event with one of them."""
    found, size = set(known), -1
    while size != len(found):
        size = len(found)
        for jobs in links:
            if not jobs.isdisjoint(found):
                found |= jobs
    return found


def _make(path: Path) -> None:
    """Make an empty file where there is none.

    One that is there is left alone: closing any other descriptor of it would take SQLite's locks away.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (found := _found(path)) is None:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            _sync_folder(path.parent)
        else:
            require_regular(path, found)
    except OSError as error:
        raise JournalUnusable(
            f"{path} cannot be kept: {error.strerror}; mend that, or choose another with --journal"
        ) from error


def require_regular(path: Path, found: os.stat_result) -> None:
    """Raises JournalUnusable where what was found at a path, links not followed, is not a file."""
    if not stat.S_ISREG(found.st_mode):
        raise JournalUnusable(f"{path} is no regular file; move it away, or choose another with --journal")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _found(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _seen(found: os.stat_result) -> str:
    """What somebody needs to know a file by that they put somewhere."""
    written = datetime.fromtimestamp(found.st_mtime, UTC).isoformat(" ", "seconds")
    if stat.S_ISREG(found.st_mode):
        return f"a file of {found.st_size:,} bytes, last written {written}"
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISLNK, "a link"))
    kind = next((words for is_kind, words in kinds if is_kind(found.st_mode)), "no regular file")
    return f"{kind}, from {written}"


def _identity_of(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """Which files the database and its write-ahead log are; without the log, what was committed is not on disk."""
    found = [_found(each) for each in files_of(path)[:2]]
    return tuple(None if each is None else (each.st_dev, each.st_ino) for each in found)


def files_of(path: Path) -> list[Path]:
    """Each file that SQLite keeps for one database: itself, its write-ahead log, and what else may stand beside it."""
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]


@contextmanager
def new_beside(path: Path) -> Iterator[Path]:
    """An empty file of the user's alone that is to be renamed to the path; nothing of an earlier try is left of it."""
    new = path.with_name(f"{path.name}.new")
    for left in files_of(new):
        left.unlink(missing_ok=True)
    _make(new)
    yield new
    _sync_folder(path.parent)
