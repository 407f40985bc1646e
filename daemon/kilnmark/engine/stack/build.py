"""The wrappers of one stack, built beside the base: what every adapter adds on every target, joined.

Nothing is put on a base here, and nothing that the base holds is written to.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import mlx.core as mx
import numpy as np

from kilnmark.engine.stack.layers import StackedLinear, StackedNorm, Term
from kilnmark.engine.stack.slots import Slot
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.names.shapes import is_norm
from kilnmark.keymaps.updates.change import LayerChange, Pair, PerRow
from kilnmark.keymaps.updates.fused import Matrix

__all__ = ["Member", "Wrapper", "Wrappers", "build_wrappers"]


class Member(NamedTuple):
    """One adapter of a stack at one scale."""

    adapter: Adapter
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
    changes: dict[str, list[LayerChange]] = defaultdict(list)
    for member in members:
        for update in member.adapter.updates:
            numbers = slots[update.target].numbers
            changes[update.target].append(update.change_on(numbers, member.scale))
    wrappers = {path: _wrap(slots[path], on_layer, (alike or {}).get(path)) for path, on_layer in changes.items()}
    mx.eval([wrapper.added() for wrapper in wrappers.values()])
    return wrappers


def _wrap(slot: Slot, changes: Sequence[LayerChange], alike: Wrapper | None) -> Wrapper:
    for change in changes:
        _check_fit(slot, change)
    return _wrapped_norm(slot, changes) if is_norm(slot.shape) else _wrapped_linear(slot, changes, alike)


def _check_fit(slot: Slot, change: LayerChange) -> None:
    height = slot.shape[0]
    if is_norm(slot.shape):
        if change.scales is None or change.scales.shape != (height,):
            raise ValueError(f"{slot.path} is a norm of {height} scales; this update does not fit it")
        return
    for part in change.parts:
        if any(has not in (0, needs) for has, needs in zip(part.shape, slot.shape, strict=True)):
            raise ValueError(f"{slot.path} is {slot.shape}; an update of {part.shape} does not fit it")
    if change.scales is not None or (change.bias is not None and change.bias.shape != (height,)):
        raise ValueError(f"{slot.path} is {slot.shape}; this update does not fit it")


def _wrapped_norm(slot: Slot, changes: Sequence[LayerChange]) -> StackedNorm:
    """Each adapter's change is that of the base's own scales, also where a stack has several on the norm."""
    total = sum((change.scales for change in changes if change.scales is not None), np.zeros(slot.shape[0]))
    return StackedNorm(slot.linear, mx.array(total.astype(np.float32)))


def _wrapped_linear(slot: Slot, changes: Sequence[LayerChange], alike: Wrapper | None) -> StackedLinear:
    """Parts that are a pair are joined, and so are those that only multiply rows; every other one is a term."""
    pairs: list[Pair] = []
    gains: list[PerRow] = []
    terms: list[Term] = []
    for part in (part for change in changes for part in change.parts):
        if (pair := part.pair) is not None:
            pairs.append(pair)
        elif (gain := part.gain) is not None:
            gains.append(gain)
        else:
            terms.append(Term(part))
    pair_arrays = _joined(slot, pairs, alike) if pairs else None
    biases = [change.bias for change in changes if change.bias is not None]
    return StackedLinear(slot.linear, pair_arrays, terms, _summed(gains), _summed(biases))


def _summed(rows: Sequence[PerRow]) -> mx.array | None:
    return mx.array(np.sum(rows, axis=0).astype(np.float32)) if rows else None


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
