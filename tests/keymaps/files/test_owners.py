"""Who else could put something in a place, and who is at the other end of a socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.keymaps.files.owners import is_trusted, peer_uid, way_in_for_others

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
STRANGER = 12345


@pytest.fixture
def way(tmp_path: Path) -> Iterator[Path]:
    """A folder two below one that a test may open to others."""
    tmp_path.chmod(0o755)
    (tmp_path / "upper" / "lower").mkdir(parents=True)
    yield tmp_path / "upper" / "lower"
    (tmp_path / "upper").chmod(0o755)


def test_a_way_of_ones_own_has_no_way_in(way: Path) -> None:
    assert way_in_for_others(way) is None


@pytest.mark.parametrize("mode", [0o777, 0o757])
def test_a_folder_above_that_others_may_write_to_is_a_way_in(way: Path, mode: int) -> None:
    way.parent.chmod(mode)
    assert way_in_for_others(way) == f"{way.parent} has mode {mode:04o}, so others may write to it"


def test_a_sticky_folder_above_keeps_what_is_ours(way: Path) -> None:
    way.parent.chmod(0o1777)
    assert way_in_for_others(way) is None


def test_a_group_of_ones_own_is_nobody_else(way: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    way.parent.chmod(0o775)
    is_alone = way_in_for_others(way) is None
    group = type("Group", (), {"gr_name": "crowd", "gr_mem": ["somebody"]})()
    monkeypatch.setattr("grp.getgrgid", lambda _gid: group)
    assert "may write" in (way_in_for_others(way) or "")
    if os.geteuid() == 0:
        assert is_alone


@needs_root
@pytest.mark.parametrize("above", [False, True])
def test_a_folder_of_another_user_is_a_way_in(way: Path, above: bool) -> None:
    folder = way.parent if above else way
    os.chown(folder, STRANGER, -1)
    assert way_in_for_others(way / "daemon.sock" if above else way) == f"{folder} belongs to user {STRANGER}"
    os.chown(folder, 0, -1)


@needs_root
def test_whom_a_container_does_not_know_is_no_stranger_save_where_everybody_may_write(way: Path) -> None:
    nobody = int(Path("/proc/sys/fs/overflowuid").read_text())
    os.chown(way, nobody, -1)
    assert way_in_for_others(way) is None
    way.parent.chmod(0o1777)
    assert way_in_for_others(way) == f"{way} belongs to user {nobody}"


def test_links_are_followed_and_what_they_lead_through_is_looked_at(way: Path, tmp_path: Path) -> None:
    way.parent.chmod(0o777)
    (tmp_path / "link").symlink_to("upper/./lower/../lower")
    assert str(way.parent) in (way_in_for_others(tmp_path / "link") or "")
    way.parent.chmod(0o755)
    assert way_in_for_others(tmp_path / "link") is None


@needs_root
def test_a_link_of_another_user_is_a_way_in(way: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(way)
    os.chown(tmp_path / "link", STRANGER, -1, follow_symlinks=False)
    assert way_in_for_others(tmp_path / "link" / "x") == f"{tmp_path / 'link'} is a link of user {STRANGER}"


def test_a_looping_link_and_a_missing_step_are_errors_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="Too many levels"):
        way_in_for_others(tmp_path / "loop")
    with pytest.raises(FileNotFoundError):
        way_in_for_others(tmp_path / "absent" / "x")


def test_this_user_and_root_are_trusted() -> None:
    assert is_trusted(os.geteuid())
    assert is_trusted(0)
    assert not is_trusted(os.geteuid() + 1)


def test_the_peer_is_known_by_its_user() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_uid(ours.fileno()) == os.geteuid()
        assert ours.fileno() >= 0
