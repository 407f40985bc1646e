"""A file's hash counts for as long as the file is untouched, and not a moment longer."""

import os
from pathlib import Path

import pytest

from kilnmark.daemon.pictures.hashes import FileHashes, Seen, look_at

SHA = "ab" * 32
SECOND = 1_000_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ink.safetensors"
    path.write_bytes(b"ink")
    return path


def seen_later(path: Path, ns: int = SECOND) -> Seen:
    """The file as it is, as if it had lain untouched so long when it was seen."""
    seen = look_at([str(path)])
    return seen._replace(at_ns=seen.files[0].ctime_ns + ns)


def learned(seen: Seen) -> FileHashes:
    hashes = FileHashes()
    hashes.learn(seen, [SHA])
    return hashes


def test_an_untouched_file_keeps_its_hash(file: Path) -> None:
    hashes = learned(seen_later(file))
    assert hashes.of(look_at([str(file)]).files) == (SHA,)


def test_a_file_that_nobody_read_has_none(file: Path) -> None:
    assert FileHashes().of(look_at([str(file)]).files) is None
    assert FileHashes().of(()) == ()


def test_a_file_written_to_again_has_none_though_its_size_and_time_are_the_same(file: Path) -> None:
    hashes = learned(seen_later(file))
    before = file.stat()
    file.write_bytes(b"tar")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert hashes.of(look_at([str(file)]).files) is None


def test_a_file_in_anothers_place_has_none(file: Path, tmp_path: Path) -> None:
    hashes = learned(seen_later(file))
    other = tmp_path / "other"
    other.write_bytes(b"tar")
    other.replace(file)
    assert hashes.of(look_at([str(file)]).files) is None


def test_a_file_that_changed_while_it_was_read_teaches_nothing(file: Path) -> None:
    seen = seen_later(file)
    file.write_bytes(b"more ink")
    assert learned(seen).of(seen.files) is None
    file.unlink()
    assert learned(seen).of(seen.files) is None


def test_a_file_too_young_to_tell_its_changes_apart_teaches_nothing(file: Path) -> None:
    seen = seen_later(file, ns=50_000_000)
    assert learned(seen).of(seen.files) is None


def test_the_hash_unused_the_longest_is_forgotten_first(tmp_path: Path) -> None:
    hashes = FileHashes(limit=2)
    seen = []
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode())
        seen.append(seen_later(tmp_path / name))
    for each in (seen[0], seen[1], seen[0], seen[2]):
        hashes.learn(each, [SHA])
    assert [hashes.of(each.files) is not None for each in seen] == [True, False, True]


def test_what_is_no_regular_file_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    for name in ("link", "absent", "."):
        with pytest.raises(OSError):  # noqa: PT011 - each system words these in its own way
            look_at([str(tmp_path / name)])
