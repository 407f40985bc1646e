"""Exact inner products of what adapters change on one base, layer by layer; each pair of contents is multiplied once.

Products of low-rank updates are never formed: what is multiplied are matrices of their ranks, in float32, and where
that could decide whether some of a stack undo each other, in float64. Which are asked for is said in `doubts`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from kilnmark.engine.proof.measured import Measured, Numbers, Places
from kilnmark.engine.stack.exact import ExactLayer
from kilnmark.engine.stack.slots import Slot
from kilnmark.keymaps.updates.change import LayerChange, Summand
from kilnmark.keymaps.updates.kinds.lora import LowRank

__all__ = ["REMEMBERED_PAIRS", "Overlaps"]

REMEMBERED_PAIRS = 4096
"""Pairs of contents whose products are kept, at 5 KB each for a base of all layers of FLUX.1."""

_Pair = tuple[int, int]


class _Kept(NamedTuple):
    """Two contents by their hashes, in the order of these, and whether their products are of float64."""

    one: str
    other: str
    wide: bool


class Overlaps:
    """On one base.

    Args:
        slots: Its layers, in the order of all layers.

    Attributes:
        computed: Products of two changes on a layer that were multiplied so far.
    """

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self._slots = list(slots.values())
        self._known: LRUCache[_Kept, Numbers] = LRUCache(REMEMBERED_PAIRS)
        self.computed = 0

    def of(self, measured: Sequence[Measured], places: Places, cells: NDArray[np.bool_], *, wide: bool) -> Numbers:
        """Some products of adapters at scale 1.

        Args:
            measured: The adapters, in the order of their contents' hashes, which are all different.
            places: `(layers,)`: in the order of all layers.
            cells: `(layers, n, n)`: which are asked for, above the diagonal, each of two that both change the layer.
            wide: In float64.

        Returns:
            `(layers, n, n)`, both above and below the diagonal; zeros where nothing was asked for.
        """
        pairs = [pair for pair in combinations(range(len(measured)), 2) if cells[:, pair[0], pair[1]].any()]
        known = {pair: self._of_pair(measured, pair, wide=wide) for pair in pairs}
        on_layer: dict[int, list[_Pair]] = defaultdict(list)
        for pair in pairs:
            for place in places[cells[:, pair[0], pair[1]]].tolist():
                if np.isnan(known[pair][place]):
                    on_layer[place].append(pair)
        self._multiply(measured, on_layer, known, wide=wide)
        found = np.zeros(cells.shape)
        for pair in pairs:
            rows = cells[:, pair[0], pair[1]]
            found[rows, pair[0], pair[1]] = found[rows, pair[1], pair[0]] = known[pair][places[rows]]
        return found

    def _of_pair(self, measured: Sequence[Measured], pair: _Pair, *, wide: bool) -> Numbers:
        """What is known of a pair, on every layer of the base; NaN where nothing is."""
        one, other = (measured[place].adapter.sha256 for place in pair)
        key = _Kept(one, other, wide)
        if key not in self._known:
            self._known[key] = np.full(len(self._slots), np.nan)
        return self._known[key]

    def _multiply(
        self,
        measured: Sequence[Measured],
        on_layer: Mapping[int, Sequence[_Pair]],
        known: Mapping[_Pair, Numbers],
        *,
        wide: bool,
    ) -> None:
        """A layer at a time, so that its factors stay in the processor's cache for all pairs."""
        updates = [dict(zip(one.places.tolist(), one.adapter.updates, strict=True)) for one in measured]
        for place, pairs in on_layer.items():
            numbers = self._slots[place].numbers
            members = {one for pair in pairs for one in pair}
            changes = {one: updates[one][place].change_on(numbers) for one in members}
            if wide:
                changes = {one: _widened(change) for one, change in changes.items()}
            for one, other in pairs:
                known[one, other][place] = _inner(changes[one], changes[other], numbers)
            self.computed += len(pairs)


def _inner(one: LayerChange, other: LayerChange, numbers: ExactLayer) -> float:
    """In float64, where float32 has no numbers for it."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = one.inner(other, numbers)
    return found if np.isfinite(found) else _widened(one).inner(_widened(other), numbers)


def _widened(change: LayerChange) -> LayerChange:
    """The same with factors of float64, so that whatever is multiplied by them is too."""
    return replace(change, parts=tuple(_wide_parts(change.parts)))


def _wide_parts(parts: Iterable[Summand]) -> Iterable[Summand]:
    for part in parts:
        if isinstance(part, LowRank):
            down, up = (np.asarray(factor, np.float64) for factor in (part.down, part.up))
            yield LowRank(down, up, part.factors)  # type: ignore[arg-type]  # the only place that has them so
        else:
            yield part
