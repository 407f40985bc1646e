"""The file of traces for whoever has no collector: OTLP's JSON, one line a batch, of several processes in one file.

A line is written at once and whole, so that lines of two processes never mix. A file that has grown beyond its bound is
put aside under its own name with `.1` behind it, in the place of the one before. What stands in a line is the
exporter's part (OTLP 1.9, "OTLP File Exporter").
"""

import fcntl
import io
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from kilnmark.otel.variables import TracingMisconfigured

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["TRACE_FILE_BYTES", "TraceFile", "trace_file_exporter"]

TRACE_FILE_BYTES: Final = 64 << 20
"""Size beyond which a file is put aside: some 60,000 spans."""


class TraceFile(io.TextIOBase):
    """A stream that appends whole lines to a file.

    Args:
        path: The file; made, mode 0600, where it is absent.
        limit: Bytes beyond which it is put aside.

    Raises:
        OSError: It cannot be written to.
    """

    def __init__(self, path: Path, limit: int = TRACE_FILE_BYTES) -> None:
        self._path = path
        self._limit = limit
        self._handle = self._opened()

    def writable(self) -> bool:
        """It is for nothing else."""
        return True

    def write(self, line: str, /) -> int:
        """Append one line.

        Raises:
            OSError: It could not be written.
        """
        self._turn_over()
        data = line.encode()
        if os.write(self._handle, data) < len(data):
            os.write(self._handle, b"\n")  # what is cut off must not begin the next line
            raise OSError(f"{self._path} has no room")
        return len(line)

    def close(self) -> None:
        """Let the file go."""
        if not self.closed:
            os.close(self._handle)
        super().close()

    def _opened(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _turn_over(self) -> None:
        """Go on with the file that is there now; one that is too large is put aside by whoever sees it first."""
        if self._is_there() and os.fstat(self._handle).st_size < self._limit:
            return
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        if self._is_there() and os.fstat(self._handle).st_size >= self._limit:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        os.close(self._handle)
        self._handle = self._opened()

    def _is_there(self) -> bool:
        """The file that is written to is the one of that name."""
        try:
            found, own = self._path.stat(), os.fstat(self._handle)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)


def trace_file_exporter(path: Path) -> "SpanExporter":
    """What writes spans to a file.

    Raises:
        TracingMisconfigured: It cannot be written to.
    """
    from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter

    try:
        stream = TraceFile(path)
    except OSError as error:
        expected = f"a file that can be written to ({error.strerror})"
        raise TracingMisconfigured("the file of traces", str(path), expected) from error
    return FileSpanExporter(stream=cast("IO[str]", stream))
