"""The two clocks of a daemon, given to whoever tells the time, so that tests can move them.

A duration is the difference of two readings of the monotonic clock, which is never set. A moment that is written down,
or told to somebody, is the wall clock's, which outlives the process. Timers belong to the event loop.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Clock"]


@dataclass(frozen=True)
class Clock:
    """Both clocks, in seconds.

    Attributes:
        monotonic: Since some moment that means nothing; it only goes forward.
        wall: Since 1970, UTC; somebody may set it.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
