"""What a stack does to a base, in numbers: what every adapter changes, and how far each pushes the way of another.

All of it is computed from norms and inner products, hardly ever multiplying a pair of matrices out, before a denoise
step is run. What the products say of a stack is `beside`'s part, and nothing is judged here.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from kilnmark.engine.proof.beside import StackLayer, rows_of_groups
from kilnmark.engine.proof.doubts import Figures
from kilnmark.engine.proof.measured import Measured
from kilnmark.engine.proof.survival import quantized_survival
from kilnmark.engine.proof.thresholds import LOST_RATIO, OVERWHELMING_RATIO
from kilnmark.engine.proof.weighing import LayerProducts, Weighing
from kilnmark.engine.stack.exact import square_norm
from kilnmark.engine.stack.member import Member, MemberKey
from kilnmark.engine.stack.slots import Slot
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.engagement import evidence
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.proportion import loudest_of
from kilnmark.protocol.picture.evidence import Evidence

__all__ = ["Effect"]

REMEMBERED = 10_000
"""Adapters at a scale of which is kept how much survives the base's own rounding."""

REMEMBERED_STACKS = 16
"""Stacks whose products are kept, at 250 KB each for eight adapters on every layer of FLUX.1: a render asks twice."""


class _Changes(NamedTuple):
    """What one adapter changes at scale 1, as Frobenius norms.

    Attributes:
        places: Of each update's layer, in the order of all layers.
        norms: Of each of its updates.
        weights: Of the weight of each one's layer.
        same: The targets whose own numbers it only repeats.
    """

    places: NDArray[np.intp]
    norms: NDArray[np.float64]
    weights: NDArray[np.float64]
    same: tuple[str, ...]

    @property
    def norm(self) -> float:
        """Of all its updates together."""
        return math.hypot(*self.norms)


