"""What the process has to tell of itself: how long it runs, lines of its log that nobody
read, settings that it did not take.

A log that is not read tells nobody, so `status` does. What is counted happens in `streams`, `main` and `daemon`.
"""

from collections.abc import Callable, Sequence

from kilnmark.daemon.clock import Clock
from kilnmark.protocol.wire.status import ProcessInfo

__all__ = ["ProcessNotes"]


def _none_dropped() -> int:
    return 0


class ProcessNotes:
    """Of one process, from its start.

    Args:
        clock: Tells the time.
        dropped: Asked how many lines of the log were dropped so far.

    Attributes:
        clock: As it was given.
    """

    def __init__(self, clock: Clock, dropped: Callable[[], int] = _none_dropped) -> None:
        self.clock = clock
        self._dropped = dropped
        self._undelivered = _none_dropped
        self._started_at = clock.monotonic()
        self._refused = 0
        self._problem: str | None = None
        self._waiting: tuple[str, ...] = ()

    @property
    def uptime_s(self) -> float:
        """Since it was started, in seconds."""
        return round(self.clock.monotonic() - self._started_at, 3)

    @property
    def info(self) -> ProcessInfo:
        """As `status` shows it."""
        return ProcessInfo(
            dropped_lines=self._dropped(),
            dropped_telemetry=self._undelivered(),
            settings_refused=self._refused,
            settings_problem=self._problem,
            settings_waiting=list(self._waiting),
        )

    def count_drops(self, dropped: Callable[[], int]) -> None:
        """Have it asked how many spans, points and lines of telemetry nobody took so far."""
        self._undelivered = dropped

    def settings_read(self, waiting: Sequence[str]) -> None:
        """Settings were read again and taken; those that wait for a start are named."""
        self._problem, self._waiting = None, tuple(waiting)

    def settings_refused(self, problem: str) -> None:
        """Settings that were to be read again are not usable, or could not be read."""
        self._refused += 1
        self._problem = problem
