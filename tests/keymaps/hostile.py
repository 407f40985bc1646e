"""Files and paths that are made to harm a reader: to be read wrongly, to fill the memory, to take for ever, to hang.

Each builder puts one into a folder and gives the path to read; what a reader must say of it stands beside it.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kilnmark.keymaps.errors import OutsideRoots, RefusedFile, UnsafeFile
from kilnmark.keymaps.files.header import HEADER_LIMIT, PREFIX
from kilnmark.keymaps.files.header_text import METADATA_ENTRY_LIMIT, TENSOR_LIMIT

__all__ = ["BOMBS", "KINDS", "Hostile", "slow"]

Raw = Callable[[], bytes]
"""Makes a header's bytes when they are asked for: there are many, and each is large."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """One kind.

    Attributes:
        build: Folder to path.
        problem: Expression that the refusal's problem holds.
        key: That the refusal names.
        refusal: Its class.
        in_root: It is read with its folder as the only root.
        act: What someone else does right after the file is opened, given its path.
    """

    build: Callable[[Path], Path]
    problem: str
    key: str | None = None
    refusal: type[RefusedFile] = UnsafeFile
    in_root: bool = False
    act: Callable[[Path], object] | None = None


def _entry(**changes: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


def _file(header: dict[str, Any] | bytes | Raw, size: int = 8, claimed: int | None = None) -> Callable[[Path], Path]:
    """A builder of a file with this header and `size` bytes of data."""

    def build(folder: Path) -> Path:
        raw = (
            header if isinstance(header, bytes) else _made(header) if callable(header) else json.dumps(header).encode()
        )
        path = folder / "a.safetensors"
        with path.open("wb") as file:
            file.write((len(raw) if claimed is None else claimed).to_bytes(PREFIX, "little") + raw)
        os.truncate(path, PREFIX + len(raw) + size)
        return path

    return build


@lru_cache(maxsize=1)
def _made(raw: Raw) -> bytes:
    """The latest is remembered: every file is made for one reader after the other."""
    return raw()


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.safetensors")
    return folder / "a.safetensors"


def _link_out(folder: Path) -> Path:
    outside = folder.with_name(f"{folder.name}-outside")
    outside.mkdir(exist_ok=True)
    (folder / "a.safetensors").symlink_to(_file({"k": _entry()})(outside))
    return folder / "a.safetensors"


def _exchange(path: Path) -> None:
    other = path.with_name("other.safetensors")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def _filled(size: int, begin: bytes, part: bytes, end: bytes) -> Raw:
    """As much of `part` as a header of this size has room for."""
    return lambda: begin + part * ((size - len(begin) - len(end)) // len(part)) + end


def _many(count: int, last: tuple[int, int] = (0, 0)) -> Raw:
    """Tensors without numbers; the last one is said to lie elsewhere."""
    one = b'"%06d":{"dtype":"F32","shape":[0],"data_offsets":[%d,%d]}'
    places = [*[(0, 0)] * (count - 1), last]
    return lambda: b"{" + b",".join(one % (number, *place) for number, place in enumerate(places)) + b"}"


def _many_in_metadata(count: int) -> Raw:
    return lambda: b'{"__metadata__":{' + b",".join(b'"%06d":"a"' % number for number in range(count)) + b"}}"


def _long_entries(size: int) -> Raw:
    """Two thousand texts of escapes that fill a header together."""
    text = b'\\"' * (size // METADATA_ENTRY_LIMIT // 2 - 8)
    numbers = range(METADATA_ENTRY_LIMIT)
    return lambda: b'{"__metadata__":{' + b",".join(b'"%06d":"%b"' % (number, text) for number in numbers) + b"}}"


def _wide(count: int) -> Raw:
    """Entries as large as they may be, of numbers that no tensor has."""
    one = b'"%06d":{"dtype":"F32","data_offsets":[0,0],"shape":[' + b",".join([b"0"] * 220) + b"]}"
    return lambda: b"{" + b",".join(one % number for number in range(count)) + b"}"


_NO_TENSOR = "must have exactly dtype, shape and data_offsets"
_FOLLOW = "8 bytes follow the last tensor"
_FIRE = "\U0001f525".encode()

BOMBS: dict[str, Hostile] = {
    "overlapping offsets": Hostile(_file({"j": _entry(), "k": _entry(data_offsets=[4, 12])}, 12), "overlaps", "k"),
    "a gap": Hostile(_file({"j": _entry(), "k": _entry(data_offsets=[12, 20])}, 20), "leaves a gap", "k"),
    "trailing bytes": Hostile(_file({"k": _entry()}, 9), "1 bytes follow the last tensor"),
    "an overflowing shape": Hostile(_file({"k": _entry(shape=[1 << 62, 4])}), "overflows", "k"),
    "a header of 900 MB": Hostile(_file(b"{", 900 << 20, claimed=900 << 20), f"more than the {HEADER_LIMIT} allowed"),
    "a header of 90 MB that is not there": Hostile(_file(b"{", 90 << 20, claimed=90 << 20), "not safe JSON"),
    "as many tensors as fit": Hostile(_file(_many(140_000), 0), f"holds more than {TENSOR_LIMIT} tensors"),
    "a name twice": Hostile(_file(b'{"k":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"k":{}}'), "twice", "k"),
    "a wrong dtype": Hostile(_file({"k": _entry(dtype="Q4")}), "unknown dtype", "k"),
    "negative offsets": Hostile(_file({"k": _entry(data_offsets=[-8, 0])}), "data_offsets are not", "k"),
    "a pipe": Hostile(_pipe, "is a pipe"),
    "a device": Hostile(lambda _: Path("/dev/zero"), "is a device"),
    "a link out of the root": Hostile(_link_out, "outside the adapter roots", refusal=OutsideRoots, in_root=True),
    "a file exchanged under the reader": Hostile(_file({"k": _entry()}), "exchanged", act=_exchange),
}


def slow(size: int) -> dict[str, Hostile]:
    """Kinds whose headers are of this size, in bytes."""
    return _slow_entries(size) | _slow_metadata(size) | _slow_names(size)


def _slow_entries(size: int) -> dict[str, Hostile]:
    return {
        "empty lists in a value": Hostile(_file(_filled(size, b'{"k":[', b"[],", b"[]]}")), _NO_TENSOR, "k"),
        "lists inside lists": Hostile(_file(_filled(size, b'{"k":', b"[", b"")), _NO_TENSOR, "k"),
        "objects inside objects": Hostile(_file(_filled(size, b'{"k":', b'{"k":', b"")), _NO_TENSOR, "k"),
        "a list of millions of numbers": Hostile(_file(_filled(size, b'{"k":[', b"0,", b"0]}")), _NO_TENSOR, "k"),
        "a shape of millions of numbers": Hostile(
            _file(_filled(size, b'{"k":{"shape":[', b"0,", b"0]}}")), "more than 512 bytes", "k"
        ),
        "a number of millions of digits": Hostile(_file(_filled(size, b'{"k":', b"9", b"}")), _NO_TENSOR, "k"),
        "entries as wide as they may be": Hostile(_file(_wide(TENSOR_LIMIT)), "shape is not a list", "000000"),
        "as many entries of metadata as fit": Hostile(
            _file(_many_in_metadata(size // 14)), "has more than 2000 entries", "__metadata__"
        ),
    }


def _slow_metadata(size: int) -> dict[str, Hostile]:
    return {
        "one metadata of all the header": Hostile(
            _file(_filled(size, b'{"__metadata__":{"a":"', b"a", b'"}}')), _FOLLOW
        ),
        "the same, every sign escaped": Hostile(
            _file(_filled(size, b'{"__metadata__":{"a":"', b'\\"', b'"}}')), _FOLLOW
        ),
        "the same, every sign a number": Hostile(
            _file(_filled(size, b'{"__metadata__":{"a":"', b"\\u0041", b'"}}')), _FOLLOW
        ),
        "the same, halves of characters": Hostile(
            _file(_filled(size, b'{"__metadata__":{"a":"', b"\\ud83d", b'"}}')), "not safe JSON"
        ),
        "the same, nothing but backslashes": Hostile(
            _file(_filled(size, b'{"__metadata__":{"a":"', b"\\\\", b'"}}')), _FOLLOW
        ),
        "the same, in signs of four bytes": Hostile(
            _file(_filled(size, b'{"__metadata__":{"a":"', _FIRE, b'"}}')), _FOLLOW
        ),
        "metadata that does not end": Hostile(
            _file(_filled(size, b'{"__metadata__":{"a":"', b"a", b"")), "not safe JSON"
        ),
        "a name in the metadata of all the header": Hostile(
            _file(_filled(size, b'{"__metadata__":{"', b"a", b'":"a"}}')), "a name in its header does not end"
        ),
        "as many long entries of metadata as there may be": Hostile(_file(_long_entries(size)), _FOLLOW),
        "as much metadata as is kept, one sign of four bytes": Hostile(
            _file(_filled(2 << 20, b'{"__metadata__":{"a":"' + _FIRE, b'\\"' + b"a" * 99, b'"}}')), _FOLLOW
        ),
    }


def _slow_names(size: int) -> dict[str, Hostile]:
    return {
        "one name of all the header": Hostile(
            _file(_filled(size, b'{"', b"a", b'":{}}')), "a name in its header does not end"
        ),
        "the same name, every sign escaped": Hostile(
            _file(_filled(size, b'{"', b"\\n", b'":{}}')), "a name in its header does not end"
        ),
        "the same name, in signs of four bytes": Hostile(
            _file(_filled(size, b'{"', _FIRE, b'":{}}')), "a name in its header does not end"
        ),
        "a name that does not end": Hostile(
            _file(_filled(size, b'{"', b"a", b"")), "a name in its header does not end"
        ),
        "nothing but spaces": Hostile(_file(_filled(size, b"{", b" ", b"")), "not safe JSON"),
        "spaces behind the end": Hostile(_file(_filled(size, b"{}", b" ", b"")), _FOLLOW),
        "spaces between all signs": Hostile(_file(_filled(size, b'{"k"', b" ", b":[]}")), "not safe JSON"),
        "the most tensors, and the last one wrong": Hostile(
            _file(_many(TENSOR_LIMIT, (8, 8))), "leaves a gap before it", f"{TENSOR_LIMIT - 1:06d}"
        ),
    }


KINDS = BOMBS | slow(8 << 20)
"""All of them, with headers of a size that tests can write often; `slow(HEADER_LIMIT)` is for the benchmark."""
