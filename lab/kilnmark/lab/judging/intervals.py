"""How much a share of few tells: its interval, and whether two shares of the same cells differ.

Only arithmetic lives here.
"""

from math import comb, sqrt

import msgspec

__all__ = ["WIDE", "Interval", "sign_test", "wilson"]

_Z = 1.959963984540054
"""The normal deviate of 95 %, two-sided."""

WIDE = 0.3
"""From which width on an interval is told to be wide."""


class Interval(msgspec.Struct, frozen=True):
    """Where a share may lie.

    Attributes:
        low, high: Of 0 to 1.
    """

    low: float
    high: float

    @property
    def width(self) -> float:
        """From end to end."""
        return self.high - self.low

    @property
    def is_wide(self) -> bool:
        """Whether it tells little."""
        return self.width >= WIDE

    def meets(self, other: "Interval") -> bool:
        """Whether the two have something in common."""
        return self.low <= other.high and other.low <= self.high


def wilson(passed: int, of: int) -> Interval:
    """The interval of a share at 95 %: E. B. Wilson, Probable inference, JASA 22 (1927), without correction.

    Args:
        passed: How many did.
        of: Of how many; of none nothing is known.
    """
    if not 0 <= passed <= of:
        raise ValueError(f"{passed} of {of} is no share")
    if of == 0:
        return Interval(0.0, 1.0)
    share, z2 = passed / of, _Z * _Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    # At either end the bound is exact, which the rounding of the two terms is not.
    return Interval(0.0 if passed == 0 else middle - half, 1.0 if passed == of else middle + half)


def sign_test(better: int, worse: int) -> float:
    """How likely pairs that differ would differ at least so one-sidedly by chance: the exact sign test, two-sided.

    Args:
        better: Pairs in which the one is better.
        worse: Pairs in which the other is; equal ones count nowhere.
    """
    of, fewer = better + worse, min(better, worse)
    tail: int = sum(comb(of, k) for k in range(fewer + 1))
    return min(1.0, 2 * tail / (1 << of))
