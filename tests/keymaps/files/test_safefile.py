"""Real files, whole and hostile: what is read is what the library reads, and all else is refused with its mend."""

import errno
import hashlib
import json
import os
import pickle
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kilnmark.keymaps.errors import MissingFile, OutsideRoots, UnfitAdapter, UnsafeFile
from kilnmark.keymaps.files.header import HEADER_LIMIT
from kilnmark.keymaps.files.safefile import read_file, read_header
from kilnmark.keymaps.zoo.write import StoredAs, write_tensors
from tests.keymaps.openings import after_opening, before_opening, before_read

Press = Callable[..., Path]

pytestmark = pytest.mark.timeout(20)

TWO = {"k": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
EIGHT = np.array([1.5, -2.0], "<f4").tobytes()


@pytest.fixture(params=[read_file, read_header], ids=["whole", "header"])
def read(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param  # type: ignore[no-any-return]


def test_a_whole_file_agrees_with_the_library(full_diffusers: Path) -> None:
    file = read_file(full_diffusers)
    expected = load_file(full_diffusers)
    assert file.tensors.keys() == expected.keys()
    assert all(np.array_equal(file.array(name), tensor) for name, tensor in expected.items())


def test_the_hash_is_that_of_the_whole_file(full_kohya: Path) -> None:
    file = read_file(full_kohya)
    assert file.sha256 == hashlib.sha256(full_kohya.read_bytes()).hexdigest()
    assert file.size == full_kohya.stat().st_size


def test_the_header_alone_says_the_same(full_kohya: Path) -> None:
    header, file = read_header(full_kohya), read_file(full_kohya)
    assert (header.tensors, header.metadata, header.size) == (file.tensors, file.metadata, file.size)


def test_f32_arrays_are_views_that_cannot_be_written(press: Press) -> None:
    file = read_file(press(TWO, EIGHT))
    array = file.array("k")
    assert array.tolist() == [1.5, -2.0]
    assert np.shares_memory(array, file.data)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_whole_numbers_are_no_weights_but_may_be_a_scalar(press: Press) -> None:
    file = read_file(press({"alpha": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}}, b"\x10" + bytes(7)))
    assert file.scalar("alpha") == 16.0
    with pytest.raises(UnfitAdapter, match=r"holds I64.*floating-point"):
        file.array("alpha")


def test_a_scalar_must_be_one_number(press: Press) -> None:
    with pytest.raises(UnfitAdapter, match=r"must be one number, but has shape \[2\]"):
        read_file(press(TWO, EIGHT)).scalar("k")


def test_an_empty_file_of_no_tensors_is_whole(press: Press, read: Callable[..., Any]) -> None:
    assert not read(press({})).tensors


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path, read: Callable[..., Any]) -> None:
    os.mkfifo(tmp_path / "a.safetensors")
    with pytest.raises(UnsafeFile, match=r"is a pipe; give the path of a safetensors file"):
        read(tmp_path / "a.safetensors")


def test_a_directory_is_refused(tmp_path: Path, read: Callable[..., Any]) -> None:
    with pytest.raises(UnsafeFile, match="is a directory"):
        read(tmp_path)


def test_a_device_is_refused(read: Callable[..., Any]) -> None:
    with pytest.raises(UnsafeFile, match="is a device"):
        read("/dev/zero")


def test_a_socket_is_refused(tmp_path: Path, read: Callable[..., Any]) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(UnsafeFile, match="is a socket"):
            read(tmp_path / "s")


def test_a_missing_file_is_missing(tmp_path: Path, read: Callable[..., Any]) -> None:
    with pytest.raises(MissingFile, match="no such file; check the path"):
        read(tmp_path / "nothing.safetensors")


@contextmanager
def no_right_to_open() -> Iterator[None]:
    """Answers every opening as the system answers who may not; root, who may, runs these tests too."""

    def refused(path: Any, *_: Any, **__: Any) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", refused)
        yield


def test_a_file_that_may_not_be_read_is_refused(press: Press, read: Callable[..., Any]) -> None:
    path = press(TWO, EIGHT)
    with no_right_to_open(), pytest.raises(UnsafeFile, match=r"cannot be opened \(Permission denied\).*may read"):
        read(path)


