"""What the demonstration's dataset shows, in words that `mini` knows. How it is printed is `prints`' part."""

from collections.abc import Collection
from itertools import product
from random import Random
from typing import Final

__all__ = ["scenes"]

_PLACES: Final = (
    *(f"a {place}" for place in ("tower", "castle", "village", "forest", "bridge", "harbour", "cave", "windmill")),
    "ruins",
    "mountains",
)
_TIMES: Final = ("at dawn", "by day", "at dusk", "at night")
_WEATHERS: Final = ("under a clear sky", "in the rain", "in the snow", "in fog", "in a storm")


def scenes(count: int, but: Collection[str]) -> tuple[str, ...]:
    """So many different ones, mixed, and the same every time.

    Args:
        count: At most 200 less those that are left out.
        but: What no picture is to show, since the adapter is looked at with it.
    """
    every = [f"{place} {time} {weather}" for place, time, weather in product(_PLACES, _TIMES, _WEATHERS)]
    known = [scene for scene in every if scene not in but]
    return tuple(Random(3).sample(known, count))  # noqa: S311 - no secret
