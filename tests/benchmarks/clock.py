"""How time is taken: everything that is compared runs in turn, round by round, so that a busy machine slows all alike.

What is timed is built elsewhere; this room knows actions only.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Action", "Series", "interleaved"]


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Action:
    """Something to time.

    Attributes:
        run: What is timed; it ends when everything it started is computed.
        before: Brings about the state that `run` starts from, untimed.
    """

    run: Callable[[], object]
    before: Callable[[], object] = _nothing

    def seconds(self) -> float:
        """One go."""
        self.before()
        began = time.perf_counter()
        self.run()
        return time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class Series:
    """The milliseconds of one action, one number a round."""

    ms: tuple[float, ...]

    @property
    def median(self) -> float:
        """In milliseconds."""
        return statistics.median(self.ms)

    @property
    def rounds(self) -> int:
        """Times it ran."""
        return len(self.ms)

    def over(self, other: "Series") -> float:
        """How many times the other's: the median of the ratios that were measured in one round."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.ms, other.ms, strict=True))


def interleaved(
    actions: Mapping[str, Action], *, seconds: float, least: int = 3, most: int = 25, warm: bool = True
) -> dict[str, Series]:
    """Run every action once a round, in an order that changes from round to round.

    Args:
        actions: By name.
        seconds: No round is begun after so many, once there are enough.
        least, most: Rounds.
        warm: Run each once before, untimed.
    """
    taken: dict[str, list[float]] = {name: [] for name in actions}
    order = list(actions)
    shuffler = random.Random(len(order))
    if warm:
        for action in actions.values():
            action.seconds()
    until = time.monotonic() + seconds
    done = 0
    while done < least or (done < most and time.monotonic() < until):
        shuffler.shuffle(order)
        gc.collect()
        for name in order:
            taken[name].append(1e3 * actions[name].seconds())
        done += 1
    return {name: Series(tuple(values)) for name, values in taken.items()}
