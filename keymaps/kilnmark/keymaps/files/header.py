"""The header of a safetensors file: bytes to checked names, shapes and places, or the reason why not.

Stricter than the safetensors library in what it refuses, never laxer, and bounded in time and memory whatever the
bytes say. Nothing here opens a file.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from kilnmark.keymaps.errors import UnsafeFile
from kilnmark.keymaps.files.header_text import EXPORT, TENSOR_LIMIT, Usual, cut_header, decode_body, unsafe
from kilnmark.keymaps.files.widths import WIDTHS

__all__ = [
    "DIMENSION_LIMIT",
    "HEAD",
    "HEADER_LIMIT",
    "PREFIX",
    "TENSOR_LIMIT",
    "Header",
    "TensorInfo",
    "header_size",
    "parse_header",
]

HEAD = 4096
"""First bytes of a file that are looked at before its header is."""
PREFIX = 8
"""Bytes before the header: its length, unsigned, little-endian."""
HEADER_LIMIT = 100_000_000
"""Largest header that the format allows, in bytes (safetensors/src/tensor.rs, MAX_HEADER_SIZE)."""
DIMENSION_LIMIT = 8
ELEMENT_LIMIT = 1 << 48

_FIELDS = {"dtype", "shape", "data_offsets"}

_WHOLE = "fetch or export the file again"


class TensorInfo(NamedTuple):
    """One tensor's place. `begin` and `end` are bytes, counted from the end of the header.

    A tuple because a file has thousands, and a frozen dataclass takes five times as long to make.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says it holds, with tensors in the header's own order.

    Attributes:
        metadata: Of entries too long to be kept, what they begin with.
        long: The names of those, with their bytes.
        tensors: Name to place.
    """

    metadata: Mapping[str, str]
    long: Mapping[str, int]
    tensors: Mapping[str, TensorInfo]


def header_size(path: str, head: bytes, file_size: int) -> int:
    """The header's length in bytes, from the first bytes of a file.

    Args:
        path: For the error.
        head: The first `HEAD` bytes, or all there are.
        file_size: In bytes.
    """
    size = int.from_bytes(head[:PREFIX], "little")
    if (head[PREFIX : PREFIX + 1] != b"{" or size > HEADER_LIMIT) and (found := _mistaken(head)):
        raise UnsafeFile(path, *found)
    if file_size == 0:
        raise UnsafeFile(path, "is empty: nothing of it was downloaded or copied", _WHOLE)
    if file_size < PREFIX + 2:
        raise UnsafeFile(path, f"has {file_size} bytes, too few for a safetensors file", _WHOLE)
    if size > HEADER_LIMIT:
        problem = f"claims a header of {size} bytes, more than the {HEADER_LIMIT} allowed: not a safetensors file"
        raise UnsafeFile(path, problem, EXPORT)
    if PREFIX + size > file_size:
        raise UnsafeFile(path, f"ends inside its header ({file_size} bytes; the header alone has {size})", _WHOLE)
    return size


def _mistaken(head: bytes) -> tuple[str, str] | None:
    # What reads the kinds of files takes longer to import than thousands of headers to read.
    from kilnmark.keymaps.files.mistaken import what_it_is

    return what_it_is(head)


def parse_header(path: str, raw: bytes | bytearray, data_size: int | None) -> Header:
    """Check a header against the number of bytes that follow it.

    Args:
        path: For the error.
        raw: Without its length.
        data_size: In bytes; None to believe what the header says of it.

    Raises:
        UnsafeFile: With the key at fault, where there is one.
    """
    try:
        pieces = cut_header(raw)
        layouts: _Layouts = {}
        tensors = {
            name: _usual(name, body, layouts) if isinstance(body, tuple) else _tensor(name, body)
            for name, body in pieces.bodies.items()
        }
        _check_places(tensors, data_size)
    except UnsafeFile as error:
        raise UnsafeFile(path, error.problem, error.mend, key=error.key) from error
    except (ValueError, RecursionError) as error:
        raise UnsafeFile(path, f"its header is not safe JSON ({error})", EXPORT) from error
    return Header(pieces.metadata, pieces.long, MappingProxyType(tensors))


_Layouts = dict[tuple[bytes, bytes], tuple[str, tuple[int, ...], int]]
"""Of dtype and sizes as written: what they are, and the bytes. A file has few of them, however many tensors."""


def _usual(name: str, body: Usual, layouts: _Layouts) -> TensorInfo:
    dtype, sizes, begins, ends = body
    begin, end = int(begins), int(ends)
    known = layouts.get((dtype, sizes))
    if known is not None and known[2] == end - begin:
        return TensorInfo(known[0], known[1], begin, end)
    shape = [int(size) for size in sizes.split(b",")] if sizes else []
    info = _described(name, dtype.decode(), shape, begin, end)
    layouts[dtype, sizes] = info.dtype, info.shape, end - begin
    return info


def _tensor(name: str, body: bytes) -> TensorInfo:
    entry = decode_body(body)
    if entry.keys() != _FIELDS:
        raise unsafe("must have exactly dtype, shape and data_offsets", EXPORT, key=name)
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in WIDTHS:
        raise _unknown_dtype(name, dtype)
    if not _are_naturals(shape) or len(shape) > DIMENSION_LIMIT:
        raise unsafe(f"its shape is not a list of up to {DIMENSION_LIMIT} whole numbers", EXPORT, key=name)
    if not _are_naturals(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:  # noqa: PLR2004 - begin and end
        raise unsafe("its data_offsets are not [begin, end]", EXPORT, key=name)
    return _described(name, dtype, shape, *offsets)


def _described(name: str, dtype: str, shape: list[int], begin: int, end: int) -> TensorInfo:
    if dtype not in WIDTHS:
        raise _unknown_dtype(name, dtype)
    if begin > end:
        raise unsafe("its data_offsets are not [begin, end]", EXPORT, key=name)
    _check_size(name, dtype, shape, end - begin)
    return TensorInfo(dtype, tuple(shape), begin, end)


def _unknown_dtype(name: str, dtype: object) -> UnsafeFile:
    known = ", ".join(WIDTHS)
    return unsafe(f"has unknown dtype {str(dtype)[:40]!r}", f"export it in one of {known}", key=name)


def _are_naturals(value: object) -> bool:
    if not isinstance(value, list):
        return False
    for number in value:  # noqa: SIM110 - `all` takes twice as long for a few numbers
        if type(number) is not int or number < 0:
            return False
    return True


def _check_size(name: str, dtype: str, shape: list[int], found: int) -> None:
    count = math.prod(shape)
    if (count or math.prod(size or 1 for size in shape)) > ELEMENT_LIMIT:
        raise unsafe(f"its shape overflows: {_shown(shape)}", EXPORT, key=name)
    needed = count * WIDTHS[dtype]
    if needed != found:
        problem = f"{_shown(shape)} of {dtype} needs {needed} bytes, but its data_offsets span {found}"
        raise unsafe(problem, EXPORT, key=name)


def _shown(shape: list[int]) -> str:
    return str(shape)[:80]


def _check_places(tensors: Mapping[str, TensorInfo], data_size: int | None) -> None:
    """Tensors must tile the data: no gap, no overlap, nothing before and nothing behind."""
    reached = 0
    for name, info in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if info.begin != reached:
            kind = "overlaps the tensor before it" if info.begin < reached else "leaves a gap before it"
            raise unsafe(f"{kind} (begins at {info.begin}, expected {reached})", EXPORT, key=name)
        reached = info.end
        if data_size is not None and reached > data_size:
            problem = f"ends at byte {reached}, but only {data_size} follow the header: the file is cut off"
            raise unsafe(problem, _WHOLE, key=name)
    if data_size is not None and reached != data_size:
        raise unsafe(f"{data_size - reached} bytes follow the last tensor", _WHOLE)
