"""At which steps a training is looked at; known to those who train and to those who judge."""

from typing import Final

__all__ = ["BREAKING", "STEPS"]

STEPS: Final = (8, 110, 150)
"""Far too early, and twice when it is learnt."""
BREAKING: Final = 20
"""More steps, at twenty times the rate."""
