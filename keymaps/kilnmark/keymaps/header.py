"""The header of a safetensors file: bytes to checked names, shapes and places, or the reason why not.

Stricter than the safetensors library in what it refuses, never laxer, and bounded in time and memory whatever the
bytes say. Nothing here opens a file.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from kilnmark.keymaps.dtypes import WIDTHS
from kilnmark.keymaps.errors import UnsafeFile

__all__ = ["HEADER_LIMIT", "PREFIX", "TENSOR_LIMIT", "Header", "TensorInfo", "header_size", "parse_header"]

PREFIX = 8
"""Bytes before the header: its length, unsigned, little-endian."""
HEADER_LIMIT = 8 << 20
"""Largest header read, in bytes. The largest real adapter seen has 0.3 MB."""
TENSOR_LIMIT = 20_000
NAME_LIMIT = 1024
DIMENSION_LIMIT = 8
ELEMENT_LIMIT = 1 << 48

_EXPORT = "export the adapter again as safetensors"
_WHOLE = "fetch or export the file again"


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor's place. `begin` and `end` are bytes, counted from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says it holds, with tensors in the header's own order."""

    metadata: Mapping[str, str]
    tensors: Mapping[str, TensorInfo]


def header_size(path: str, head: bytes, file_size: int) -> int:
    """The header's length in bytes, from the first bytes of a file.

    Args:
        path: For the error.
        head: The first 64 bytes, or all there are.
        file_size: In bytes.
    """
    if found := _foreign(head):
        raise UnsafeFile(path, *found)
    if file_size < PREFIX + 2:
        raise UnsafeFile(path, f"has {file_size} bytes, too few for a safetensors file", _WHOLE)
    size = int.from_bytes(head[:PREFIX], "little")
    if size > HEADER_LIMIT:
        problem = f"claims a header of {size} bytes, more than the {HEADER_LIMIT} allowed: not a safetensors file"
        raise UnsafeFile(path, problem, _EXPORT)
    if PREFIX + size > file_size:
        raise UnsafeFile(path, f"ends inside its header ({file_size} bytes; the header alone has {size})", _WHOLE)
    return size


def parse_header(path: str, raw: bytes, data_size: int) -> Header:
    """Check a header against the number of bytes that follow it.

    Raises:
        UnsafeFile: With the key at fault, where there is one.
    """
    try:
        entries = _decode(path, raw)
        metadata = _metadata(path, entries.pop("__metadata__", {}))
        tensors = {name: _tensor(path, name, entry) for name, entry in entries.items()}
    except (ValueError, RecursionError) as error:
        raise UnsafeFile(path, f"its header is not safe JSON ({error})", _EXPORT) from error
    _check_places(path, tensors, data_size)
    return Header(MappingProxyType(metadata), MappingProxyType(tensors))


def _foreign(head: bytes) -> tuple[str, str] | None:
    """Problem and mend, when the file opens like one of the usual mistakes."""
    if head[PREFIX : PREFIX + 1] == b"{":
        return None
    if head.startswith(b"PK\x03\x04"):
        return "is a PyTorch checkpoint (a zip of pickles), which can run code when it is opened", _EXPORT
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "is a pickle, which can run code when it is opened", _EXPORT
    if head.startswith(b"GGUF"):
        return "is a GGUF file", _EXPORT
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the file it stands for", "fetch that with `git lfs pull`"
    if head.lstrip()[:1] == b"<":
        return "is a web page, most likely a login or error page saved under the adapter's name", _WHOLE
    return None


def _decode(path: str, raw: bytes) -> dict[str, Any]:
    if not raw.startswith(b"{"):
        raise UnsafeFile(path, "its header does not begin with '{'", _EXPORT)
    text = raw.decode()
    # The library takes -0 for a fraction; to look at every number is worth it only where there may be one.
    parse_int = _without_minus_zero if "-0" in text else int
    entries: dict[str, Any] = json.loads(text, object_pairs_hook=_pairs_hook(path), parse_int=parse_int)
    if len(entries) - ("__metadata__" in entries) > TENSOR_LIMIT:
        raise _too_many(path)
    return entries


def _pairs_hook(path: str) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """Builds each object of the JSON, refusing names said twice, and stops at the first object too many."""
    objects = 0

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal objects
        objects += 1
        if objects > TENSOR_LIMIT + 2:
            raise _too_many(path)
        built = dict(pairs)
        if len(built) != len(pairs):
            raise UnsafeFile(path, "its header names this twice", _EXPORT, key=_first_repeated(pairs))
        return built

    return build


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            break
        seen.add(name)
    return name


def _without_minus_zero(digits: str) -> int:
    if digits == "-0":
        raise ValueError("the number -0")
    return int(digits)


def _too_many(path: str) -> UnsafeFile:
    return UnsafeFile(path, f"holds more than {TENSOR_LIMIT} tensors", "give an adapter, not a whole model")


def _metadata(path: str, entry: object) -> dict[str, str]:
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise UnsafeFile(path, "must map strings to strings", _EXPORT, key="__metadata__")
    for name, value in entry.items():
        (name + value).encode()
    return entry


def _tensor(path: str, name: str, entry: object) -> TensorInfo:
    if len(name.encode()) > NAME_LIMIT:
        raise UnsafeFile(path, f"its name has more than {NAME_LIMIT} bytes", _EXPORT, key=name)
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise UnsafeFile(path, "must have exactly dtype, shape and data_offsets", _EXPORT, key=name)
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in WIDTHS:
        known = ", ".join(WIDTHS)
        raise UnsafeFile(path, f"has unknown dtype {str(dtype)[:40]!r}", f"export it in one of {known}", key=name)
    if not _are_naturals(shape) or len(shape) > DIMENSION_LIMIT:
        raise UnsafeFile(path, f"its shape is not a list of up to {DIMENSION_LIMIT} whole numbers", _EXPORT, key=name)
    if not _are_naturals(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:  # noqa: PLR2004 - begin and end
        raise UnsafeFile(path, "its data_offsets are not [begin, end]", _EXPORT, key=name)
    _check_size(path, name, dtype, shape, offsets[1] - offsets[0])
    return TensorInfo(dtype, tuple(shape), offsets[0], offsets[1])


def _are_naturals(value: object) -> bool:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)


def _check_size(path: str, name: str, dtype: str, shape: list[int], found: int) -> None:
    if math.prod(size or 1 for size in shape) > ELEMENT_LIMIT:
        raise UnsafeFile(path, f"its shape overflows: {_shown(shape)}", _EXPORT, key=name)
    needed = math.prod(shape) * WIDTHS[dtype]
    if needed != found:
        problem = f"{_shown(shape)} of {dtype} needs {needed} bytes, but its data_offsets span {found}"
        raise UnsafeFile(path, problem, _EXPORT, key=name)


def _shown(shape: list[int]) -> str:
    return str(shape)[:80]


def _check_places(path: str, tensors: Mapping[str, TensorInfo], data_size: int) -> None:
    """Tensors must tile the data: no gap, no overlap, nothing before and nothing behind."""
    reached = 0
    for name, info in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if info.begin != reached:
            kind = "overlaps the tensor before it" if info.begin < reached else "leaves a gap before it"
            raise UnsafeFile(path, f"{kind} (begins at {info.begin}, expected {reached})", _EXPORT, key=name)
        reached = info.end
        if reached > data_size:
            problem = f"ends at byte {reached}, but only {data_size} follow the header: the file is cut off"
            raise UnsafeFile(path, problem, _WHOLE, key=name)
    if reached != data_size:
        raise UnsafeFile(path, f"{data_size - reached} bytes follow the last tensor", _WHOLE)
