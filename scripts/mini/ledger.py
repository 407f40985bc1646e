"""What the training has cost so far: CPU seconds by stage, kept in a file, lost work included."""

import time
from pathlib import Path

import msgspec

__all__ = ["Ledger"]

EVERY = 5.0
"""Seconds of CPU between two entries; as much may be missing of a process that was killed."""


class Ledger:
    """Counts the CPU time of this process, all threads of it, on top of what earlier ones wrote down."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._spent: dict[str, float] = msgspec.json.decode(path.read_bytes()) if path.exists() else {}
        self._last = time.process_time()
        self._written = self._last

    def tick(self, stage: str, *, now: bool = False) -> None:
        """Put what was spent since the last tick on a stage's account, and write it down now and then."""
        moment = time.process_time()
        self._spent[stage] = self._spent.get(stage, 0.0) + moment - self._last
        self._last = moment
        if now or moment - self._written > EVERY:
            self._written = moment
            draft = self._path.with_suffix(".draft")
            draft.write_bytes(msgspec.json.format(msgspec.json.encode(self._spent)))
            draft.replace(self._path)

    def seconds(self, stage: str | None = None) -> float:
        """CPU seconds of one stage, or of all."""
        return self._spent.get(stage, 0.0) if stage else sum(self._spent.values())

    def stages(self) -> dict[str, float]:
        """CPU seconds by stage, in the order in which they began."""
        return dict(self._spent)
