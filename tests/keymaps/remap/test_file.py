"""A written file is there whole or not at all, and never in the place of another by mistake."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest

from kilnmark.keymaps.errors import UnusableGoal
from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.remap.bits import Stored
from kilnmark.keymaps.remap.file import check_goal, write_whole

TENSORS = {
    "half": Stored("BF16", np.arange(6, dtype="<u2").reshape(2, 3)),
    "byte": Stored("F8_E4M3", np.arange(3, dtype="u1").reshape(3, 1)),
    "whole": Stored("F32", np.arange(6, dtype="<u4").reshape(2, 3).T),
    "number": Stored("F32", np.asarray(7, "<u4")),
}


@contextmanager
def full_disk() -> Iterator[None]:
    """Nothing can be synced any more."""

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        yield


@contextmanager
def without_hard_links() -> Iterator[None]:
    """A file system that has none."""

    def fail(source: Path, goal: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "link", fail)
        yield


def test_bits_of_every_dtype_come_back(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.safetensors", TENSORS, {"b": "2", "a": "1"}, force=False)
    file = read_file(tmp_path / "a.safetensors")
    assert file.metadata == {"a": "1", "b": "2"}
    assert file.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        info = file.tensors[name]
        assert (info.dtype, info.shape) == (tensor.dtype, tensor.shape)
        assert file.data[info.begin : info.end].tobytes() == np.ascontiguousarray(tensor.bits).tobytes()


def test_every_tensor_begins_where_it_can_be_mapped(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_whole(path, TENSORS, {}, force=False)
    start = 8 + int.from_bytes(path.read_bytes()[:8], "little")
    for name, info in read_file(path).tensors.items():
        assert (start + info.begin) % TENSORS[name].bits.itemsize == 0


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "a.safetensors", TENSORS, {}, force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"old")
    with full_disk(), pytest.raises(OSError, match="No space"):
        write_whole(path, TENSORS, {}, force=True)
    assert ([path], b"old") == (list(tmp_path.iterdir()), path.read_bytes())


@pytest.mark.parametrize("on", [nullcontext, without_hard_links])
def test_a_file_that_came_into_being_meanwhile_is_not_replaced(
    tmp_path: Path, on: Callable[[], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"new")
    with on(), pytest.raises(UnusableGoal, match="--force"):
        write_whole(path, TENSORS, {}, force=False)
    assert ([path], b"new") == (list(tmp_path.iterdir()), path.read_bytes())


def test_a_file_system_without_hard_links_gets_the_file_too(tmp_path: Path) -> None:
    with without_hard_links():
        write_whole(tmp_path / "a.safetensors", TENSORS, {}, force=False)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.safetensors"]


@pytest.mark.parametrize("how", ["same", "symbolic", "hard", "dots"])
@pytest.mark.parametrize("force", [False, True])
def test_the_source_is_never_written_to(tmp_path: Path, how: str, force: bool) -> None:
    source = tmp_path / "a.safetensors"
    source.write_bytes(b"source")
    goal = {"same": source, "dots": tmp_path / ".." / tmp_path.name / source.name}.get(how, tmp_path / "b.safetensors")
    if how == "symbolic":
        goal.symlink_to(source)
    if how == "hard":
        goal.hardlink_to(source)
    with pytest.raises(UnusableGoal, match="is the file to convert"):
        check_goal(source, goal, force=force)


@pytest.mark.parametrize("force", [False, True])
def test_only_a_regular_file_is_ever_replaced(tmp_path: Path, force: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("pipe", "link", "."):
        with pytest.raises(UnusableGoal, match="no regular file"):
            check_goal("a.safetensors", tmp_path / name, force=force)


def test_a_goal_that_is_there_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "b.safetensors"
    path.write_bytes(b"old")
    with pytest.raises(UnusableGoal, match="--force"):
        check_goal("a.safetensors", path, force=False)
    check_goal("a.safetensors", path, force=True)


def test_a_goal_in_no_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableGoal, match="no directory that exists"):
        check_goal("a.safetensors", tmp_path / "absent" / "b.safetensors", force=False)
