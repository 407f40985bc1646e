"""The folder of packs as the daemon reads it: every look is remembered, to tell later whether it is still true.

What is read is nobody's business here.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from kilnmark.keymaps.files.identity import FileIdentity
from kilnmark.protocol.content.marked_yaml import SIZE_LIMIT

__all__ = ["PackReading"]


class PackReading:
    """A `PackFiles` of a folder that remembers what it found, to tell later whether that is still so."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._at_ns = time.time_ns()
        self._files: dict[str, FileIdentity | None] = {}
        self._folders: dict[str, Sequence[str]] = {}

    def read(self, path: str) -> bytes | None:
        """A file's bytes, as many as a document may have and one more; None where nothing is."""
        identity = self._files[path] = self._identity(path)
        if identity is None:
            return None
        with Path(identity.path).open("rb") as file:
            return file.read(SIZE_LIMIT + 1)

    def folders(self, path: str) -> Sequence[str]:
        """The names of the folders in a folder, sorted, hidden ones left out; empty where none is."""
        found = self._folders[path] = self._listed(path)
        return found

    def is_current(self) -> bool:
        """Reading again would find the same."""
        try:
            same_files = all(self._is_same(path, before) for path, before in self._files.items())
            return same_files and all(self._listed(path) == before for path, before in self._folders.items())
        except OSError:
            return False

    def _is_same(self, path: str, before: FileIdentity | None) -> bool:
        return self._identity(path) == before and (before is None or before.is_settled(self._at_ns))

    def _identity(self, path: str) -> FileIdentity | None:
        try:
            return FileIdentity.of(os.path.realpath(self._root / path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _listed(self, path: str) -> Sequence[str]:
        try:
            with os.scandir(self._root / path) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []
