"""What every adapter of a stack comes to beside the others: undone, drowned, or a share of what all of them paint.

All of it is arithmetic with inner products, layer by layer; what becomes of it is the judge's business.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilnmark.engine.proof.cancelling import cancelling_groups, single_norms
from kilnmark.engine.proof.thresholds import CANCELLING_SHARE, DROWNED_SHARE, LOST_RATIO
from kilnmark.protocol.picture.beside import SHOWN_LAYERS, Cancellation, LayersBeside

__all__ = ["Beside", "StackLayer", "Weighed", "cancellations", "rows_of_groups", "weigh"]

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Weighed(NamedTuple):
    """One adapter of a stack, which changes something by itself.

    Attributes:
        file: The content hash of its file.
        by_blocks: It has scales of its own on some layers.
    """

    file: str
    name: str
    scale: float
    by_blocks: bool = False


class StackLayer(NamedTuple):
    """A layer that a stack changes.

    Attributes:
        target: Its module path.
        group: The title of the group of layers that it is of; empty for none.
        weight: The norm of the base's own weight there.
    """

    target: str
    group: str
    weight: float


class Beside(NamedTuple):
    """What one adapter comes to; each as `Evidence` has it. The defaults are those of one that is not applied."""

    undone: LayersBeside = LayersBeside()
    drowned: LayersBeside = LayersBeside()
    effective_share: float | None = None
    stack_share: float | None = None
    group_shares: Mapping[str, float] = MappingProxyType({})


def cancellations(stack: Sequence[Weighed], total: Numbers) -> list[Cancellation | None]:
    """The group that each adapter adds up to nothing with, over all layers; None for those that are in none.

    Args:
        stack: In stack order.
        total: `(n, n)`: inner products of what they change at their scales.
    """
    accused: dict[int, Cancellation] = {}
    groups = cancelling_groups([each.file for each in stack], total[None], CANCELLING_SHARE) if stack else []
    for group in groups:
        for place in group.members:
            accused.setdefault(place, _described([stack[member] for member in group.members]))
    return [accused.get(place) for place in range(len(stack))]


def weigh(stack: Sequence[Weighed], layers: Sequence[StackLayer], products: Numbers) -> list[Beside]:
    """Of every adapter of a stack that adds up to something.

    Args:
        stack: In stack order; none comes to nothing.
        layers: Those that one of them changes, in the order in which they are told of.
        products: `(layers, n, n)`: inner products of what they change at their scales, with themselves on the diagonal.
    """
    if not stack:
        return []
    single = single_norms(products)
    weights = np.array([layer.weight for layer in layers])
    live: Mask = single > LOST_RATIO * weights[:, None]
    undone = _undone(stack, layers, products, live)
    drowned = _drowned(stack, layers, products, live)
    along, squares = products.sum(axis=2), np.diagonal(products, axis1=1, axis2=2).sum(axis=0)
    groups = rows_of_groups(layers) if len(stack) > 1 else {}
    return [
        Beside(
            undone=undone[place],
            drowned=drowned[place],
            effective_share=float(along[:, place].sum() / squares[place]),
            stack_share=_share(along, single, place),
            group_shares={
                title: share
                for title, rows in groups.items()
                if single[rows, place].any() and (share := _share(along[rows], single[rows], place)) is not None
            },
        )
        for place in range(len(stack))
    ]


def _share(along: Numbers, single: Numbers, place: int) -> float | None:
    """Of one adapter in what the stack changes on some layers; None where that is next to nothing.

    Args:
        along: `(layers, n)`: inner products of what each changes with what the stack does.
        single: `(layers, n)`: norms.
    """
    square, norms = along.sum(), np.sqrt((single**2).sum(axis=0))
    if square <= (CANCELLING_SHARE * norms.sum()) ** 2:
        return None
    return float(along[:, place].sum() / square)


def _undone(
    stack: Sequence[Weighed], layers: Sequence[StackLayer], products: Numbers, live: Mask
) -> list[LayersBeside]:
    floor = LOST_RATIO * np.array([layer.weight for layer in layers])
    undone, by = np.zeros_like(live), np.zeros((len(stack), len(stack)), dtype=bool)
    for group in cancelling_groups([each.file for each in stack], products, CANCELLING_SHARE, floor):
        for member in group.members:
            mine = group.layers & live[:, member]
            undone[:, member] |= mine
            if mine.any():
                by[member, [other for other in group.members if other != member]] = True
    return [
        _told(
            layers,
            undone[:, place],
            live[:, place],
            [stack[other].name for other in np.flatnonzero(by[place]).tolist()],
        )
        for place in range(len(stack))
    ]


def _drowned(
    stack: Sequence[Weighed], layers: Sequence[StackLayer], products: Numbers, live: Mask
) -> list[LayersBeside]:
    """On layers where the others together change so much more; told where that is most of an adapter's layers."""
    single = single_norms(products)
    whole, along = products.sum(axis=(1, 2)), products.sum(axis=2)
    rest = np.sqrt(np.maximum(whole[:, None] - 2 * along + single**2, 0.0))
    drowned: Mask = live & (single < DROWNED_SHARE * rest)
    told = []
    for place in range(len(stack)):
        mine = drowned[:, place]
        loudest = int(np.argmax((single[mine] ** 2).sum(axis=0)))
        most = 2 * mine.sum() > live[:, place].sum()
        told.append(_told(layers, mine, live[:, place], [stack[loudest].name]) if most else LayersBeside())
    return told


def _told(layers: Sequence[StackLayer], mine: Mask, live: Mask, names: Sequence[str]) -> LayersBeside:
    if not mine.any():
        return LayersBeside()
    titles = {title: rows for title, rows in rows_of_groups(layers).items() if live[rows].any()}
    return LayersBeside(
        count=int(mine.sum()),
        first=tuple(layers[row].target for row in np.flatnonzero(mine)[:SHOWN_LAYERS]),
        groups=tuple(title for title, rows in titles.items() if mine[rows][live[rows]].all()),
        names=tuple(dict.fromkeys(names)),
    )


def rows_of_groups(layers: Sequence[StackLayer]) -> dict[str, list[int]]:
    """By title, the places among these layers of those of each group."""
    found: dict[str, list[int]] = {}
    for row, layer in enumerate(layers):
        if layer.group:
            found.setdefault(layer.group, []).append(row)
    return found


def _described(members: Sequence[Weighed]) -> Cancellation:
    return Cancellation(
        names=tuple(member.name for member in members),
        scales=tuple(member.scale for member in members),
        one_file=len({member.file for member in members}) == 1,
        by_blocks=any(member.by_blocks for member in members),
    )
