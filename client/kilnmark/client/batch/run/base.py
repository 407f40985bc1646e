"""What a base would make of a picture now, as far as that decides whether one that is there is still the one.

Only the comparison lives here; which pictures are there, and what is made of that, is for `ledger` and `run`.
"""

from dataclasses import dataclass

from kilnmark.protocol.picture.numerics import Numerics
from kilnmark.protocol.wire.memory import BaseInfo

__all__ = ["UNKNOWN", "BaseNow"]


@dataclass(frozen=True)
class BaseNow:
    """The base that a daemon paints on now.

    Attributes:
        fingerprint: Of its weights; empty where it is not held, so that nothing is known of it.
        numerics: What it computes in.
    """

    fingerprint: str
    numerics: Numerics = "exact"

    @staticmethod
    def of(base: BaseInfo) -> "BaseNow":
        """One that is held."""
        return BaseNow(base.fingerprint, base.numerics)

    def made(self, fingerprint: str, numerics: Numerics) -> bool:
        """Whether a picture of these weights, in these numerics, is one of its own; of an unknown base any is."""
        return self == UNKNOWN or self == BaseNow(fingerprint, numerics)


UNKNOWN = BaseNow("")
"""One that is not held."""
