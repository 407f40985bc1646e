"""The folder of packs as the daemon reads it: every look is remembered, to tell later whether it is still true.

What is read is nobody's business here.
"""

import errno
import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path

from kilnmark.keymaps.errors import UnsafeFile
from kilnmark.keymaps.files.descent import folder_of
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
        try:
            with folder_of(identity.path, [self._root]) as (folder, name):
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except UnsafeFile as error:
            raise OSError(errno.EXDEV, f"it {error.problem}", identity.path) from error
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, "is no regular file any more", identity.path)
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
            found = Path(os.path.realpath(self._root / path, strict=True))
            if not found.is_relative_to(os.path.realpath(self._root)):
                raise OSError(
                    errno.EXDEV, "it is a link that leads outside the folder of packs", str(self._root / path)
                )
            return FileIdentity.of(str(found))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _listed(self, path: str) -> Sequence[str]:
        try:
            with os.scandir(self._root / path) as entries:
                return sorted(entry.name for entry in entries if _is_folder(entry))
        except (FileNotFoundError, NotADirectoryError):
            return []


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """A link that leads in a circle is none, and costs no other."""
    try:
        return entry.is_dir() and not entry.name.startswith(".")
    except OSError:
        return False
