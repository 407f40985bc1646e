"""The wrappers of one stack, built beside the base: what every adapter adds on every target, joined.

Nothing is put on a base here, and nothing that the base holds is written to.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import mlx.core as mx
import numpy as np

from kilnmark.engine.stack.layers import HadamardTerm, KroneckerTerm, StackedLinear, StackedNorm
from kilnmark.engine.stack.slots import Slot
from kilnmark.engine.stack.stretch import change_of_scales, stretch_of
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.names.shapes import is_norm
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.update import (
    JOINT_RANK,
    AnyUpdate,
    HadamardUpdate,
    KroneckerUpdate,
    NormUpdate,
    Update,
    WeightUpdate,
)

__all__ = ["Member", "Pair", "Wrapper", "Wrappers", "build_wrappers", "pair_of", "term_of"]


class Member(NamedTuple):
    """One adapter of a stack at one scale."""

    adapter: Adapter
    scale: float


class _Part(NamedTuple):
    """What one member adds on one target."""

    update: AnyUpdate
    scale: float


Wrapper = StackedLinear | StackedNorm
Wrappers = Mapping[str, Wrapper]
"""By target."""


def build_wrappers(slots: Mapping[str, Slot], members: Sequence[Member], alike: Wrappers | None = None) -> Wrappers:
    """Build and compute a stack.

    Args:
        slots: The base's layers.
        members: In stack order.
        alike: The same adapters in the same order at other scales: their down matrices, which no scale is in, serve
            again.

    Raises:
        ValueError: An update does not fit its layer.
    """
    parts: dict[str, list[_Part]] = defaultdict(list)
    for member in members:
        for update in member.adapter.updates:
            parts[update.target].append(_Part(update, member.scale))
    wrappers = {path: _wrap(slots[path], on_target, (alike or {}).get(path)) for path, on_target in parts.items()}
    mx.eval([wrapper.added() for wrapper in wrappers.values()])
    return wrappers


def _wrap(slot: Slot, parts: Sequence[_Part], alike: Wrapper | None) -> Wrapper:
    return _wrapped_norm(slot, parts) if is_norm(slot.shape) else _wrapped_linear(slot, parts, alike)


def _wrapped_norm(slot: Slot, parts: Sequence[_Part]) -> StackedNorm:
    """Each adapter's change is that of the base's own scales, also where a stack has several on the norm."""
    total = np.zeros(slot.shape[0])
    for update, scale in parts:
        if not isinstance(update, NormUpdate) or update.scales.shape != total.shape:
            raise ValueError(f"{slot.path} is a norm of {len(total)} scales; this update does not fit it")
        total += scale * change_of_scales(slot.linear, update)
    return StackedNorm(slot.linear, mx.array(total.astype(np.float32)))


def _wrapped_linear(slot: Slot, parts: Sequence[_Part], alike: Wrapper | None) -> StackedLinear:
    pairs: list[Pair] = []
    terms: list[KroneckerTerm | HadamardTerm] = []
    gains: list[Matrix] = []
    for update, scale in parts:
        if not isinstance(update, WeightUpdate):
            continue
        rows = _row_factors(slot, update, scale)
        if rows.gain is not None:
            gains.append(rows.gain)
        shape = pair_of(update)
        if isinstance(shape, Pair):
            pairs.append(Pair(shape.down, shape.up * rows.factors[:, None]))
        else:
            terms.append(term_of(slot, shape, rows.factors))
    gain = mx.array(np.sum(gains, axis=0)) if gains else None
    return StackedLinear(slot.linear, _joined(slot, pairs, alike) if pairs else None, terms, gain, _bias(slot, parts))


def _bias(slot: Slot, parts: Sequence[_Part]) -> mx.array | None:
    """What all of them add to the layer's bias; None for nothing."""
    total = np.zeros(slot.shape[0])
    found = False
    for update, scale in parts:
        if isinstance(update, NormUpdate) or (update.bias is not None and update.bias.shape != total.shape):
            raise ValueError(f"{slot.path} is {slot.shape}; this update does not fit it")
        if update.bias is not None:
            total += scale * update.bias.astype(np.float64)
            found = True
    return mx.array(total.astype(np.float32)) if found else None