def test_a_link_out_of_the_root_is_refused(press: Press, tmp_path: Path, read: Callable[..., Any]) -> None:
    path = press(TWO, EIGHT)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link.safetensors").symlink_to(path)
    with pytest.raises(OutsideRoots):
        read("link.safetensors", [tmp_path / "root"])


def test_a_file_beyond_the_size_limit_is_refused_unread(press: Press) -> None:
    with pytest.raises(UnsafeFile, match="more than the 64 allowed; give an adapter, not a whole model"):
        read_file(press(TWO, EIGHT), size_limit=64)


def test_a_claimed_terabyte_takes_no_memory(tmp_path: Path) -> None:
    header = json.dumps({"k": {"dtype": "U8", "shape": [1 << 40], "data_offsets": [0, 1 << 40]}}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(path, 8 + len(header) + (1 << 40))
    with pytest.raises(UnsafeFile, match="more than the 8589934592 allowed"):
        read_file(path)


FOREIGN: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pickle": (lambda path: path.write_bytes(pickle.dumps({"w": list(range(99))})), "is a pickle.*as safetensors"),
    "an old pickle": (lambda path: path.write_bytes(pickle.dumps([0] * 99, protocol=2)), "is a pickle.*as safetensors"),
    "a web page": (lambda path: path.write_bytes(b"<!DOCTYPE html><html>" + bytes(99)), "web page.*download it again"),
    "an empty file": (lambda path: path.write_bytes(b""), "is empty.*fetch or export"),
    "nine bytes": (lambda path: path.write_bytes(bytes(9)), "has 9 bytes"),
    "noise": (lambda path: path.write_bytes(b"\xaa" * 100), "claims a header.*export"),
    "no bracket": (lambda path: path.write_bytes((92).to_bytes(8, "little") + b"\xaa" * 92), "begin with '{'.*export"),
    "text": (lambda path: path.write_bytes(b"This is a note on a LoRA.\n"), "is text.*This is a note.*download it"),
    "a header of 900 MB": (
        lambda path: path.write_bytes((900 << 20).to_bytes(8, "little") + b"{" + bytes(100)),
        f"claims a header of {900 << 20} bytes, more than the {HEADER_LIMIT} allowed",
    ),
    "a file cut in its header": (lambda path: path.write_bytes((99).to_bytes(8, "little") + b'{"a"'), "ends inside"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_no_safetensors_file_is_recognised(name: str, tmp_path: Path, read: Callable[..., Any]) -> None:
    write, words = FOREIGN[name]
    write(tmp_path / "a.safetensors")
    with pytest.raises(UnsafeFile, match=words):
        read(tmp_path / "a.safetensors")


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 9, 40, -9, -8, -1])
def test_a_file_cut_anywhere_is_refused(press: Press, kept: int, read: Callable[..., Any]) -> None:
    path = press(TWO, EIGHT)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UnsafeFile):
        read(path)


def test_trailing_bytes_are_refused(press: Press, read: Callable[..., Any]) -> None:
    with pytest.raises(UnsafeFile, match="1 bytes follow the last tensor"):
        read(press(TWO, EIGHT + b"!"))


@contextmanager
def bad_sector_at_read(number: int) -> Iterator[None]:
    """Answers one of the reads, counted from 0, as the system answers for a disk that has lost the bytes."""

    def lost() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with before_read(number, lost):
        yield


@pytest.mark.parametrize("number", [0, 1])
def test_a_disk_error_is_a_refusal_with_its_mend(press: Press, number: int, read: Callable[..., Any]) -> None:
    path, before = press(TWO, EIGHT), open_descriptors()
    with (
        bad_sector_at_read(number),
        pytest.raises(UnsafeFile, match=r"cannot be read \(.*\); check the disk") as caught,
    ):
        read(path)
    assert isinstance(caught.value.__cause__, OSError)
    assert open_descriptors() == before


def test_a_disk_error_behind_the_header_is_a_refusal_too(press: Press) -> None:
    path = press(TWO, EIGHT)
    with bad_sector_at_read(2), pytest.raises(UnsafeFile, match="cannot be read"):
        read_file(path)


def test_a_link_put_in_the_files_place_is_not_followed(press: Press, tmp_path: Path) -> None:
    path, other = press(TWO, EIGHT), press(TWO, EIGHT, name="other.safetensors")

    def exchange() -> None:
        path.unlink()
        path.symlink_to(other)

    with before_opening(exchange), pytest.raises(UnsafeFile, match="cannot be opened"):
        read_file(path, [tmp_path])


