"""The log of a trainer read: how far it is, and the first line that failed.

A trainer's last words are seldom its first failure: what went wrong is told once, and then everything that came of it.
So the first sign counts, and of a traceback the line that it ends with.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LogReader", "first_failure", "read_text", "step_in"]

_LINE_LIMIT = 2000
_SHOWN = 300
_WHOLE = 64 << 20

_BAR = re.compile(r"(?<![\d.])(\d{1,9})/(\d{1,9}) \[")
_ITERATION = re.compile(r"\b(?:iter|iteration|step)s?[ :=#]{1,3}(\d{1,9})\b", re.IGNORECASE)
_TRACEBACK = "Traceback (most recent call last):"
_AFTER = re.compile(r"^(?:[\w.]+\.)*[A-Z]\w*(?::.*|$)")
"""The line that ends a traceback: a class, most often with what it says."""
_SIGN = re.compile(
    r"(?:^|\b)(?:\w*(?:Error|Exception)\b\s*:|error:|fatal:|ERROR\b|FATAL\b|CRITICAL\b|out of memory|"
    r"No such file or directory|command not found|Segmentation fault|Killed\b|Abort trap|Bus error|terminate called)"
)
_HARMLESS = re.compile(r"\b(?:Future|Deprecation|User|Runtime)Warning\b|^\s*(?:WARNING|INFO|DEBUG)\b")


@dataclass(frozen=True, slots=True)
class _Tail:
    """Lines that are whole, and the piece after them."""

    lines: list[str]
    rest: str


class LogReader:
    """Reads what is new in a log.

    Args:
        path: The log; it may not be there yet.
        steps: Of the whole training.
        begin: Byte to begin at.
    """

    def __init__(self, path: Path, steps: int, begin: int = 0) -> None:
        self._path = path
        self._steps = steps
        self._at = begin
        self._rest = ""
        self.step = 0

    def look(self) -> int:
        """Read on; the step that it tells of now."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                fresh = file.read(_WHOLE)
        except FileNotFoundError:
            return self.step
        self._at += len(fresh)
        tail = _cut(self._rest + fresh.decode("utf-8", "replace"))
        self._rest = tail.rest[-_LINE_LIMIT:]
        for line in [*tail.lines, self._rest]:
            self.step = max(self.step, step_in(line, self._steps) or 0)
        return self.step


def step_in(line: str, steps: int) -> int | None:
    """The step that a line tells of; None: it tells of none. A bar of something shorter is not the training's."""
    bar = _BAR.search(line[:_LINE_LIMIT])
    if bar is not None:
        step, total = int(bar[1]), int(bar[2])
        return step if step <= total and total >= steps else None
    told = _ITERATION.search(line[:_LINE_LIMIT])
    return int(told[1]) if told is not None and int(told[1]) <= steps else None


def first_failure(text: str) -> str | None:
    """The first line of a log that failed, on one line; where none says so, the last that says anything.

    Args:
        text: The log.

    Returns:
        None where there is nothing in it.
    """
    lines = list(_lines(text))
    for number, line in enumerate(lines):
        if line.startswith(_TRACEBACK):
            return _end_of_traceback(lines[number + 1 :]) or _shown(line)
        if _SIGN.search(line) and not _HARMLESS.search(line):
            return _shown(line)
    last = next((line for line in reversed(lines) if line.strip() and not _BAR.search(line)), None)
    return None if last is None else _shown(last)


def read_text(path: Path, begin: int = 0) -> str:
    """A log, as far as one reads; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(begin)
            return file.read(_WHOLE).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _end_of_traceback(lines: list[str]) -> str | None:
    return next((_shown(line) for line in lines if line[:1].strip() and _AFTER.match(line)), None)


def _lines(text: str) -> Iterator[str]:
    for line in _cut(text + "\n").lines:
        yield line[:_LINE_LIMIT]


def _cut(text: str) -> _Tail:
    """Bars begin their line again and again with a carriage return."""
    *lines, rest = re.split(r"\r\n|\n|\r", text)
    return _Tail(lines, rest)


def _shown(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "..."
