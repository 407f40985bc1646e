"""What lies in a dataset's folder, by name alone: pictures, texts, and what is neither; nothing is opened here.

Folders below it count. A folder that is reached a second time, by a symbolic link, is not gone into again.
"""

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kilnmark.lab.dataset.findings import Code, DatasetFinding, found, shown
from kilnmark.lab.dataset.texts import is_text

__all__ = ["PICTURE_ENDINGS", "Listing", "listed"]

PICTURE_ENDINGS: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"})
"""Of files that are read as pictures."""

_FOREIGN_ENDINGS = frozenset(
    (".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".psd", ".svg", ".dng", ".cr2", ".cr3", ".nef", ".arw")
)
"""Of files that are pictures to other programs."""
_TEXT = ".txt"
_OTHERS_FOLDERS = frozenset({"__MACOSX", "_latent_cache", "_t_e_cache", "_controls"})
"""Made by archivers and trainers, and no part of a dataset."""


@dataclass(slots=True)
class Listing:
    """What lies in a folder and below it: names from there, with slashes, in order.

    Attributes:
        root: The folder.
        pictures: By their endings.
        texts: Of files that end in `.txt`.
        others: Everything else.
        passed_over: Hidden files and folders, and those that archivers and trainers leave.
        foreign: Pictures of kinds that are not read.
        again: Folders that are there already, by another way.
        closed: Folders that cannot be looked into.
    """

    root: Path
    pictures: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def findings(self) -> Iterable[DatasetFinding]:
        """What is to be said of it."""
        if self.foreign:
            said = f"pictures of kinds that are not read: {shown(self.foreign)}"
            yield found(Code.FOREIGN_FORMAT, said, "save as PNG, JPEG or WebP, or take away", self.foreign)
        if self.closed:
            said = f"folders that cannot be looked into: {shown(self.closed)}"
            yield found(Code.UNREADABLE_FOLDER, said, "allow it, or take them away", self.closed)
        no_text = [name for name in (*self.pictures, *self.texts) if not is_text(name)]
        if no_text:
            said = f"names that hold bytes which are no text: {shown(no_text)}"
            yield found(Code.NAME_NO_TEXT, said, "rename them: no list can hold such a name", no_text)
        if self.again:
            said = f"folders that are part of the dataset by another way already: {shown(self.again)}"
            yield found(Code.LOOP, said, "take the links away", self.again)
        if self.passed_over:
            said = f"hidden files and folders, and what archivers and trainers leave: {shown(self.passed_over)}"
            yield found(Code.PASSED_OVER, said, files=self.passed_over)


def listed(root: Path) -> Listing:
    """What lies in a folder.

    Raises:
        OSError: The folder itself cannot be looked into.
    """
    listing = Listing(root)
    with os.scandir(root):
        pass
    waiting, seen = deque([""]), {_identity(root)}
    while waiting:
        below = waiting.popleft()
        try:
            with os.scandir(root / below) as entries:
                names = sorted(entry.name for entry in entries)
        except OSError:
            listing.closed.append(below)
            continue
        for name in names:
            path = f"{below}/{name}" if below else name
            if _is_folder(root / path):
                _enter(listing, path, waiting, seen)
            else:
                _sort(listing, path)
    return listing


def _enter(listing: Listing, path: str, waiting: deque[str], seen: set[tuple[int, int]]) -> None:
    name = path.rpartition("/")[2]
    if name.startswith(".") or name in _OTHERS_FOLDERS:
        listing.passed_over.append(path)
        return
    identity = _identity(listing.root / path)
    if identity in seen:
        listing.again.append(path)
        return
    seen.add(identity)
    waiting.append(path)


def _sort(listing: Listing, path: str) -> None:
    name = path.rpartition("/")[2]
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a name, and not a path of this machine
    if name.startswith("."):
        listing.passed_over.append(path)
    elif ending in PICTURE_ENDINGS:
        listing.pictures.append(path)
    elif ending == _TEXT:
        listing.texts.append(path)
    elif ending in _FOREIGN_ENDINGS:
        listing.foreign.append(path)
    else:
        listing.others.append(path)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # whoever reads it as a file says why it cannot be read
        return False


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
