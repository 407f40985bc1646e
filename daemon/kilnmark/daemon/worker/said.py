"""What a worker process wrote to its standard error: the last lines, and the first that told of a failure.

Everything is shown as characters, whatever bytes it was, and bounded, however much comes. Where the bytes come from is
`process`' part, what is made of them `worker`'s.
"""

import re
from collections import deque
from collections.abc import Callable

from kilnmark.protocol.printable import printable
from kilnmark.protocol.wire.status import WorkerWords

__all__ = ["LINES", "LINE_BYTES", "WorkerSaid"]

LINES = 200
"""The last lines that are kept."""

LINE_BYTES = 1000
"""Of a line; what is longer is told in pieces."""

_FAILURE = re.compile(
    rb"error|exception|traceback|fatal|panic|terminate|abort|assert|segmentation|cannot|could not|unable|failed|"
    rb"out of memory|critical",
    re.IGNORECASE,
)
"""What a line says that tells of a failure, in the words of Python, the C++ library, glibc, MLX, CUDA and Metal."""


class WorkerSaid:
    """The words of one worker process.

    Args:
        on_line: Called with each line as it comes.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""
        self._lines: deque[str] = deque(maxlen=LINES)
        self._count = 0
        self._failure: str | None = None

    def take(self, data: bytes) -> None:
        """More of it came."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._keep(line)
        while len(self._rest) > LINE_BYTES:
            self._keep_piece(self._rest[:LINE_BYTES])
            self._rest = self._rest[LINE_BYTES:]

    def end(self) -> None:
        """Nothing more comes: what has no newline is a line, too."""
        if self._rest:
            self._keep(self._rest)
            self._rest = b""

    def all_is_well(self) -> None:
        """It has done what it was asked for, so what failed until now is not what it will die of."""
        self._failure = None

    @property
    def words(self) -> WorkerWords:
        """Its last lines, and the first of a failure, which is one of them or stood before them."""
        before = self._count - len(self._lines)
        return WorkerWords(lines=list(self._lines), lines_before=before, first_failure=self._failure)

    def _keep(self, line: bytes) -> None:
        for start in range(0, max(1, len(line)), LINE_BYTES):
            self._keep_piece(line[start : start + LINE_BYTES])

    def _keep_piece(self, piece: bytes) -> None:
        text = _shown(piece)
        if self._failure is None and _FAILURE.search(piece):
            self._failure = text
        self._count += 1
        self._lines.append(text)
        self._on_line(text)


def _shown(line: bytes) -> str:
    """A line as characters that do nothing to a terminal."""
    return printable(line.decode(errors="backslashreplace"))
