"""Tensors of any dtype, bit for bit, into a file that is there whole or not at all.

The file is written under another name, synced, and only then given its own; whatever fails before leaves what was
there as it was.
"""

import errno
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kilnmark.keymaps.files.dtypes import WIDTHS
from kilnmark.keymaps.files.header import PREFIX
from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.remap.bits import Stored

__all__ = ["UnusableGoal", "check_goal", "write_whole"]

_ALIGNMENT = 8
_LINKS_UNKNOWN = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)


class UnusableGoal(Exception):
    """A path that is not written to.

    Attributes:
        path: As it was asked for.
        problem: What stands in the way.
        mend: What a person can do about it.
    """

    def __init__(self, path: str, problem: str, mend: str) -> None:
        super().__init__(path, problem, mend)
        self.path = path
        self.problem = problem
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}; {self.mend}"


def check_goal(source: AnyPath, goal: AnyPath, *, force: bool) -> None:
    """Raise where a file must not be written.

    Args:
        source: The file that is converted.
        goal: Where to.
        force: A regular file may be replaced, though never the source.

    Raises:
        UnusableGoal: With what stands in the way.
    """
    text = os.fspath(goal)
    if os.path.realpath(source) == os.path.realpath(goal) or _same_file(source, goal):
        raise UnusableGoal(text, "is the file to convert", "write to another name")
    if not Path(goal).absolute().parent.is_dir():
        raise UnusableGoal(text, "lies in no directory that exists", "make the directory, or correct the path")
    try:
        found = os.lstat(goal)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise UnusableGoal(text, "is there and is no regular file", "write to another name")
    if not force:
        raise _taken(text)


def _same_file(source: AnyPath, goal: AnyPath) -> bool:
    try:
        return os.path.samefile(source, goal)  # noqa: PTH121 - both may be plain texts
    except OSError:
        return False


def _taken(text: str) -> UnusableGoal:
    return UnusableGoal(text, "is there already", "write to another name, or add --force to replace it")


def write_whole(goal: AnyPath, tensors: Mapping[str, Stored], metadata: Mapping[str, str], *, force: bool) -> None:
    """Write a safetensors file; the same arguments give the same bytes.

    Args:
        goal: Where to.
        tensors: By name, in the order of the header.
        metadata: Of the header.
        force: Replace a file of that name.

    Raises:
        UnusableGoal: A file of that name came into being meanwhile.
        OSError: It cannot be written; nothing is left behind.
    """
    path = Path(goal)
    temporary = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        _write(temporary, tensors, metadata)
        _rename(temporary, path, force=force)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(path.absolute().parent)


def _write(path: Path, tensors: Mapping[str, Stored], metadata: Mapping[str, str]) -> None:
    # Widest numbers first: every tensor then begins where a reader that maps the file may use it in place.
    ordered = sorted(tensors.items(), key=lambda item: -WIDTHS[item[1].dtype])
    with path.open("xb") as file:
        file.write(_header(ordered, metadata))
        file.writelines(np.ascontiguousarray(tensor.bits).reshape(-1).view(np.uint8).data for _, tensor in ordered)
        file.flush()
        os.fsync(file.fileno())


def _header(ordered: list[tuple[str, Stored]], metadata: Mapping[str, str]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    end = 0
    for name, tensor in ordered:
        begin, end = end, end + tensor.bits.nbytes
        entries[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(PREFIX, "little") + text


def _rename(temporary: Path, path: Path, *, force: bool) -> None:
    if force:
        temporary.replace(path)
        return
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise _taken(str(path)) from error
    except OSError as error:
        if error.errno not in _LINKS_UNKNOWN:
            raise
        if os.path.lexists(path):
            raise _taken(str(path)) from error
        temporary.replace(path)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
