"""The three standard streams of the process: there whatever it was started with, and never waited for.

A descriptor that is closed at the start would be the number of the next file that is opened, a lock or the journal,
which the next message would then be written into. A pipe that nobody reads is full at some moment, and must not stop
the loop.
"""

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Mapping

from kilnmark.protocol.logged import JsonFormatter
from kilnmark.protocol.observed import LogFormat
from kilnmark.protocol.printable import OneLineFormatter

__all__ = ["PatientLog", "fill_streams", "formatter_for"]

WAITING_LINES = 1000
"""Lines of the log that may wait to be written; of more, the latest are dropped and counted."""

_FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_JOURNAL_FORM = "%(name)s: %(message)s"
"""The journal has the time and the level beside each line."""

_SYSLOG = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""Levels as syslog(3) numbers them, the gravest first; whatever is below is 7."""

FLUSH_TIMEOUT = 0.5
"""Seconds that the last lines may take at the end of the process."""


def fill_streams() -> None:
    """Let each of stdin, stdout and stderr that is closed be `/dev/null`, before anything else is opened."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free: this one
            os.set_inheritable(number, True)  # noqa: FBT003 - its one argument
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


def formatter_for(handle: int, env: Mapping[str, str], form: LogFormat = "text") -> logging.Formatter:
    """How lines are formed for whoever reads a descriptor; systemd's journal has the time, and its own form of levels.

    Args:
        handle: The descriptor.
        form: For people or for programs.
        env: The variables. `JOURNAL_STREAM` has device and number of what leads to the journal (systemd.exec(5)), and
            is inherited by programs whose output goes elsewhere, too.
    """
    device, _, number = env.get("JOURNAL_STREAM", "").partition(":")
    found = os.fstat(handle)
    is_journal = (device, number) == (str(found.st_dev), str(found.st_ino))
    if form == "json":
        return _JournalJson() if is_journal else JsonFormatter()
    return _JournalFormatter(_JOURNAL_FORM) if is_journal else OneLineFormatter(_FORM)


class _JournalFormatter(OneLineFormatter):
    """Lines for the journal: each begins with its level, as sd-daemon(3) has it."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(f"{_level(record)}{line}" for line in super().format(record).split("\n"))


class _JournalJson(JsonFormatter):
    """The same for programs that read the journal."""

    def format(self, record: logging.LogRecord) -> str:
        return _level(record) + super().format(record)


def _level(record: logging.LogRecord) -> str:
    return f"<{next((number for at_least, number in _SYSLOG if record.levelno >= at_least), 7)}>"


class PatientLog(logging.Handler):
    """Writes the log from a thread of its own, so that whoever logs never waits; what is too much is counted.

    Args:
        handle: The descriptor to write to.
        limit: Lines that may wait.
        formatter: Forms them; None: the message alone.
    """

    def __init__(self, handle: int, limit: int = WAITING_LINES, formatter: logging.Formatter | None = None) -> None:
        super().__init__()
        self.setFormatter(formatter or OneLineFormatter(None))
        self._handle = handle
        self._limit = limit
        self._lines: deque[bytes] = deque()
        self._dropped = self._dropped_before = 0
        self._is_idle = True
        self._changed = threading.Condition()
        threading.Thread(target=self._write_all, name="kilnmark-log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line in, if there is room."""
        try:
            line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        except Exception:  # noqa: BLE001 - as every handler does: a line that cannot be formatted stops nobody
            self.handleError(record)
            return
        with self._changed:
            if len(self._lines) >= self._limit:
                self._dropped += 1
                return
            self._lines.append(line)
            self._changed.notify_all()

    def dropped(self) -> int:
        """How many lines were dropped so far."""
        with self._changed:
            return self._dropped_before + self._dropped

    def flush(self) -> None:
        """Wait until everything is written, or `FLUSH_TIMEOUT` is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_idle and not (self._lines or self._dropped), FLUSH_TIMEOUT)

    def _write_all(self) -> None:
        while True:
            try:
                _write(self._handle, self._next())
            except OSError:  # nobody is there to read it, and nobody to be told so
                continue

    def _next(self) -> bytes:
        """The next line; after the last of those that waited, how many were dropped meanwhile."""
        with self._changed:
            self._is_idle = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: bool(self._lines or self._dropped))
            self._is_idle = False
            if self._lines:
                return self._lines.popleft()
            dropped, self._dropped = self._dropped, 0
            self._dropped_before += dropped
            return f"{dropped} lines of this log were dropped, since nobody read it\n".encode()


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
