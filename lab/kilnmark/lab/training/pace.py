"""How fast a training goes, and how long it still takes: told now and then, and reckoned from what was seen here."""

import time

__all__ = ["StepPace", "duration"]

_MINUTE = 60.0
_HOUR = 3600.0


class StepPace:
    """Steps against the clock.

    Args:
        steps: Of the whole training.
        seconds: From one telling to the next.
    """

    def __init__(self, steps: int, seconds: float) -> None:
        self._steps = steps
        self._seconds = seconds
        self._first: tuple[float, int] | None = None
        self._told: tuple[float, int] | None = None

    def is_due(self, step: int) -> bool:
        """Whether this step is to be told of."""
        at = time.monotonic()
        if self._first is None and step > 0:  # what is loaded before the first says nothing of the others
            self._first = at, step
        if self._told is not None and (self._told[1] == step or at - self._told[0] < self._seconds):
            return False
        self._told = at, step
        return step > 0

    def words(self, step: int) -> str:
        """The step, the seconds that one takes, and the time that is left."""
        said = f"step {step} of {self._steps}"
        if self._first is None or step <= self._first[1]:
            return said
        each = (time.monotonic() - self._first[0]) / (step - self._first[1])
        left = max(0, self._steps - step) * each
        return f"{said}, {each:.2g} s a step, {duration(left)} left"


def duration(seconds: float) -> str:
    """A time in the unit that people would use."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"
