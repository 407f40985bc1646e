"""The journal of a manifest: each entry is there whole, or was never written."""

import errno
import os
from itertools import accumulate
from pathlib import Path

import pytest

from kilnmark.client.batch.errors import BrokenManifest
from kilnmark.client.batch.run.journal import JOURNAL, Journal, read_journal
from kilnmark.client.batch.run.manifest import Manifest, read_manifest, write_manifest
from tests.client.batch.samples import picture

ENTRIES = [picture(file=f"ash/{name}.png", name=name) for name in ("one", "two", "three")]


def written(folder: Path) -> Journal:
    journal = Journal(folder)
    for entry in ENTRIES:
        journal.add(entry)
    return journal


def test_what_is_added_is_read_in_order(tmp_path: Path) -> None:
    assert written(tmp_path).count == Journal(tmp_path).count == 3
    assert read_journal(tmp_path) == ENTRIES


def test_where_nothing_was_added_there_is_nothing(tmp_path: Path) -> None:
    assert (read_journal(tmp_path), Journal(tmp_path).count) == ([], 0)


def test_cut_at_any_byte_it_holds_the_entries_that_are_whole(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    ends = [0, *accumulate(len(line) for line in whole.splitlines(keepends=True))]
    for size in range(0, len(whole) + 1, 3):
        path.write_bytes(whole[:size])
        assert len(read_journal(tmp_path)) == sum(end <= size for end in ends) - 1


def test_what_is_added_after_a_line_that_was_cut_off_is_whole(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    for size in range(0, len(whole) + 1, 3):
        path.write_bytes(whole[:size])
        there = read_journal(tmp_path)
        journal = Journal(tmp_path)
        journal.add(ENTRIES[2])
        journal.add(ENTRIES[0])
        assert read_journal(tmp_path) == [*there, ENTRIES[2], ENTRIES[0]]
        assert Journal(tmp_path).count == journal.count == len(there) + 2


def test_an_entry_that_the_disk_took_in_part_is_cut_off_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = written(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", _full)
        with pytest.raises(OSError, match="no space"):
            journal.add(ENTRIES[0])
    with (tmp_path / JOURNAL).open("ab") as file:
        file.truncate(file.tell() - 5)
    journal.add(ENTRIES[1])
    assert read_journal(tmp_path) == [*ENTRIES, ENTRIES[1]]


def _full(_: int) -> None:
    raise OSError(errno.ENOSPC, "no space left")


def test_a_whole_line_that_is_no_entry_is_named(tmp_path: Path) -> None:
    written(tmp_path)
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes().replace(b"{", b"[", 1))
    with pytest.raises(BrokenManifest, match=JOURNAL):
        read_manifest(tmp_path)


def test_a_manifest_is_read_with_what_its_journal_adds(tmp_path: Path) -> None:
    write_manifest(tmp_path, Manifest(pictures=[ENTRIES[0], picture(file="ash/two.png", status="failed")]))
    written(tmp_path)
    assert read_manifest(tmp_path).pictures == ENTRIES


def test_folding_in_what_is_folded_in_already_changes_nothing(tmp_path: Path) -> None:
    written(tmp_path)
    write_manifest(tmp_path, Manifest(pictures=list(ENTRIES)))
    assert read_manifest(tmp_path).pictures == ENTRIES
