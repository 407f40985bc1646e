"""Tensors of any dtype, bit for bit, into a file that is there whole or not at all.

Which file may be written at all is judged here; how it comes to be whole is `files.atomic`'s.
"""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kilnmark.keymaps.errors import UnusableGoal
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.dtypes import WIDTHS
from kilnmark.keymaps.files.header import PREFIX
from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.remap.bits import Stored

__all__ = ["check_goal", "write_whole"]

_ALIGNMENT = 8


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
    # Widest numbers first: every tensor then begins where a reader that maps the file may use it in place.
    ordered = sorted(tensors.items(), key=lambda item: -WIDTHS[item[1].dtype])
    try:
        with written_whole(goal, replace=force) as file:
            file.write(_header(ordered, metadata))
            file.writelines(np.ascontiguousarray(tensor.bits).reshape(-1).view(np.uint8).data for _, tensor in ordered)
    except FileExistsError as error:
        raise _taken(os.fspath(goal)) from error


def _header(ordered: list[tuple[str, Stored]], metadata: Mapping[str, str]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    end = 0
    for name, tensor in ordered:
        begin, end = end, end + tensor.bits.nbytes
        entries[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(PREFIX, "little") + text
