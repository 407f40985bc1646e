"""What a daemon would make of a journal, told without touching it."""

import re
from pathlib import Path

import pytest

from kilnmark.daemon.journal.examine import examine_journal
from tests.daemon.journal.test_opening import cut, lived, written


def kept(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_open_and_ended_jobs_are_counted_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    written(tmp_path / "jobs.sqlite", lived())
    before = kept(tmp_path)
    found = examine_journal(tmp_path / "jobs.sqlite")
    assert (found.open_jobs, found.ended_jobs, found.is_damaged, found.problem) == (59, 1, False, None)
    assert kept(tmp_path) == before


def test_of_a_damaged_one_it_is_told_what_can_be_read(tmp_path: Path) -> None:
    written(tmp_path / "jobs.sqlite", lived())
    cut(tmp_path / "jobs.sqlite")
    before = kept(tmp_path)
    found = examine_journal(tmp_path / "jobs.sqlite")
    assert (found.is_damaged, found.problem) == (True, None)
    assert kept(tmp_path) == before


def test_what_cannot_be_read_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=re.escape(str(tmp_path))):
        examine_journal(tmp_path / "absent")


def test_what_is_no_file_is_told_as_a_daemon_would(tmp_path: Path) -> None:
    """A device or a link could be copied, and the copy would be well."""
    (tmp_path / "link").symlink_to("jobs.sqlite")
    for path in (Path("/dev/null"), tmp_path / "link", tmp_path):
        assert (
            examine_journal(path).problem
            == f"{path} is no regular file; move it away, or choose another with --journal"
        )