class Effect:
    """Measures adapters against one base. The base's norms are computed once, target by target, as asked for.

    Args:
        slots: The base's layers.
        group_of: The title of the group of layers that a target is of; empty for none.

    Attributes:
        slots: The layers in the order in which they are told of: by name, blocks by number.
        weighing: What stacks are weighed by.
    """

    def __init__(self, slots: Mapping[str, Slot], group_of: Callable[[str], str] = lambda _: "") -> None:
        self.slots = {target: slots[target] for target in sorted(slots, key=_by_blocks)}
        self._group_of = group_of
        self._targets = list(self.slots)
        self._layers: dict[int, StackLayer] = {}
        self._places = {target: place for place, target in enumerate(self._targets)}
        self._weights: dict[str, float] = {}
        self._changes: dict[str, _Changes] = {}
        self._survivals: LRUCache[MemberKey, float | None] = LRUCache(REMEMBERED)
        self.weighing = Weighing(self.slots)
        self._weighed: LRUCache[tuple[MemberKey, ...], LayerProducts] = LRUCache(REMEMBERED_STACKS)

    def measure(self, member: Member) -> Evidence:
        """What is found out about one adapter at its scale, on this base and by itself.

        Raises:
            UnfitAdapter: Its magnitudes cannot be applied to this base.
        """
        adapter = member.adapter
        change = self._change(adapter)
        norms = np.abs(_scales(member)) * change.norms
        lost = norms < LOST_RATIO * change.weights
        return evidence(
            adapter,
            member.on_layers or member.scale,
            vanished=[update.target for update, is_lost in zip(adapter.updates, lost, strict=True) if is_lost],
            same=change.same,
            delta_ratio=self.delta_ratio(member),
            loudest=loudest_of([update.target for update in adapter.updates], list(norms), list(change.weights)),
            quantized_survival=self._survival(member),
        )

    def delta_ratio(self, member: Member) -> float:
        """Frobenius norm of scale x delta over that of the base weights, over the adapter's targets; 0 without any.

        Those that it is put on at scale 0 beside others do not count.

        What is added to a bias counts as one more column of the weight.
        """
        change = self._change(member.adapter)
        base = math.hypot(*change.weights)
        if member.silent:
            pairs = zip(member.scales, change.weights, strict=True)
            base = math.hypot(*(weight for scale, weight in pairs if scale))
        norm = abs(member.scale) * change.norm
        if member.on_layers is not None:
            norm = math.hypot(*(_scales(member) * change.norms))
        return norm / base if base else 0.0

    def stack_ratio(self, members: Sequence[Member]) -> float:
        """The same for what all of them change together, over all their targets; 0 without any."""
        base = self._base_norm(members)
        square = float(self.products(members).total.sum()) if members else 0.0
        return math.sqrt(max(square, 0.0)) / base if base else 0.0

    def sketch(self, adapter: Adapter) -> None:
        """Make what others are compared with it by, so that a stack of it costs no time later. Where that takes as long
        as to multiply two of its kind, it is made when it first meets another.
        """
        if all(update.is_light for update in adapter.updates):
            self.weighing.sketches.of(self.measured(adapter))

    def products(self, members: Sequence[Member]) -> LayerProducts:
        """Inner products of what the members, at least one, change at their scales, layer by layer.

        They are estimates, wherever nothing but a figure depends on them, and good enough for that.
        """
        key = tuple(member.key for member in members)
        if (known := self._weighed.get(key)) is not None:
            return known
        found = self.weighing.products(
            [self.measured(member.adapter) for member in members],
            [_scales(member) for member in members],
            lambda places: self._figures(members, places),
        )
        self._weighed[key] = found
        return found

    def _figures(self, members: Sequence[Member], places: NDArray[np.intp]) -> Figures:
        layers = self.layers(places)
        weights = np.array([layer.weight for layer in layers])
        return Figures(
            files=[member.adapter.sha256 for member in members],
            floor=LOST_RATIO * weights,
            groups=list(rows_of_groups(layers).values()) if len(members) > 1 else [],
            edges=[(OVERWHELMING_RATIO * self._base_norm(members)) ** 2],
        )

    def _base_norm(self, members: Sequence[Member]) -> float:
        """Of the weights of all that the members change."""
        targets = set[str]().union(
            *({update.target for update in member.adapter.updates} - member.silent for member in members)
        )
        return math.hypot(*map(self._weight, sorted(targets)))

    def layers(self, places: NDArray[np.intp]) -> list[StackLayer]:
        """What is known of layers of this base.

        Args:
            places: Theirs in the order of all layers: by name, blocks by number.
        """
        return [self._layer(int(place)) for place in places]

    def _layer(self, place: int) -> StackLayer:
        if place not in self._layers:
            target = self._targets[place]
            self._layers[place] = StackLayer(target, self._group_of(target), self._weight(target))
        return self._layers[place]

    def measured(self, adapter: Adapter) -> Measured:
        """What it changes at scale 1. Raises as `measure` does."""
        change = self._change(adapter)
        return Measured(adapter, change.places, change.norms)

    def _survival(self, member: Member) -> float | None:
        key = member.key
        if key not in self._survivals:
            self._survivals[key] = quantized_survival(member, self._change(member.adapter).norms, self.slots)
        return self._survivals[key]

    def _change(self, adapter: Adapter) -> _Changes:
        """What an adapter changes at scale 1; magnitudes and whole scales of norms are measured on the base."""
        if (known := self._changes.get(adapter.sha256)) is not None:
            return known
        norms = np.array([update.norm_on(self.slots[update.target].numbers) for update in adapter.updates])
        weights = np.array([self._weight(update.target) for update in adapter.updates])
        pairs = zip(adapter.updates, norms, strict=True)
        same = tuple(update.target for update, norm in pairs if update.norm is None and not norm)
        places = np.array([self._places[update.target] for update in adapter.updates], dtype=np.intp)
        change = _Changes(places, norms, weights, same)
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
            self._weights[target] = math.sqrt(square_norm(self.slots[target].linear))
        return self._weights[target]


def _scales(member: Member) -> NDArray[np.float64]:
    """Of each of its updates, or one for all."""
    return np.array([member.scale] if member.on_layers is None else member.on_layers.scales)


def _by_blocks(target: str) -> list[tuple[int, str]]:
    """The order in which layers are told of: by name, and blocks by number."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in target.split(".")]
