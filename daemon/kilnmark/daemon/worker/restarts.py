"""How long to wait before a worker is started again, and when so many were lost that the daemon counts as degraded.

It is never given up: pauses grow, and one that gets ready ends it all. Nothing is started here; `worker` asks.
"""

from datetime import UTC, datetime

from kilnmark.daemon.clock import Clock
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.status import DegradedInfo

__all__ = ["DEATHS_WHILE_WARMING", "FIRST_DEGRADED_DELAY", "FIRST_DELAY", "Restarts", "utc"]

FIRST_DELAY = 0.2
"""Seconds before a lost worker is started again; doubled each time until one is ready."""

FIRST_DEGRADED_DELAY = 5.0
"""The same once the daemon is degraded."""

DEATHS_WHILE_WARMING = 5
"""Workers lost in a row before any was ready, after which the daemon is degraded."""


class Restarts:
    """The tries since a worker was ready.

    Attributes:
        unheld: Why the base cannot be held; None where that is not why there is no worker.
    """

    def __init__(self, clock: Clock) -> None:
        self.unheld: str | None = None
        self._clock = clock
        self._deaths = 0
        self._since: float | None = None
        self._reason = ""
        self._tries = 0
        self._next: float | None = None

    @property
    def is_degraded(self) -> bool:
        """So many were lost, or the base could not be held."""
        return self._since is not None

    @property
    def info(self) -> DegradedInfo | None:
        """Since when and why, as `status` shows it; None where all is well."""
        if self._since is None:
            return None
        wait = None if self._next is None else round(max(0.0, self._next - self._clock.monotonic()), 1)
        return DegradedInfo(since=utc(self._since), reason=self._reason, tries=self._tries, next_try_s=wait)

    def ready(self) -> None:
        """One is ready: all is forgotten."""
        self.unheld, self._deaths, self._since, self._tries, self._next = None, 0, None, 0, None

    def lost(self, reason: str) -> None:
        """One was lost before it was ready, or the one that had been."""
        self._deaths += 1
        self.unheld = None
        if self.is_degraded or self._deaths >= DEATHS_WHILE_WARMING:
            self._degrade(f"{self._deaths} workers in a row were lost while warming; {reason}")

    def not_held(self, problem: str) -> None:
        """One could not hold its base, which the next would not either as things are."""
        self.unheld = problem
        self._degrade(problem)

    def pause(self, settings: Settings) -> float:
        """Seconds before the next one."""
        if self.is_degraded:
            seconds = min(FIRST_DEGRADED_DELAY * 2.0 ** min(self._tries - 1, 30), settings.degraded_delay_max)
        else:
            seconds = min(FIRST_DELAY * 2.0 ** (max(self._deaths, 1) - 1), settings.restart_delay_max)
        self._next = self._clock.monotonic() + seconds
        return seconds

    def begun(self) -> None:
        """The pause is over."""
        self._next = None

    def _degrade(self, reason: str) -> None:
        if self._since is None:
            self._since = self._clock.wall()
        self._reason = reason
        self._tries += 1


def utc(moment: float) -> str:
    """A moment of the wall clock, UTC, ISO 8601."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
