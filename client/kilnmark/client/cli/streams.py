"""The standard streams of the command line: what cannot be written to stdout is told, what cannot to stderr is not.

A descriptor that is closed at the start would be the number of the next socket that is opened. The daemon has streams
of its own, which wait for nobody; nothing here knows what is written.
"""

import errno
import io
import logging
import os
import sys
from typing import TYPE_CHECKING, TextIO

from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.printable import OneLineFormatter

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["OutputLost", "prepare_streams"]


class OutputLost(KilnmarkError):
    """What was to be shown cannot be written to stdout.

    Args:
        error: Why not.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error)
        self.error = error

    @property
    def is_unread(self) -> bool:
        """Its reader went away, as `head` does: nobody wants to hear of it."""
        return self.error.errno == errno.EPIPE

    def __str__(self) -> str:
        reason = "it is closed" if self.error.errno == errno.EBADF else self.error.strerror
        return f"the result cannot be written to stdout: {reason}"


class _Output(io.FileIO):
    """Stdout: a write that fails is told once, and whatever comes after it is dropped."""

    _is_lost = False

    def write(self, data: "ReadableBuffer", /) -> int:
        if not self._is_lost:
            try:
                return super().write(data)
            except OSError as error:
                self._is_lost = True
                raise OutputLost(error) from error
        return memoryview(data).nbytes


class _Aside(io.FileIO):
    """Stderr: no work is given up because nobody hears what is said beside it."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def prepare_streams() -> None:
    """Open what is closed, and take over stdout and stderr, unless somebody in this process has done so before.

    What libraries warn of goes to stderr, too, a line each.
    """
    _open_closed()
    if logging.lastResort is not None:  # what libraries warn of has words of others in it, such as a collector's
        logging.lastResort.setFormatter(OneLineFormatter())
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Output(1, "w", closefd=False), sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Aside(2, "w", closefd=False), sys.stderr)


def _open_closed() -> None:
    """`/dev/null` for each that is closed; for stdout one that nothing can be written to."""
    for number, way in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, way)  # it gets the lowest number that is free: this one
            os.set_inheritable(number, True)  # noqa: FBT003 - its one argument


def _text(raw: io.FileIO, former: TextIO | None) -> io.TextIOWrapper:
    """In the encoding of the one before; what that has no letter for is spelled out.

    Args:
        raw: What is written to.
        former: None: it was closed.
    """
    encoding = None if former is None else former.encoding
    by_line = raw.isatty() or isinstance(raw, _Aside)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=by_line)
