"""The two clocks of a daemon, given to whoever tells the time, so that tests can move them, and who sees them jump.

A duration is the difference of two readings of the monotonic clock, which is never set. A moment that is written down,
or told to somebody, is the wall clock's, which outlives the process. Timers belong to the event loop. None of the three
goes on in the same way while a laptop sleeps, a virtual machine is held or the process is stopped: `Vigil` tells that
something like it happened, and what it means is decided by those who hear of it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["LEAST_JUMP", "Clock", "Jump", "Vigil"]

_log = logging.getLogger(__name__)

LEAST_JUMP = 5.0
"""Seconds that have to be missing: a busy machine lets a timer wait for less."""

LOOK_INTERVAL = 1.0
"""Seconds between two looks at the clocks."""


@dataclass(frozen=True)
class Clock:
    """Both clocks, in seconds.

    Attributes:
        monotonic: Since some moment that means nothing; it only goes forward.
        wall: Since 1970, UTC; somebody may set it.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


@dataclass(frozen=True)
class Jump:
    """Time went by in which nothing could happen here, or the wall clock was set forward, which looks the same.

    Attributes:
        at: When it was noticed, by the wall clock.
        seconds: How much is missing.
    """

    at: float
    seconds: float


class Vigil:
    """Looks at the clocks every second, from `begin` to `end`.

    The monotonic clock stands still while Linux sleeps, where the wall clock goes on; it goes on while the process is
    stopped, where the loop does not look. So time is missing when a look comes too late by the monotonic clock or by
    the loop's, or when the wall clock went further than the monotonic one.

    Attributes:
        latest: The last jump; None: there was none.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        self.latest: Jump | None = None
        self._loop = loop
        self._clock = clock
        self._heard: list[Callable[[], None]] = []
        self._seen = self._now()
        self._timer: asyncio.TimerHandle | None = None

    def on_jump(self, hears: Callable[[], None]) -> None:
        """Let one more hear of each jump, on the loop and before timers that came due meanwhile are believed."""
        self._heard.append(hears)

    def begin(self) -> None:
        """Look from now on."""
        self._seen = self._now()
        self._timer = self._loop.call_later(LOOK_INTERVAL, self._look)

    def end(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        before, self._seen = self._seen, self._now()
        monotonic, wall, loop = (now - then for now, then in zip(self._seen, before, strict=True))
        missing = max(monotonic - LOOK_INTERVAL, loop - LOOK_INTERVAL, wall - monotonic)
        if missing >= LEAST_JUMP:
            self.latest = Jump(self._seen[1], missing)
            _log.warning("%.0f seconds are missing: this machine or process slept, or its clock was set", missing)
            for hears in self._heard:
                hears()
        self._timer = self._loop.call_later(LOOK_INTERVAL, self._look)

    def _now(self) -> tuple[float, float, float]:
        return self._clock.monotonic(), self._clock.wall(), self._loop.time()
