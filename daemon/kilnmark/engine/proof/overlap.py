"""How far two adapters push a base the same way: the inner product of what they change, over all layers they share.

With it the norm of a whole stack is that of a small quadratic form, so that a stack whose adapters undo each other is
found before anything is painted, also where they come from different files. How two changes of one layer are multiplied
is their own business.
"""

import math
from collections.abc import Mapping

from kilnmark.engine.stack.slots import Slot
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.updates.update import AnyUpdate

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
            self._known[key] = math.fsum(_inner(self._slots[mine.target], mine, his) for mine, his in shared)
        return self._known[key]


def _inner(slot: Slot, one: AnyUpdate, other: AnyUpdate) -> float:
    """On one layer."""
    return one.change_on(slot.numbers).inner(other.change_on(slot.numbers), slot.numbers)
