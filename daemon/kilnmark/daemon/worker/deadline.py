"""One deadline on the event loop: it expires unless it is put off in time.

A process that was itself stopped finds its timers due and its input unread in the same breath, so an expiry is only
believed after the input had one more chance to put it off.
"""

import asyncio
from collections.abc import Callable

__all__ = ["Deadline"]

_SECOND_LOOK = 0.1
"""Seconds between a timer being due and its expiry being believed: enough to read what already arrived."""


class Deadline:
    """Calls `on_expiry` once, when nothing has put it off for `seconds`.

    Args:
        on_expiry: Called on the loop, with the deadline disarmed.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_expiry: Callable[[], None]) -> None:
        self._loop = loop
        self._on_expiry = on_expiry
        self._seconds = 0.0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Arm it, or put it off: it is due `seconds` from now."""
        self._seconds = seconds
        self._due = self._loop.time() + seconds
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._look)
        elif self._timer.when() > self._due:
            self._timer.cancel()
            self._timer = self._loop.call_at(self._due, self._look)

    def restart(self) -> None:
        """Put it off by as long as it was armed for; nothing where it is not armed."""
        if self._timer is not None:
            self.set(self._seconds)

    def clear(self) -> None:
        """Disarm it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self._timer = self._loop.call_later(_SECOND_LOOK, self._believe, self._due)

    def _believe(self, seen: float) -> None:
        self._timer = None
        if self._due != seen:
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self._on_expiry()