class _Rows(NamedTuple):
    """What the rows of an update's product are multiplied by, `(out,)` or one for all, and what DoRA adds to the base's
    own rows; None without it.
    """

    factors: Matrix
    gain: Matrix | None


def _row_factors(slot: Slot, update: WeightUpdate, scale: float) -> _Rows:
    factor = np.float32(scale * update.multiplier)
    if update.magnitude is None:
        return _Rows(np.array([factor]), None)
    stretch = stretch_of(slot.linear, update).factors
    return _Rows(factor * stretch, np.float32(scale) * (stretch - 1))


class Pair(NamedTuple):
    """Down `(rank, in)` and up `(out, rank)`."""

    down: Matrix
    up: Matrix


def pair_of(update: WeightUpdate) -> Pair | KroneckerUpdate | HadamardUpdate:
    """The pair that an update's product is, without its multiplier; the update where it is handled factor by factor.

    A Hadamard product's has rank1 * rank2: row i of the up matrix is the Kronecker product of rows i of both up
    matrices, column j of the down matrix that of columns j of both down matrices.
    """
    if isinstance(update, Update):
        return Pair(update.down, update.up)
    if isinstance(update, KroneckerUpdate) or update.rank > JOINT_RANK:
        return update
    (up_1, down_1), (up_2, down_2) = update.first, update.second
    up = (up_1[:, :, None] * up_2[:, None, :]).reshape(len(up_1), -1)
    return Pair((down_1[:, None, :] * down_2[None, :, :]).reshape(-1, down_1.shape[1]), up)


def term_of(slot: Slot, update: KroneckerUpdate | HadamardUpdate, factors: Matrix) -> KroneckerTerm | HadamardTerm:
    """What applies a product factor by factor, its rows multiplied by `factors`: `(out,)`, or one for all.

    Raises:
        ValueError: The product does not fit its layer.
    """
    if isinstance(update, KroneckerUpdate):
        return _kronecker_term(slot, update, factors)
    return _hadamard_term(slot, update, factors)


def _joined(slot: Slot, pairs: Sequence[Pair], alike: Wrapper | None) -> tuple[mx.array, mx.array]:
    up = mx.array(_side_by_side([pair.up for pair in pairs], axis=1))
    if isinstance(alike, StackedLinear) and "down" in alike:
        down = alike.down
    else:
        down = mx.array(_side_by_side([pair.down for pair in pairs], axis=0))
    if (up.shape[0], down.shape[1]) != slot.shape or up.shape[1] != down.shape[0]:
        raise ValueError(f"{slot.path} is {slot.shape}; a stack of up {up.shape} and down {down.shape} does not fit it")
    return down, up


def _side_by_side(matrices: Sequence[Matrix], axis: int) -> Matrix:
    return matrices[0] if len(matrices) == 1 else np.concatenate(matrices, axis=axis)


def _kronecker_term(slot: Slot, update: KroneckerUpdate, factors: Matrix) -> KroneckerTerm:
    rows = sum(end - begin for begin, end in update.ranges)
    columns = update.first.shape[1] * update.second[-1].shape[1]
    if (rows, columns) != slot.shape:
        raise ValueError(f"{slot.path} is {slot.shape}; a Kronecker product of {(rows, columns)} does not fit it")
    second = [mx.array(matrix) for matrix in update.second]
    if len(factors) == 1:
        return KroneckerTerm(mx.array(update.first * factors), second, update.ranges)
    return KroneckerTerm(mx.array(update.first), second, update.ranges, mx.array(factors))


def _hadamard_term(slot: Slot, update: HadamardUpdate, factors: Matrix) -> HadamardTerm:
    (up_1, down_1), (up_2, down_2) = update.first, update.second
    sizes = (len(up_1), down_1.shape[1])
    if sizes != slot.shape:
        raise ValueError(f"{slot.path} is {slot.shape}; a Hadamard product of {sizes} does not fit it")
    scaled = mx.array(up_1 * factors[:, None]), mx.array(down_1)
    return HadamardTerm(scaled, (mx.array(up_2), mx.array(down_2)))
