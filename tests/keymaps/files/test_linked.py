"""A file under a second name: only where nobody can tell it from a copy."""

import os
import stat
from pathlib import Path

import pytest

from kilnmark.keymaps.files.linked import linked_whole


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A file that its owner alone reads, in a folder that its owner alone enters."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    file = folder / "a.png"
    file.write_bytes(b"a kiln")
    file.chmod(0o600)
    return file


def usual_mode(folder: Path) -> int:
    new = folder / "new"
    new.touch()
    return stat.S_IMODE(new.stat().st_mode)


def test_the_second_name_is_the_same_file_with_the_mode_of_a_new_one(given: Path, tmp_path: Path) -> None:
    goal = tmp_path / "b.png"
    goal.write_bytes(b"what was there")
    assert linked_whole(given, goal)
    assert goal.samefile(given)
    assert stat.S_IMODE(goal.stat().st_mode) == usual_mode(tmp_path)
    given.unlink()
    assert goal.read_bytes() == b"a kiln"


def test_done_again_it_leaves_nothing_behind(given: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    goal = tmp_path / "out" / "b.png"
    assert [linked_whole(given, goal) for _ in range(2)] == [True, True]
    assert [path.name for path in goal.parent.iterdir()] == ["b.png"]


def test_a_file_that_others_could_read_then_is_to_be_copied(given: Path, tmp_path: Path) -> None:
    given.parent.chmod(0o755)
    goal = tmp_path / "b.png"
    assert not linked_whole(given, goal)
    assert not goal.exists()
    assert stat.S_IMODE(given.stat().st_mode) == 0o600


def test_a_link_is_to_be_copied_and_so_is_what_is_not_there(given: Path, tmp_path: Path) -> None:
    link = given.with_name("link.png")
    link.symlink_to(given)
    assert not linked_whole(link, tmp_path / "b.png")
    assert not linked_whole(given.with_name("none.png"), tmp_path / "b.png")
    assert not list(tmp_path.glob(".*.partial"))


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second disk is here")
def test_on_another_disk_it_is_to_be_copied(given: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The file is in memory, or where pytest has its folders; its goal is at the other of the two."""
    places = (Path("/dev/shm"), tmp_path_factory.getbasetemp())
    others = [place for place in places if place.stat().st_dev != given.stat().st_dev]
    if not others:
        pytest.skip("it is the same disk")
    goal = others[0] / f"kilnmark-{os.getpid()}.png"
    assert not linked_whole(given, goal)
    assert not goal.exists()
