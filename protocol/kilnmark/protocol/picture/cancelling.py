"""Which adapters of a stack undo each other, from the inner products of what they change.

Nothing is measured here: the products come from whoever holds a base. A group is looked for among ever more files, and
what a smaller group has accused is left out of a larger one: no neighbour is accused with it, and none hides it.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

from kilnmark.protocol.picture.beside import Cancellation

__all__ = ["EVERY_SIZE_UP_TO", "Weighed", "cancellations"]

EVERY_SIZE_UP_TO = 10
"""Files among which groups of every size are looked for, a thousand at the most; of more, pairs, threes, and all."""

_Group = tuple[int, ...]
"""Places in the stack, in stack order."""


class Weighed(NamedTuple):
    """One adapter of a stack, which changes something by itself.

    Attributes:
        file: The content hash of its file.
    """

    file: str
    name: str
    scale: float


def cancellations(
    stack: Sequence[Weighed], products: Sequence[Sequence[float]], share: float
) -> list[Cancellation | None]:
    """What each adapter is cancelled by; None for those that are not.

    All adapters of one file are weighed first, then those of two files, and so on.

    Args:
        stack: In stack order.
        products: `(n, n)`: inner products of what they change at their scales, each with itself on the diagonal.
        share: Adapters of which less than this share of the sum of their single norms is left cancel each other.
    """
    files = _by_file(stack)
    dead = [file for file in files if len(file) > 1 and _cancels(file, products, share)]
    live = [file for file in files if file not in dead]
    groups = list(dead)
    for size in _sizes(len(live)):
        found = [some for some in combinations(live, size) if _cancels(_joined(some), products, share)]
        groups += map(_joined, found)
        live = [file for file in live if not any(file in some for some in found)]
    accused: dict[int, Cancellation] = {}
    for group in groups:
        for place in group:
            accused.setdefault(place, _described(stack, group))
    return [accused.get(place) for place in range(len(stack))]


def _sizes(files: int) -> Iterable[int]:
    return range(2, files + 1) if files <= EVERY_SIZE_UP_TO else (2, 3, files)


def _by_file(stack: Sequence[Weighed]) -> list[_Group]:
    files: dict[str, list[int]] = {}
    for place, weighed in enumerate(stack):
        files.setdefault(weighed.file, []).append(place)
    return [tuple(places) for places in files.values()]


def _joined(files: Iterable[_Group]) -> _Group:
    return tuple(sorted(place for file in files for place in file))


def _cancels(group: _Group, products: Sequence[Sequence[float]], share: float) -> bool:
    """Norm of the sum, the square root of a quadratic form of their scales, beside the sum of their norms."""
    single = sum(math.sqrt(max(products[place][place], 0.0)) for place in group)
    square = sum(products[one][other] for one in group for other in group)
    return math.sqrt(max(square, 0.0)) < share * single


def _described(stack: Sequence[Weighed], group: _Group) -> Cancellation:
    members = [stack[place] for place in group]
    return Cancellation(
        names=tuple(member.name for member in members),
        scales=tuple(member.scale for member in members),
        one_file=len({member.file for member in members}) == 1,
    )
