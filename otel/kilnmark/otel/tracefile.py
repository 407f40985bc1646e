"""A file that several processes add lines to: whole lines, one after another, and never more than its bound.

It is opened for each write and closed again, so that it may be moved or removed while it is written. What stands in
the lines is the exporters' part.
"""

import errno
import fcntl
import os
import stat
import time
from io import TextIOBase
from pathlib import Path
from typing import Final

from kilnmark.otel.variables import refuse

__all__ = ["FILE_BYTES", "TraceFile"]

FILE_BYTES: Final = 64 << 20
"""Bytes of a file until it is turned over: it becomes `FILE.1` then, in the place of an earlier one."""

_MODE: Final = 0o600

LOCK_SECONDS: Final = 1.0
"""How long another program may have a file locked until what was to be written is given up; each of ours has it for a
moment."""

_LOOK: Final = 0.01
"""Seconds between two looks at whether it is free."""


class TraceFile(TextIOBase):
    """A stream of lines, for an exporter that writes to one.

    Args:
        path: The file; its folder must be there.
        limit: In bytes, for each of two files.
    """

    def __init__(self, path: Path, limit: int = FILE_BYTES) -> None:
        super().__init__()
        self._path = path
        self._limit = limit

    @property
    def earlier(self) -> Path:
        """What it is called once it is turned over."""
        return self._path.with_name(f"{self._path.name}.1")

    def check(self) -> None:
        """Have the file there, before anything is lost for want of it.

        Raises:
            TracingMisconfigured: Nothing can be written to it.
        """
        try:
            os.close(self._locked())
        except OSError as error:
            refuse("--trace-file", str(self._path), f"a file that can be written ({error.strerror})")

    def write(self, text: str) -> int:
        """Add one line, with its newline, or nothing of it.

        Raises:
            OSError: It could not be written, as on a full disk.
        """
        line = text.encode()
        while not self._added(line):
            continue
        return len(text)

    def _added(self, line: bytes) -> bool:
        """Whether it stands there; False: the file was full and is turned over."""
        handle = self._locked()
        try:
            size = os.fstat(handle).st_size
            if size and size + len(line) > self._limit:
                self._path.replace(self.earlier)
                return False
            _add(handle, size, line)
        finally:
            os.close(handle)
        return True

    def _locked(self) -> int:
        """A handle that nobody else writes at, of the file that has the name now: another may have turned it over."""
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, _MODE)
            try:
                _check_regular(handle)
                _lock(handle)
                if _is_at(self._path, handle):
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)


def _check_regular(handle: int) -> None:
    """A pipe or a terminal cannot be turned over, and would have its writers wait."""
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        raise OSError(0, "it is no regular file")


def _lock(handle: int) -> None:
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise OSError(errno.EAGAIN, "another program has it locked") from None
            time.sleep(_LOOK)
        else:
            return


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _add(handle: int, size: int, line: bytes) -> None:
    if size and os.pread(handle, 1, size - 1) != b"\n":  # a writer was killed in the middle of its line
        line = b"\n" + line
    left = memoryview(line)
    try:
        while left:
            left = left[os.write(handle, left) :]
    except OSError:
        os.ftruncate(handle, size)
        raise
