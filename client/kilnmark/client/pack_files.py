"""The folder of packs, and documents beside it, as the command line reads them."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from kilnmark.protocol.content.marked_yaml import SIZE_LIMIT

__all__ = ["PackFolder", "document_bytes"]


class PackFolder:
    """A `PackFiles` on the disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes | None:
        """A file's bytes, as many as a document may have and one more; None where nothing is."""
        try:
            return document_bytes(self.root / path, SIZE_LIMIT)
        except (FileNotFoundError, NotADirectoryError):
            if (self.root / path).is_symlink():
                raise OSError(f"{self.root / path} is a link that leads nowhere") from None
            return None

    def folders(self, path: str) -> Sequence[str]:
        """The names of the folders in a folder, sorted, hidden ones left out; empty where none is."""
        try:
            with os.scandir(self.root / path) as entries:
                return sorted(entry.name for entry in entries if _is_folder(entry))
        except (FileNotFoundError, NotADirectoryError):
            return []


def document_bytes(path: Path, limit: int, *, waits: bool = False) -> bytes:
    """A document's bytes, as many as it may have and one more.

    Args:
        path: Where it lies; no device is read.
        limit: How many it may have.
        waits: A pipe is waited for, since somebody named it; otherwise it is refused.

    Raises:
        OSError: It cannot be read, or is neither a regular file nor such a pipe.
    """
    handle = os.open(path, os.O_RDONLY | (0 if waits else os.O_NONBLOCK) | os.O_CLOEXEC)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode) and not (waits and stat.S_ISFIFO(mode)):
            raise OSError(f"{path} is no regular file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(limit + 1)
    finally:
        os.close(handle)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """A link that leads in a circle is none, and costs no other."""
    try:
        return entry.is_dir() and not entry.name.startswith(".")
    except OSError:
        return False
