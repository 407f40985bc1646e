"""The folder of packs on this machine's disk, as `kilnmark.protocol.packs` wants it read. Nothing is kept or judged."""

import os
from collections.abc import Sequence
from pathlib import Path

from kilnmark.protocol.marked_yaml import SIZE_LIMIT
from kilnmark.protocol.problems import Problem, UnusableContent

__all__ = ["PackFolder"]


class PackFolder:
    """A `PackFiles`.

    Args:
        root: The folder of packs.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes | None:
        """A file's bytes, up to one more than a document may have; None where there is no such file.

        Raises:
            UnusableContent: It cannot be read.
        """
        try:
            descriptor = os.open(self.root / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                return file.read(SIZE_LIMIT + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            message = f"cannot be read ({error.strerror}); let this user read it, or remove it"
            raise UnusableContent([Problem(file=path, line=0, message=message)]) from error

    def folders(self, path: str) -> Sequence[str]:
        """The names of the folders in a folder, sorted, without hidden ones; empty where there is none."""
        try:
            with os.scandir(self.root / path) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            message = f"cannot be listed ({error.strerror}); let this user read it"
            raise UnusableContent([Problem(file=path, line=0, message=message)]) from error
