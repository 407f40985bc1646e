"""The folder of packs as the command line reads it."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from kilnmark.protocol.content.marked_yaml import SIZE_LIMIT

__all__ = ["PackFolder"]


class PackFolder:
    """A `PackFiles` on the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes | None:
        """A file's bytes, as many as a document may have and one more; None where nothing is."""
        try:
            # A pipe would be waited for; anything else than a file is refused below.
            handle = os.open(self.root / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            if (self.root / path).is_symlink():
                raise OSError(f"{self.root / path} is a link that leads nowhere") from None
            return None
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(f"{self.root / path} is no regular file")
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read(SIZE_LIMIT + 1)
        finally:
            os.close(handle)

    def folders(self, path: str) -> Sequence[str]:
        """The names of the folders in a folder, sorted, hidden ones left out; empty where none is."""
        try:
            with os.scandir(self.root / path) as entries:
                return sorted(entry.name for entry in entries if _is_folder(entry))
        except (FileNotFoundError, NotADirectoryError):
            return []


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """A link that leads in a circle is none, and costs no other."""
    try:
        return entry.is_dir() and not entry.name.startswith(".")
    except OSError:
        return False
