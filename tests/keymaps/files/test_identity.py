"""A file's identity: another one after every change, and how long it takes until that is sure."""

import os
from pathlib import Path

import pytest

from kilnmark.keymaps.files.identity import FileIdentity

MS, SECOND = 1_000_000, 1_000_000_000


def test_bytes_changed_in_place_with_their_old_time_change_it(tmp_path: Path) -> None:
    path = tmp_path / "ink"
    path.write_bytes(b"ink")
    before, found = FileIdentity.of(str(path)), path.stat()
    assert FileIdentity.of(str(path)) == before
    path.write_bytes(b"tar")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert FileIdentity.of(str(path)) != before


@pytest.mark.parametrize(
    ("ctime_ns", "age_ns", "settled"),
    [
        (5 * SECOND + 1, 50 * MS, False),
        (5 * SECOND + 1, 200 * MS, True),
        (5 * SECOND, 200 * MS, False),
        (5 * SECOND, 1 * SECOND, False),
        (5 * SECOND, 3 * SECOND, True),
    ],
)
def test_a_clock_of_whole_seconds_takes_longer_to_trust(ctime_ns: int, age_ns: int, *, settled: bool) -> None:
    identity = FileIdentity("ink", 3, mtime_ns=0, ctime_ns=ctime_ns, device=1, inode=1)
    assert identity.is_settled(ctime_ns + age_ns) is settled


@pytest.mark.parametrize("name", ["link", "absent", "."])
def test_what_is_no_regular_file_has_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(OSError):  # noqa: PT011 - each system words these in its own way
        FileIdentity.of(str(tmp_path / name))
