"""The config that PEFT writes beside an adapter file: which one goes with which file, and how both are one adapter.

It says how strong the file is, so a file with another config is another adapter, to every cache. What is in it is not
understood here.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from kilnmark.keymaps.errors import RefusedFile, UnsafeFile
from kilnmark.keymaps.files.roots import AnyPath, locate, locate_beside

__all__ = [
    "CONFIG",
    "NeighbourConfig",
    "NumberedPart",
    "adapter_hash",
    "config_beside",
    "is_of_peft",
    "located",
    "located_beside",
    "part_of",
]

CONFIG: Final = "adapter_config.json"
"""huggingface/peft, commit 5d602fdb, utils/constants.py, as the names of its files."""
_MODEL: Final = "adapter_model"
_FILE: Final = f"{_MODEL}.safetensors"


class NeighbourConfig(NamedTuple):
    """A config as it was read: its real path, its bytes and their SHA-256 in hex."""

    path: str
    data: bytes
    sha256: str


class NumberedPart(NamedTuple):
    """What a name says of a file that is one of several: `stem` is what all of them begin with."""

    stem: str
    number: int
    total: int


_PART = re.compile(r"(.+)-([0-9]{5})-of-([0-9]{5})\.safetensors", re.IGNORECASE)


def part_of(path: AnyPath) -> NumberedPart | None:
    """Which part a file is by its name; None for a whole one.

    `huggingface_hub` names parts so (serialization/_base.py, split_state_dict_into_shards_factory).
    """
    found = _PART.fullmatch(os.path.basename(os.fspath(path)))  # noqa: PTH119 - as bytes of a path
    part = NumberedPart(found[1], int(found[2]), int(found[3])) if found else None
    return part if part and part.total > 1 else None


def is_of_peft(path: AnyPath) -> bool:
    """Whether a file bears PEFT's own name, so that a config beside it is surely its own."""
    return os.path.basename(os.fspath(path)).startswith(_MODEL)  # noqa: PTH119 - as bytes of a path


def config_beside(path: AnyPath) -> str | None:
    """The path of the config that goes with an adapter file, as it is named; None without one.

    A file of another name than PEFT's has it only where no file of PEFT's name is there to own it.
    """
    folder, name = os.path.split(os.fspath(path))
    config = os.path.join(folder, CONFIG)  # noqa: PTH118 - as bytes of a path
    if not os.path.lexists(config):
        return None
    owned = not is_of_peft(name) and os.path.lexists(os.path.join(folder, _FILE))  # noqa: PTH118 - as above
    return None if owned else config


def located(path: AnyPath, roots: Sequence[AnyPath] | None = None) -> Path:
    """What an adapter is known by: its real path, as `locate` has it.

    In the cache of huggingface_hub every file is a link, and what a link leads to has nothing beside it; people put
    links to such links where they keep their adapters. It is the first of those links that a config stands beside, or
    whose name says that it is a part, in a real folder.

    Raises:
        RefusedFile: As `locate` does.
    """
    found = locate(path, roots)
    try:
        for named in _named(os.fspath(path), roots):
            if os.path.realpath(named) == str(found):
                links = _links(named, found, roots)
                return next((link for link in links if config_beside(link) or part_of(link)), found)
    except OSError as error:  # what was a link a moment ago is none
        raise UnsafeFile(os.fspath(path), "was moved while it was looked for", "wait, and try again") from error
    return found


def located_beside(path: AnyPath, folder: AnyPath, roots: Sequence[AnyPath]) -> Path:
    """The same for a file that a document names, as `locate_beside` has it.

    Raises:
        RefusedFile: As `locate_beside` does.
    """
    found = locate_beside(path, folder, roots)
    for asked in (os.path.join(folder, path), path):  # noqa: PTH118 - as bytes of a path
        try:
            if locate(asked, roots) == found:
                return located(asked, roots)
        except RefusedFile:
            continue
    return found


_LINKS = 40
"""On one way, as Linux follows them."""


def _named(path: str, roots: Sequence[AnyPath] | None) -> Iterator[Path]:
    """The file by its own name in its real folder, if that lies below a root."""
    for root in [""] if roots is None else [os.path.realpath(root) for root in roots]:
        named = _in_real_folder(os.path.join(root, path))  # noqa: PTH118 - as bytes of a path
        if _is_below(named, roots):
            yield named


def _links(named: Path, found: Path, roots: Sequence[AnyPath] | None) -> Iterator[Path]:
    """The links from a file's name to where it lies, as far as they stand below a root."""
    for _ in range(_LINKS):
        if named == found:
            return
        if _is_below(named, roots):
            yield named
        try:
            named = _in_real_folder(os.path.join(named.parent, os.readlink(named)))  # noqa: PTH115, PTH118 - as above
        except OSError:
            return


def _in_real_folder(path: str) -> Path:
    folder, name = os.path.split(path)
    return Path(os.path.realpath(folder)) / name


def _is_below(named: Path, roots: Sequence[AnyPath] | None) -> bool:
    return roots is None or any(named.parent.is_relative_to(os.path.realpath(root)) for root in roots)


def adapter_hash(path: AnyPath, file: str, config: str) -> str:
    """What stands for an adapter, in hex: the file's own hash where its bytes say all that it is.

    A config counts for something else under another name than PEFT's, and a part is no whole file.

    Args:
        path: What the adapter is known by.
        file, config: SHA-256 of each, in hex; an empty one for no config.
    """
    told = [config] if config else []
    if config and not is_of_peft(path):
        told.append("by its layers")
    if part := part_of(path):
        told.append(f"{part.number} of {part.total}")
    return hashlib.sha256(" ".join([file, *told]).encode()).hexdigest() if told else file
