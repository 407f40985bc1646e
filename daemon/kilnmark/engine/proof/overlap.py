"""How far two adapters push a base the same way: the inner product of what they change, over all layers they share.

With it the norm of a whole stack is that of a small quadratic form, so that a stack whose adapters undo each other is
found before anything is painted, also where they come from different files. Every product is exact: that of two pairs
is a sum over rank x rank matrices, a pair's with anything else one small product with its down matrix, that of two
Kronecker products split alike one of their factors. Only what has no such form is formed, some rows at a time.
"""

from collections.abc import Callable, Mapping

import numpy as np
from mlx import nn

from kilnmark.engine.stack.build import Pair, pair_of
from kilnmark.engine.stack.exact import PerRow, dots, row_squares, some_rows, times
from kilnmark.engine.stack.slots import Slot
from kilnmark.engine.stack.stretch import (
    CHUNK,
    change_of_scales,
    factor_rows,
    product_rows,
    product_times,
    stretch_of,
)
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.update import AnyUpdate, HadamardUpdate, KroneckerUpdate, NormUpdate, WeightUpdate

__all__ = ["Overlaps"]


class Overlaps:
    """Inner products of adapters at scale 1 on one base; each pair of adapters is computed once."""

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self._slots = slots
        self._known: dict[tuple[str, str], float] = {}

    def product(self, one: Adapter, other: Adapter) -> float:
        """Sum, over all layers that both change, of the elementwise products of their changes; biases included."""
        first, second = sorted((one, other), key=lambda adapter: adapter.sha256)
        key = (first.sha256, second.sha256)
        if key not in self._known:
            theirs = {update.target: update for update in second.updates}
            shared = [(update, theirs[update.target]) for update in first.updates if update.target in theirs]
            self._known[key] = sum(_inner(self._slots[mine.target], mine, his) for mine, his in shared)
        return self._known[key]


def _inner(slot: Slot, one: AnyUpdate, other: AnyUpdate) -> float:
    """On one layer."""
    if isinstance(one, NormUpdate) or isinstance(other, NormUpdate):
        mine, his = (change_of_scales(slot.linear, each) for each in (one, other) if isinstance(each, NormUpdate))
        return float(mine @ his)
    total = 0.0
    if one.bias is not None and other.bias is not None:
        total = float(np.dot(one.bias.astype(np.float64), other.bias))
    if isinstance(one, WeightUpdate) and isinstance(other, WeightUpdate):
        total += float(_weights(slot, one, other).sum())
    return total


def _weights(slot: Slot, one: WeightUpdate, other: WeightUpdate) -> PerRow:
    """Row by row, of what both do to the weight W: (g - 1) W + g P each, g being 1 without magnitudes."""
    g_1, g_2 = (_stretched(slot.linear, each) for each in (one, other))
    total = g_1 * g_2 * _products(slot, one, other)
    if one.magnitude is not None:
        total = total + (g_1 - 1) * g_2 * _with_base(slot, other)
    if other.magnitude is not None:
        total = total + (g_2 - 1) * g_1 * _with_base(slot, one)
    if one.magnitude is not None and other.magnitude is not None:
        total = total + (g_1 - 1) * (g_2 - 1) * row_squares(slot.linear)
    return np.asarray(total)


def _stretched(linear: nn.Module, update: WeightUpdate) -> PerRow:
    return np.ones(1) if update.magnitude is None else stretch_of(linear, update).factors.astype(np.float64)


def _with_base(slot: Slot, update: WeightUpdate) -> PerRow:
    """Row by row, of W and P."""
    shape = pair_of(update)
    if isinstance(shape, Pair):
        return update.multiplier * dots(times(slot.linear, shape.down.T), shape.up)
    return update.multiplier * _chunked(
        slot, lambda begin, end: dots(some_rows(slot.linear, begin, end), product_rows(shape, begin, end))
    )


def _products(slot: Slot, one: WeightUpdate, other: WeightUpdate) -> PerRow:
    """Row by row, of both P."""
    factor = one.multiplier * other.multiplier
    mine, his = pair_of(one), pair_of(other)
    if isinstance(mine, Pair):
        return factor * dots(_applied(his, mine.down), mine.up)
    if isinstance(his, Pair):
        return factor * dots(_applied(mine, his.down), his.up)
    if isinstance(mine, KroneckerUpdate) and isinstance(his, KroneckerUpdate) and _split_alike(mine, his):
        return factor * _chunked(slot, lambda begin, end: _factor_dots(mine, his, begin, end))
    return factor * _chunked(
        slot, lambda begin, end: dots(product_rows(mine, begin, end), product_rows(his, begin, end))
    )


def _applied(shape: Pair | KroneckerUpdate | HadamardUpdate, down: Matrix) -> Matrix:
    """P times the rows of a down matrix `(rank, in)`: `(out, rank)`."""
    if isinstance(shape, Pair):
        return np.asarray(shape.up @ (shape.down @ down.T))
    return product_times(shape, down.T)


def _split_alike(one: KroneckerUpdate, other: KroneckerUpdate) -> bool:
    """Their columns are, so that a product of rows is one of rows of each factor."""
    return bool(one.first.shape[1] == other.first.shape[1])


def _factor_dots(one: KroneckerUpdate, other: KroneckerUpdate, begin: int, end: int) -> PerRow:
    """Row by row, of the first factors and of the second ones, multiplied."""
    (first_1, second_1), (first_2, second_2) = (factor_rows(each, begin, end) for each in (one, other))
    return dots(first_1, first_2) * dots(second_1, second_2)


def _chunked(slot: Slot, rows: Callable[[int, int], PerRow]) -> PerRow:
    """Numbers of all rows of a layer, of which only some are in memory at a time."""
    height = slot.shape[0]
    return np.concatenate([rows(begin, min(begin + CHUNK, height)) for begin in range(0, height, CHUNK)])