def test_a_file_exchanged_after_opening_is_refused(press: Press) -> None:
    path, other = press(TWO, EIGHT), press(TWO, EIGHT, name="other.safetensors")
    with after_opening(lambda: other.replace(path)), pytest.raises(UnsafeFile, match=r"exchanged.*try again"):
        read_file(path)


def test_a_file_removed_before_opening_is_missing(press: Press) -> None:
    path = press(TWO, EIGHT)
    with before_opening(path.unlink), pytest.raises(MissingFile, match="no such file"):
        read_file(path)


def test_a_file_removed_after_opening_is_refused(press: Press) -> None:
    path = press(TWO, EIGHT)
    with after_opening(path.unlink), pytest.raises(UnsafeFile, match="moved"):
        read_file(path)


def test_a_folder_exchanged_for_a_link_out_of_the_root_is_refused(press: Press, tmp_path: Path) -> None:
    folder, outside = tmp_path / "root" / "folder", tmp_path / "outside"
    folder.mkdir(parents=True)
    outside.mkdir()
    for place in (folder, outside):
        press(TWO, EIGHT).rename(place / "a.safetensors")

    def exchange() -> None:
        folder.rename(tmp_path / "moved")
        folder.symlink_to(outside)

    with before_opening(exchange), pytest.raises(UnsafeFile, match="exchanged"):
        read_file("folder/a.safetensors", [tmp_path / "root"])


def test_a_file_overwritten_while_it_is_read_is_refused(press: Press) -> None:
    path = press(TWO, EIGHT)
    os.utime(path, (1, 1))

    def overwrite() -> None:
        with path.open("r+b") as file:
            file.seek(-4, os.SEEK_END)
            file.write(b"\x7f\x7f\x7f\x7f")

    with before_read(2, overwrite), pytest.raises(UnsafeFile, match="changed while it was read; wait"):
        read_file(path)


def test_an_overwritten_file_with_its_old_time_put_back_is_refused_too(press: Press) -> None:
    path = press(TWO, EIGHT)
    os.utime(path, (1, 1))
    looked_at = path.stat().st_ctime_ns

    def overwrite() -> None:
        path.write_bytes(path.read_bytes()[:-4] + b"\x7f\x7f\x7f\x7f")
        for _ in range(10_000_000):  # The clock of inodes ticks a few hundred times a second.
            os.utime(path, (1, 1))
            if path.stat().st_ctime_ns != looked_at:
                return

    with before_read(2, overwrite), pytest.raises(UnsafeFile, match="changed while it was read"):
        read_file(path)


def test_a_file_cut_while_it_is_read_is_refused(press: Press) -> None:
    path = press(TWO, EIGHT)
    with (
        before_read(2, lambda: os.truncate(path, path.stat().st_size - 8)),
        pytest.raises(UnsafeFile, match="cut short while it was read"),
    ):
        read_file(path)


def open_descriptors() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_no_descriptor_stays_open_whatever_happens(press: Press) -> None:
    path, bad = press(TWO, EIGHT), press(TWO, EIGHT + b"!", name="bad.safetensors")
    before = open_descriptors()
    read_file(path)
    with pytest.raises(UnsafeFile):
        read_file(bad)
    assert open_descriptors() == before


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_numbers_that_fit_come_back_from_every_dtype(tmp_path: Path, dtype: StoredAs) -> None:
    tensor = np.array([[1.0, -0.5], [3.0, 0.0]], np.float32)
    file = read_file(write_tensors(tmp_path / "a.safetensors", {"k": tensor}, dtype=dtype))
    assert file.tensors["k"].dtype == dtype
    assert np.array_equal(file.array("k"), tensor)


@pytest.mark.parametrize(("bits", "zero"), [(0, True), (0x80000000, True), (0x7F800001, False), (1, False)])
def test_zeros_are_told_from_numbers_that_are_none(tmp_path: Path, bits: int, zero: bool) -> None:
    """The third is a NaN that says so when it is compared."""
    path = tmp_path / "a.safetensors"
    save_file({"a": np.array([0, bits], np.uint32).view(np.float32)}, path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_file(path).is_zero("a") is zero
