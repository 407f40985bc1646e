"""The file of the journal: what was written is read again, by whoever comes next and in the form of today."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from kilnmark.daemon.journal.file import WAL_BYTES, JournalFile, JournalRow, files_of
from kilnmark.daemon.journal.schema import (
    STEPS,
    VERSION,
    JournalHeld,
    JournalReplaced,
    JournalUnusable,
    NewerJournal,
    bring_up_to_date,
)


def rows(*jobs: str) -> list[JournalRow]:
    """One event for each text of ids."""
    return [JournalRow(tuple(each.split()), each.encode()) for each in jobs]


def read(path: Path) -> list[str]:
    file = JournalFile(path)
    try:
        return [document.decode() for document in file.documents()]
    finally:
        file.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "jobs.sqlite"


def test_what_was_written_is_read_in_its_order(path: Path) -> None:
    file = JournalFile(path)
    file.append(rows("b", "a"))
    file.append(rows("a b", ""))
    file.close()
    assert read(path) == ["b", "a", "a b", ""]


def test_file_and_folder_are_the_users_alone(path: Path) -> None:
    file = JournalFile(path)
    file.append(rows("a"))
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (path.parent, *path.parent.iterdir())}
    file.close()
    assert modes == {"state": 0o700, "jobs.sqlite": 0o600, "jobs.sqlite-wal": 0o600}


def test_a_second_daemon_is_refused_whatever_process_it_is_in(path: Path) -> None:
    file = JournalFile(path)
    with pytest.raises(JournalHeld, match="--journal"):
        JournalFile(path)
    code = f"from pathlib import Path; from kilnmark.daemon.journal.file import *; JournalFile(Path({str(path)!r}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "JournalHeld" in other.stderr
    file.append(rows("a"))
    file.close()
    assert read(path) == ["a"]


def test_a_commit_does_not_make_the_log_longer(path: Path) -> None:
    """Which is what makes it quick: the file system has nothing of its own to write."""
    file = JournalFile(path)
    file.reserve()
    log = path.with_name(path.name + "-wal")
    size = log.stat().st_size
    for _ in range(40):
        file.append([JournalRow(("a",), b"x" * 60_000)])
    assert size >= WAL_BYTES
    assert log.stat().st_size == size
    file.close()
    assert len(read(path)) == 40


def test_a_failed_transaction_leaves_nothing_and_the_next_one_is_whole(path: Path) -> None:
    file = JournalFile(path)
    (pages,) = file._connection.execute("PRAGMA page_count").fetchone()
    file._connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    with pytest.raises(sqlite3.OperationalError, match="full"):
        file.append([*rows("a"), JournalRow(("b",), b"x" * 100_000)])
    file._connection.execute("PRAGMA max_page_count = 100000").fetchall()
    file.append(rows("c"))
    file.close()
    assert read(path) == ["c"]


def test_a_file_that_was_removed_is_noticed_and_made_again_with_all_that_was_written(path: Path) -> None:
    file = JournalFile(path)
    file.append(rows("a"))
    path.unlink()
    with pytest.raises(FileNotFoundError, match="removed"):
        file.append(rows("b"))
    file.put_back()
    file.append(rows("b"))
    file.close()
    assert read(path) == ["a", "b"]


def as_a_kill_leaves(path: Path) -> list[str]:
    """What a daemon would read that came after one that died this moment."""
    left = path.parent.with_name("left")
    shutil.copytree(path.parent, left)
    return read(left / path.name)


@pytest.mark.parametrize("removed", [[""], ["-wal"], ["", "-wal"]], ids=["file", "log", "both"])
def test_whatever_of_it_was_removed_nothing_that_was_written_depends_on_an_open_descriptor(
    path: Path, removed: list[str]
) -> None:
    file = JournalFile(path)
    file.append(rows("a"))
    for suffix in removed:
        path.with_name(path.name + suffix).unlink()
    with pytest.raises(FileNotFoundError, match="removed"):
        file.append(rows("b"))
    file.put_back()
    file.append(rows("b"))
    assert as_a_kill_leaves(path) == ["a", "b"]
    file.close()


def test_another_journal_that_took_its_place_is_not_written_over(path: Path) -> None:
    file = JournalFile(path)
    file.append(rows("a"))
    for each in files_of(path):
        each.unlink(missing_ok=True)
    other = JournalFile(path)
    other.append(rows("theirs"))
    other.close()
    with pytest.raises(JournalReplaced, match=r"another file stands at .*: a file of [\d,]+ bytes, .*; move it away"):
        file.append(rows("b"))
    with pytest.raises(JournalReplaced, match="another file stands"):
        file.put_back()
    assert read(path) == ["theirs"]
    path.unlink()
    file.put_back()
    file.close()
    assert read(path) == ["a"]


def test_jobs_that_are_not_known_leave_with_all_their_events(path: Path) -> None:
    file = JournalFile(path)
    file.append(rows("", "gone", "kept", "mate kept", "", "gone", "mate", ""))
    file.forget({"kept"})
    file.close()
    assert read(path) == ["kept", "mate kept", "", "mate", ""]


def test_nothing_is_left_where_nothing_is_known(path: Path) -> None:
    file = JournalFile(path)
    file.append(rows("", "a", "a b", ""))
    file.forget(set())
    file.forget(set())
    file.close()
    assert read(path) == []


def test_a_newer_journal_is_refused_and_left_as_it_is(path: Path) -> None:
    JournalFile(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NewerJournal, match=f"form is {VERSION + 1}.*start that version again"):
        JournalFile(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [0, 1])
def test_a_database_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path, version: int) -> None:
    path = tmp_path / "bookmarks.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE bookmarks (address TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(JournalUnusable, match="something else; choose another file"):
        JournalFile(path)
    assert path.read_bytes() == before


def test_an_older_journal_is_brought_up_to_date_wholly_or_not_at_all(path: Path) -> None:
    file = JournalFile(path)
    file.append(rows("a"))
    file.close()

    def add_column(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE events ADD COLUMN spare TEXT DEFAULT 'new'")

    def break_off(connection: sqlite3.Connection) -> None:
        raise OSError("no space left")

    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(OSError, match="no space"):
        bring_up_to_date(connection, path, [*STEPS, add_column, break_off])
    assert connection.execute("SELECT * FROM events").fetchall() == [(1, "a", b"a")]
    bring_up_to_date(connection, path, [*STEPS, add_column])
    assert connection.execute("SELECT * FROM events").fetchall() == [(1, "a", b"a", "new")]
    assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS) + 1,)
    connection.close()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/null")])
def test_what_is_no_regular_file_is_refused(path: Path, make: object) -> None:
    path.parent.mkdir()
    assert callable(make)
    make(path)
    with pytest.raises(JournalUnusable, match="no regular file"):
        JournalFile(path)


def test_a_folder_that_cannot_be_made_is_told_with_its_mend(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"a file where a folder should be")
    with pytest.raises(JournalUnusable, match="--journal"):
        JournalFile(tmp_path / "state" / "jobs.sqlite")
