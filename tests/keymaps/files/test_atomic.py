"""A file is there whole or not at all, whoever writes it and whatever happens meanwhile."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest

from kilnmark.keymaps.files.atomic import written_whole


@contextmanager
def failing(name: str, number: int) -> Iterator[None]:
    """One call of the system fails."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, name, fail)
        yield


def write(goal: Path, text: bytes, *, replace: bool = True, alone: bool = False) -> None:
    with written_whole(goal, replace=replace, alone=alone) as file:
        file.write(text)


def fail_halfway(goal: Path, error: type[BaseException], *, alone: bool) -> None:
    with written_whole(goal, alone=alone) as file:
        file.write(b"half")
        raise error


def write_meanwhile(goal: Path) -> None:
    with written_whole(goal, replace=False) as file:
        file.write(b"ours")
        goal.write_bytes(b"theirs")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("alone", [False, True])
def test_the_file_is_not_there_before_the_block_has_ended(tmp_path: Path, alone: bool) -> None:
    goal = tmp_path / "a"
    goal.write_bytes(b"old")
    with written_whole(goal, alone=alone) as file:
        file.write(b"new")
        file.flush()
        assert goal.read_bytes() == b"old"
        assert Path(file.name).read_bytes() == b"new"
    assert (names(tmp_path), goal.read_bytes()) == (["a"], b"new")


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, GeneratorExit])
def test_an_error_in_the_block_leaves_what_was_there(tmp_path: Path, error: type[BaseException], alone: bool) -> None:
    goal = tmp_path / "a"
    goal.write_bytes(b"old")
    with pytest.raises(error):
        fail_halfway(goal, error, alone=alone)
    assert (names(tmp_path), goal.read_bytes()) == (["a"], b"old")


@pytest.mark.parametrize("alone", [False, True])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, alone: bool) -> None:
    goal = tmp_path / "a"
    goal.write_bytes(b"old")
    with failing("fsync", errno.ENOSPC), pytest.raises(OSError, match="No space"):
        write(goal, b"new", alone=alone)
    assert (names(tmp_path), goal.read_bytes()) == (["a"], b"old")


def test_bytes_and_name_are_synced_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, list[str]]] = []
    sync = os.fsync

    def look(descriptor: int) -> None:
        synced.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), names(tmp_path)))
        sync(descriptor)

    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not tell what a descriptor is")
    monkeypatch.setattr(os, "fsync", look)
    write(tmp_path / "a", b"new", alone=True)
    assert synced == [(str(tmp_path / ".a.partial"), [".a.partial"]), (str(tmp_path), ["a"])]


@pytest.mark.parametrize(
    "on", [nullcontext, lambda: failing("link", errno.EPERM), lambda: failing("link", errno.ENOTSUP)]
)
def test_a_file_that_came_into_being_meanwhile_stays(
    tmp_path: Path, on: Callable[[], AbstractContextManager[None]]
) -> None:
    goal = tmp_path / "a"
    with on(), pytest.raises(FileExistsError):
        write_meanwhile(goal)
    assert (names(tmp_path), goal.read_bytes()) == (["a"], b"theirs")
    goal.unlink()
    with on():
        write(goal, b"ours", replace=False)
    assert (names(tmp_path), goal.read_bytes()) == (["a"], b"ours")


def test_what_a_crash_left_is_written_over_where_nobody_else_writes(tmp_path: Path) -> None:
    (tmp_path / ".a.partial").write_bytes(b"a longer half than the whole")
    write(tmp_path / "a", b"new", alone=True)
    assert (names(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"new")


def test_two_writers_of_one_place_do_not_meet(tmp_path: Path) -> None:
    goal = tmp_path / "a"
    with written_whole(goal) as one, written_whole(goal) as other:
        one.write(b"one")
        other.write(b"other")
    assert (names(tmp_path), goal.read_bytes()) == (["a"], b"one")


def test_a_place_in_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "absent" / "a", b"")
    assert names(tmp_path) == []
