"""The wrappers of one stack, built beside the base: what every adapter adds on every target, joined.

Nothing is put on a base here, and nothing that the base holds is written to.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import mlx.core as mx
import numpy as np

from kilnmark.engine.stack.fast import FastLinear
from kilnmark.engine.stack.layers import StackedLinear, StackedNorm, Term, compute_type
from kilnmark.engine.stack.member import Member
from kilnmark.engine.stack.pairs import StackPair, joined_pairs, side_by_side
from kilnmark.engine.stack.slots import Slot
from kilnmark.keymaps.names.shapes import is_norm
from kilnmark.keymaps.updates.change import LayerChange, Pair, PerRow, Summand

__all__ = ["Member", "SharedInputs", "Wrapper", "Wrappers", "build_wrappers"]


Wrapper = StackedLinear | FastLinear | StackedNorm
Wrappers = Mapping[str, Wrapper]
"""By target."""

SharedInputs = Sequence[Sequence[str]]
"""Paths of layers that a model gives one and the same input, group by group; no layer is in two."""


class _OnLayer(NamedTuple):
    """All that a stack changes of a linear layer, sorted by how it is computed."""

    slot: Slot
    pairs: list[Pair]
    gains: list[PerRow]
    others: list[Summand]
    biases: list[PerRow]


def build_wrappers(
    slots: Mapping[str, Slot],
    members: Sequence[Member],
    alike: Wrappers | None = None,
    shared: SharedInputs | None = None,
) -> Wrappers:
    """Build and compute a stack.

    Args:
        slots: The base's layers.
        members: In stack order.
        alike: The same adapters in the same order at other scales: their down matrices, which no scale is in, serve
            again.
        shared: Computed in the base's own precision, layers that share an input sharing one down matrix. None:
            everything is float32, each layer by itself.

    Raises:
        ValueError: An update does not fit its layer.
    """
    changes: dict[str, list[LayerChange]] = defaultdict(list)
    for member in members:
        for update, scale in zip(member.adapter.updates, member.scales, strict=True):
            numbers = slots[update.target].numbers
            changes[update.target].append(update.change_on(numbers, scale))
    for path, on_layer in changes.items():
        for change in on_layer:
            _check_fit(slots[path], change)
    norms = {path: _norm(slots[path], some) for path, some in changes.items() if is_norm(slots[path].shape)}
    linears = {path: _sorted(slots[path], some) for path, some in changes.items() if path not in norms}
    wrappers: Wrappers = {
        **norms,
        **(_exact(linears, alike or {}) if shared is None else _fast(linears, alike or {}, shared)),
    }
    mx.eval([wrapper.added() for wrapper in wrappers.values()])
    return wrappers


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


def _norm(slot: Slot, changes: Sequence[LayerChange]) -> StackedNorm:
    """Each adapter's change is that of the base's own scales, also where a stack has several on the norm."""
    total = sum((change.scales for change in changes if change.scales is not None), np.zeros(slot.shape[0]))
    return StackedNorm(slot.linear, mx.array(total.astype(np.float32)))


def _sorted(slot: Slot, changes: Sequence[LayerChange]) -> _OnLayer:
    """Parts that are a pair are joined, and so are those that only multiply rows; every other one is a term."""
    found = _OnLayer(slot, [], [], [], [change.bias for change in changes if change.bias is not None])
    for part in (part for change in changes for part in change.parts):
        if (pair := part.pair) is not None:
            found.pairs.append(pair)
        elif (gain := part.gain) is not None:
            found.gains.append(gain)
        else:
            found.others.append(part)
    for pair in found.pairs:
        _check_pair(slot, pair)
    return found


def _check_pair(slot: Slot, pair: Pair) -> None:
    if (pair.up.shape[0], pair.down.shape[1]) != slot.shape or pair.up.shape[1] != pair.down.shape[0]:
        up, down = pair.up.shape, pair.down.shape
        raise ValueError(f"{slot.path} is {slot.shape}; a pair of up {up} and down {down} does not fit it")


def _exact(linears: Mapping[str, _OnLayer], alike: Wrappers) -> dict[str, Wrapper]:
    return {path: _exact_linear(on, alike.get(path)) for path, on in linears.items()}


def _exact_linear(on: _OnLayer, alike: Wrapper | None) -> StackedLinear:
    pair = None
    if on.pairs:
        up = mx.array(side_by_side([pair.up for pair in on.pairs], axis=1))
        if isinstance(alike, StackedLinear) and "down" in alike and alike.up.shape == up.shape:
            down = alike.down
        else:
            down = mx.array(side_by_side([pair.down for pair in on.pairs], axis=0))
        pair = down, up
    return StackedLinear(
        on.slot.linear, pair, [Term(part) for part in on.others], _summed(on.gains), _summed(on.biases)
    )


def _fast(linears: Mapping[str, _OnLayer], alike: Wrappers, shared: SharedInputs) -> dict[str, Wrapper]:
    dtypes = {path: compute_type(on.slot.linear) for path, on in linears.items()}
    before = {path: one.pair for path, one in alike.items() if isinstance(one, FastLinear)}
    known = {path: one for path, one in before.items() if one is not None}
    pairs: dict[str, StackPair] = {}
    for group in _groups(shared, {path: None for path, on in linears.items() if on.pairs}):
        pairs |= joined_pairs({path: linears[path].pairs for path in group}, dtypes, known)
    return {path: _fast_linear(on, pairs.get(path), dtypes[path]) for path, on in linears.items()}


def _groups(shared: SharedInputs, paths: Collection[str]) -> list[list[str]]:
    """Those paths by the input that they share, each group in its own order; one that shares none is by itself."""
    found = [[path for path in group if path in paths] for group in shared]
    grouped = {path for group in found for path in group}
    return [group for group in found if group] + [[path] for path in paths if path not in grouped]


def _fast_linear(on: _OnLayer, pair: StackPair | None, dtype: mx.Dtype) -> FastLinear:
    terms = [Term(part, dtype) for part in on.others]
    return FastLinear(on.slot.linear, pair, terms, _summed(on.gains), _summed(on.biases))


def _summed(rows: Sequence[PerRow]) -> mx.array | None:
    return mx.array(np.sum(rows, axis=0).astype(np.float32)) if rows else None
