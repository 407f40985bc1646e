"""What a stack does to a base, in numbers: what every adapter changes, and how far each pushes the way of another.

All of it is computed from norms and inner products, hardly ever multiplying a pair of matrices out, before a denoise
step is run. Nothing is judged here.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilnmark.engine.proof.thresholds import LOST_RATIO
from kilnmark.engine.stack.exact import square_norm
from kilnmark.engine.stack.slots import Slot
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.engagement import evidence
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.updates.update import AnyUpdate
from kilnmark.protocol.picture.verdict import Evidence

__all__ = ["Effect", "Overlaps"]


class _Changes(NamedTuple):
    """What one adapter changes at scale 1, as Frobenius norms.

    Attributes:
        norms: Of each of its updates.
        weights: Of the weight of each one's layer.
        same: The targets whose own numbers it only repeats.
    """

    norms: NDArray[np.float64]
    weights: NDArray[np.float64]
    same: tuple[str, ...]

    @property
    def norm(self) -> float:
        """Of all its updates together."""
        return math.hypot(*self.norms)


class Effect:
    """Measures adapters against one base. The base's norms are computed once, target by target, as asked for."""

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self._slots = slots
        self._weights: dict[str, float] = {}
        self._changes: dict[str, _Changes] = {}
        self._overlaps = Overlaps(slots)

    def measure(self, member: Member) -> Evidence:
        """What is found out about one adapter at its scale, on this base and by itself.

        Raises:
            UnfitAdapter: Its magnitudes cannot be applied to this base.
        """
        adapter, scale = member
        change = self._change(adapter)
        lost = abs(scale) * change.norms < LOST_RATIO * change.weights
        return evidence(
            adapter,
            scale,
            vanished=[update.target for update, is_lost in zip(adapter.updates, lost, strict=True) if is_lost],
            same=change.same,
            delta_ratio=self.delta_ratio(member),
        )

    def delta_ratio(self, member: Member) -> float:
        """Frobenius norm of scale x delta over that of the base weights, over the adapter's targets; 0 without any.

        What is added to a bias counts as one more column of the weight.
        """
        change = self._change(member.adapter)
        base = math.hypot(*change.weights)
        return abs(member.scale) * change.norm / base if base else 0.0

    def stack_ratio(self, members: Sequence[Member]) -> float:
        """The same for what all of them change together, over all their targets; 0 without any."""
        targets = {update.target for member in members for update in member.adapter.updates}
        base = math.hypot(*map(self._weight, targets))
        square = sum(map(sum, self.products(members)))
        return math.sqrt(max(square, 0.0)) / base if base else 0.0

    def products(self, members: Sequence[Member]) -> list[list[float]]:
        """Inner products of what the members change at their scales: `(n, n)`, squared norms on the diagonal."""
        return [
            [one.scale * other.scale * self._product(one.adapter, other.adapter) for other in members]
            for one in members
        ]

    def _product(self, one: Adapter, other: Adapter) -> float:
        if one.sha256 == other.sha256:
            return self._change(one).norm ** 2
        return self._overlaps.product(one, other)

    def _change(self, adapter: Adapter) -> _Changes:
        """What an adapter changes at scale 1; magnitudes and whole scales of norms are measured on the base."""
        if (known := self._changes.get(adapter.sha256)) is not None:
            return known
        norms = np.array([update.norm_on(self._slots[update.target].numbers) for update in adapter.updates])
        weights = np.array([self._weight(update.target) for update in adapter.updates])
        pairs = zip(adapter.updates, norms, strict=True)
        same = tuple(update.target for update, norm in pairs if update.norm is None and not norm)
        change = _Changes(norms, weights, same)
        if not math.isfinite(change.norm):
            problem = "its magnitudes stretch rows of this base beyond the range of float32"
            raise UnfitAdapter(adapter.path, problem, "train or export the adapter again")
        self._changes[adapter.sha256] = change
        return change

    def _weight(self, target: str) -> float:
        """The norm of a layer's weight, measured one layer at a time, so that a quantized base is never held
        unpacked.
        """
        if target not in self._weights:
            self._weights[target] = math.sqrt(square_norm(self._slots[target].linear))
        return self._weights[target]


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
