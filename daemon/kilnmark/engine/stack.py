"""Stacks on a base that is never modified: build everything beside it, then swap references, or change nothing.

A stack on the base is one wrapper a target; taking it off puts the base's own layers back, the very same objects.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import mlx.core as mx
import numpy as np

from kilnmark.engine.layers import StackedLinear
from kilnmark.engine.slots import Slot
from kilnmark.keymaps.adapter import Adapter, Update

__all__ = ["Member", "Stacker"]


class Member(NamedTuple):
    """One adapter of a stack at one scale."""

    adapter: Adapter
    scale: float


class _Part(NamedTuple):
    """What one member adds on one target: `factor` is scale times alpha/rank."""

    update: Update
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
        mx.eval([(wrapper.down, wrapper.up) for wrapper in wrappers.values()])
        return wrappers


def _wrap(slot: Slot, parts: Sequence[_Part]) -> StackedLinear:
    down = np.concatenate([part.update.down for part in parts])
    up = np.concatenate([part.update.up * np.float32(part.factor) for part in parts], axis=1)
    if (up.shape[0], down.shape[1]) != slot.shape or up.shape[1] != down.shape[0]:
        raise ValueError(f"{slot.path} is {slot.shape}; a stack of up {up.shape} and down {down.shape} does not fit it")
    return StackedLinear(slot.linear, mx.array(down), mx.array(up))
