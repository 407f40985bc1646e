"""Which adapters of a stack undo each other on a layer, from the inner products of what they change there.

Nothing is measured here. A group is looked for among ever more files, layer by layer, and what a smaller group has
accused is left out of a larger one: no neighbour is accused with it, and none hides it.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["EVERY_SIZE_UP_TO", "Group", "cancelling_groups", "single_norms"]

EVERY_SIZE_UP_TO = 10
"""Files among which groups of every size are looked for, a thousand at the most; of more, pairs, threes, and all."""

Products = NDArray[np.float64]
"""`(layers, n, n)`: inner products of what n adapters change, each with itself on the diagonal."""


class Group(NamedTuple):
    """Adapters that add up to nothing on some layers.

    Attributes:
        members: Their places in the stack, in stack order.
        layers: `(layers,)`: on which.
    """

    members: tuple[int, ...]
    layers: NDArray[np.bool_]


def single_norms(products: Products) -> NDArray[np.float64]:
    """What each changes by itself: `(layers, n)`."""
    return np.sqrt(np.maximum(np.diagonal(products, axis1=1, axis2=2), 0.0))


def cancelling_groups(
    files: Sequence[str], products: Products, share: float, floor: NDArray[np.float64] | None = None
) -> list[Group]:
    """Every group that adds up to nothing on some layer. Smaller ones come first.

    All adapters of one file are weighed together, then those of two files, and so on.

    Args:
        files: The content of each adapter, in stack order.
        products: At the scales of the stack.
        share: A group of which less than this share of the sum of its single norms is left adds up to nothing.
        floor: `(layers,)`: who changes no more than this on a layer has no part in it there; None stands for zeros.
    """
    places = _by_file(files)
    of_file = np.array([[float(place in file) for place in range(len(files))] for file in places])
    joint = of_file @ products @ of_file.T
    single = single_norms(products) @ of_file.T
    live = single > (0.0 if floor is None else floor[:, None])
    groups: list[Group] = []
    for some in _by_size(len(places)):
        outer = (some[:, :, None] * some[:, None, :]).reshape(len(some), -1)
        left = np.sqrt(np.maximum(joint.reshape(len(joint), -1) @ outer.T, 0.0))
        there = live @ some.T == some.sum(axis=1)
        hit = there & (left < share * (single @ some.T))
        groups += [Group(_joined(places, some[one]), hit[:, one]) for one in np.flatnonzero(hit.any(axis=0))]
        live &= (hit @ some) == 0
    return groups


def _by_file(files: Sequence[str]) -> list[list[int]]:
    found: dict[str, list[int]] = {}
    for place, file in enumerate(files):
        found.setdefault(file, []).append(place)
    return list(found.values())


def _by_size(count: int) -> Iterator[NDArray[np.float64]]:
    """Subsets of so many files, each as a row of ones and zeros, all of one size at a time."""
    for size in range(1, count + 1) if count <= EVERY_SIZE_UP_TO else (1, 2, 3, count):
        chosen = np.array(list(combinations(range(count), size)))
        some = np.zeros((len(chosen), count))
        np.put_along_axis(some, chosen, 1.0, axis=1)
        yield some


def _joined(places: Sequence[Sequence[int]], some: NDArray[np.float64]) -> tuple[int, ...]:
    return tuple(sorted(chain.from_iterable(places[file] for file in np.flatnonzero(some).tolist())))
