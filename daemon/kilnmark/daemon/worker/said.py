"""What a worker process wrote to its standard error: the last lines, and the first that told of a failure.

Everything is shown as characters, whatever bytes it was, and bounded, however much comes. Where the bytes come from is
`process`' part, what is made of them `worker`'s.
"""

from collections import deque
from collections.abc import Callable, Iterable

from kilnmark.protocol.printable import printable
from kilnmark.protocol.wire.status import WorkerWords

__all__ = ["AT_ONCE", "LINES", "LINE_BYTES", "WorkerSaid"]

LINES = 200
"""The last lines that are kept."""

LINE_BYTES = 1000
"""Of a line; what is longer is told in pieces."""

AT_ONCE = 100
"""Of the lines that come at once, those that are told one by one: the first half and the last."""

_FAILURES = (
    b"error",
    b"exception",
    b"traceback",
    b"fatal",
    b"panic",
    b"terminate",
    b"abort",
    b"assert",
    b"segmentation",
    b"cannot",
    b"could not",
    b"unable",
    b"failed",
    b"out of memory",
    b"critical",
)
"""What a line says that tells of a failure, in the words of Python, the C++ library, glibc, MLX, CUDA and Metal."""


class WorkerSaid:
    """The words of one worker process.

    Args:
        on_line: Called with each line as it comes; of many that come at once, with `AT_ONCE` of them and
            how many more there were.

    Attributes:
        belongs: Job and trace of the render that it was given last, for the log.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self.belongs: dict[str, str] = {}
        self._rest = b""
        self._lines: deque[str] = deque(maxlen=LINES)
        self._count = 0
        self._failure: str | None = None

    def take(self, data: bytes) -> None:
        """More of it came."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        whole = len(self._rest) - len(self._rest) % LINE_BYTES if len(self._rest) > LINE_BYTES else 0
        lines, self._rest = [*lines, self._rest[:whole]] if whole else lines, self._rest[whole:]
        self._keep([piece for line in lines for piece in _pieces(line)])

    def end(self) -> None:
        """Nothing more comes: what has no newline is a line, too."""
        if self._rest:
            self._keep([self._rest])
            self._rest = b""

    def all_is_well(self) -> None:
        """It has done what it was asked for, so what failed until now is not what it will die of."""
        self._failure = None

    @property
    def words(self) -> WorkerWords:
        """Its last lines, and the first of a failure, which is one of them or stood before them."""
        before = self._count - len(self._lines)
        return WorkerWords(lines=list(self._lines), lines_before=before, first_failure=self._failure)

    def _keep(self, lines: list[bytes]) -> None:
        """Only so many of those that come at once are told: whoever floods the pipe must not hold up the loop."""
        if self._failure is None and _tells_of_failure(b"\n".join(lines)):
            self._failure = next((_shown(line) for line in lines if _tells_of_failure(line)), None)
        self._count += len(lines)
        self._lines.extend(map(_shown, lines[-LINES:]))
        if len(lines) <= AT_ONCE:
            self._tell(lines)
            return
        self._tell(lines[: AT_ONCE // 2])
        self._on_line(f"({len(lines) - AT_ONCE} lines more came at once)")
        self._tell(lines[-AT_ONCE // 2 :])

    def _tell(self, lines: list[bytes]) -> None:
        for line in lines:
            self._on_line(_shown(line))


def _tells_of_failure(text: bytes) -> bool:
    text = text.lower()
    return any(word in text for word in _FAILURES)


def _pieces(line: bytes) -> Iterable[bytes]:
    if len(line) <= LINE_BYTES:
        return (line,)
    return (line[start : start + LINE_BYTES] for start in range(0, len(line), LINE_BYTES))


def _shown(line: bytes) -> str:
    """A line as characters that do nothing to a terminal."""
    return printable(line.decode(errors="backslashreplace"))
