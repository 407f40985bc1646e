"""The folder that pictures go to: who may read them, what a crash left there, and whether there is room for one more.

How a file is written whole is `atomic`'s part, and what stands in one is not known here.
"""

import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from kilnmark.keymaps.files.atomic import TEMPORARY, written_whole
from kilnmark.keymaps.files.roots import AnyPath

__all__ = ["SPARE", "OutputFolder", "SavedFile", "is_unspoilt", "sha256_of"]

SPARE = 16 << 20
"""Bytes that are left free beside the picture itself: its record, and what others write meanwhile."""

_LEFT_AFTER = 600.0
"""Seconds after which nobody writes at a temporary file any more: saving a picture takes less than one."""


class SavedFile(NamedTuple):
    """A file that was written: where, and the SHA-256 of its bytes in hex."""

    path: Path
    sha256: str


def sha256_of(file: BinaryIO) -> str:
    """Of everything that was written to it, in hex."""
    file.flush()
    file.seek(0)
    digest = hashlib.sha256()
    while data := file.read(1 << 20):
        digest.update(data)
    return digest.hexdigest()


def is_unspoilt(path: AnyPath, sha256: str) -> bool:
    """Whether a regular file is there with these bytes; with an empty hash, which nobody knows, whether it is there."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return False
            return not sha256 or hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


@dataclass(frozen=True)
class OutputFolder:
    """Where pictures go.

    Attributes:
        path: The folder.
        mode: Of a picture's file; whoever may read one may list the folder, if it is made here.
    """

    path: Path
    mode: int = 0o600

    def make_ready(self) -> int:
        """Make the folder where it is absent, and remove what a crash left in it; the number of those files.

        Raises:
            OSError: There can be no such folder.
        """
        self._make()
        return sum(_is_removed(entry) for entry in list(os.scandir(self.path)))

    def check_room(self, nbytes: int) -> None:
        """See whether a file of so many bytes would find room.

        Raises:
            OSError: It would not, or the folder is not there.
        """
        self._make()
        found = os.statvfs(self.path)
        free = found.f_bavail * found.f_frsize
        if free < nbytes + SPARE:
            problem = f"{free >> 20} MB are free, and {(nbytes + SPARE) >> 20} MB may be needed"
            raise OSError(errno.ENOSPC, problem, str(self.path))

    @contextmanager
    def written(self, name: str) -> Iterator[BinaryIO]:
        """Open a file, to be written and read, that is there under its name, whole, when the block has ended.

        Raises:
            OSError: It cannot be written. Nothing is left behind.
        """
        self._make()
        with written_whole(self.path / name, mode=self.mode) as file:
            yield file

    def _make(self) -> None:
        """With a search bit beside every read bit."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.is_dir():
            self.path.mkdir(mode=0o700)
            self.path.chmod(0o700 | self.mode | (self.mode & 0o444) >> 2)


def _is_removed(entry: "os.DirEntry[str]") -> bool:
    if not re.fullmatch(TEMPORARY, entry.name):
        return False
    try:
        found = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and time.time() - found.st_mtime > _LEFT_AFTER:
            os.unlink(entry.path)  # noqa: PTH108 - as it was found
            return True
    except OSError:  # somebody else removed it
        pass
    return False
