"""Files that are one part of several, as their names and an index beside them say: what of the adapter is elsewhere.

Parts are numbered in their names, and `NAME.safetensors.index.json` says which tensor is in which.
"""

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import PurePath

from kilnmark.keymaps.errors import RefusedFile, shorten
from kilnmark.keymaps.files.beside import part_of
from kilnmark.keymaps.files.opened import fill, opened
from kilnmark.keymaps.files.safefile import AdapterFile

__all__ = ["INDEX_LIMIT", "missing_parts"]

INDEX_LIMIT = 4 << 20
"""Largest index read, in bytes: 200 for each of thousands of tensors."""
_SHOWN = 3


def missing_parts(file: AdapterFile) -> str:
    """What of an adapter stands in other files, as a sentence without full stop; empty for a whole file."""
    if (part := part_of(file.path)) is None:
        return ""
    stem, number, count = part
    others = islice((each for each in range(1, count + 1) if each != number), _SHOWN)
    names = [f"{stem}-{each:05}-of-{count:05}.safetensors" for each in others]
    more = ", ..." if count - 1 > len(names) else ""
    return (
        f"its name says that it is part {number} of {count}, and what is in {', '.join(names)}{more} is not applied"
        f"{_by_index(file, stem)}; join the parts into one file"
    )


def _by_index(file: AdapterFile, stem: str) -> str:
    """What the index says of it; empty without one that can be understood, for the name says enough."""
    missing = [tensor for tensor in _indexed(file, f"{stem}.safetensors.index.json") if tensor not in file.tensors]
    return f": {len(missing)} tensors by its index, first {shorten(missing[0])}" if missing else ""


def _indexed(file: AdapterFile, index: str) -> Mapping[str, object]:
    folder = PurePath(file.path).parent
    try:
        with opened(index, [str(folder)], INDEX_LIMIT) as source:
            data = bytearray(source.size)
            fill(source, memoryview(data))
        document = json.loads(data)
    except (RefusedFile, ValueError, RecursionError):
        return {}
    tensors = document.get("weight_map") if isinstance(document, dict) else None
    return tensors if isinstance(tensors, dict) else {}
