"""Stacks on a base that is never modified: build everything beside it, then swap references, or change nothing.

A stack on the base is one wrapper a target; taking it off puts the base's own layers back, the very same objects.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import mlx.core as mx
import numpy as np

from kilnmark.engine.layers import KroneckerTerm, StackedLinear
from kilnmark.engine.slots import Slot
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.update import AnyUpdate, KroneckerUpdate, Update

__all__ = ["Member", "Stacker"]


class Member(NamedTuple):
    """One adapter of a stack at one scale."""

    adapter: Adapter
    scale: float


class _Part(NamedTuple):
    """What one member adds on one target: `factor` is scale times alpha/rank."""

    update: AnyUpdate
    factor: float


class Stacker:
    """Puts stacks on one base.

    Args:
        slots: The base's linear layers, found while no stack was on it.
    """

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self._slots = slots
        self._on: dict[str, StackedLinear] = {}
        self._key: tuple[tuple[str, float], ...] = ()

    @property
    def key(self) -> tuple[tuple[str, float], ...]:
        """Content hash and scale of every adapter now on the base, in stack order."""
        return self._key

    def switch(self, members: Sequence[Member]) -> None:
        """Put this stack on the base in place of the one that is on it; an empty one restores the base bit for bit.

        The same stack again does nothing. Whatever goes wrong while the new stack is built leaves the old one on.
        """
        key = tuple((member.adapter.sha256, member.scale) for member in members)
        if key == self._key:
            return
        wrappers = self._build(members)
        for path in self._on.keys() - wrappers.keys():
            self._slots[path].put(self._slots[path].linear)
        for path, wrapper in wrappers.items():
            self._slots[path].put(wrapper)
        self._on, self._key = wrappers, key

    def _build(self, members: Sequence[Member]) -> dict[str, StackedLinear]:
        parts: dict[str, list[_Part]] = defaultdict(list)
        for member in members:
            for update in member.adapter.updates:
                parts[update.target].append(_Part(update, member.scale * update.multiplier))
        wrappers = {path: _wrap(self._slots[path], on_target) for path, on_target in parts.items()}
        mx.eval([wrapper.added() for wrapper in wrappers.values()])
        return wrappers


def _wrap(slot: Slot, parts: Sequence[_Part]) -> StackedLinear:
    pairs = [(part.update, part.factor) for part in parts if isinstance(part.update, Update)]
    products = [(part.update, part.factor) for part in parts if isinstance(part.update, KroneckerUpdate)]
    return StackedLinear(slot.linear, _pair(slot, pairs) if pairs else None, [_term(slot, *each) for each in products])


def _pair(slot: Slot, parts: Sequence[tuple[Update, float]]) -> tuple[mx.array, mx.array]:
    down = np.concatenate([update.down for update, _ in parts])
    up = np.concatenate([update.up * np.float32(factor) for update, factor in parts], axis=1)
    if (up.shape[0], down.shape[1]) != slot.shape or up.shape[1] != down.shape[0]:
        raise ValueError(f"{slot.path} is {slot.shape}; a stack of up {up.shape} and down {down.shape} does not fit it")
    return mx.array(down), mx.array(up)


def _term(slot: Slot, update: KroneckerUpdate, factor: float) -> KroneckerTerm:
    rows = sum(end - begin for begin, end in update.ranges)
    columns = update.first.shape[1] * update.second[-1].shape[1]
    if (rows, columns) != slot.shape:
        raise ValueError(f"{slot.path} is {slot.shape}; a Kronecker product of {(rows, columns)} does not fit it")
    first = mx.array(update.first * np.float32(factor))
    return KroneckerTerm(first, [mx.array(matrix) for matrix in update.second], update.ranges)
