"""Inner products of what adapters change on one base, layer by layer; each pair of contents is multiplied once.

Products of low-rank updates are never formed: what is multiplied are matrices of their ranks, in float32, and where
that could decide whether some of a stack undo each other, once more in float64. Nothing is judged here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from kilnmark.engine.stack.slots import Slot
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.updates.change import LayerChange, Summand
from kilnmark.keymaps.updates.kinds.lora import LowRank

__all__ = ["REMEMBERED_PAIRS", "LayerProducts", "Measured", "Overlaps"]

REMEMBERED_PAIRS = 4096
"""Pairs of contents whose products are kept, at 9 KB each where both change every layer of FLUX.1."""

NEARLY_SINGULAR = 1e-4
"""Times their number: least eigenvalue of several changes' cosines on a layer from which nobody can undo anybody.

Norms a_i of which e of the squares is left have at least e/n of (sum a_i)^2 left: 1e-2 of the sum, where what decides
is 1e-3. Float32 moves an eigenvalue by 1e-6, so none that matters is missed.
"""

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]


class Measured(NamedTuple):
    """An adapter at scale 1.

    Attributes:
        adapter: Itself.
        places: Of the layers of its updates, in the order of all layers.
        norms: Of what each of them changes.
    """

    adapter: Adapter
    places: Places
    norms: Numbers


class LayerProducts(NamedTuple):
    """Inner products of what n adapters change, on every layer that one of them changes.

    Attributes:
        places: Of the layers, ascending.
        products: `(layers, n, n)`, squared norms on the diagonal.
    """

    places: Places
    products: Numbers

    @property
    def total(self) -> Numbers:
        """Over all layers: `(n, n)`."""
        total: Numbers = self.products.sum(axis=0)
        return total

    def of(self, members: Sequence[int]) -> "LayerProducts":
        """Of some of the adapters alone, on the layers that these change."""
        products = self.products[:, members][:, :, members]
        changed = np.diagonal(products, axis1=1, axis2=2).any(axis=1)
        return LayerProducts(self.places[changed], products[changed])


@dataclass(slots=True)
class _Shared:
    """What two adapters have in common: on which layers, the products, and which of those are of float64."""

    places: Places
    products: Numbers
    is_exact: NDArray[np.bool_]


_Pair = tuple[int, int]


class Overlaps:
    """Inner products on one base.

    Attributes:
        computed: Products of two changes on a layer that were multiplied so far.
    """

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self._slots = list(slots.values())
        self._known: LRUCache[tuple[str, str], _Shared] = LRUCache(REMEMBERED_PAIRS)
        self.computed = 0

    def of(self, measured: Sequence[Measured]) -> LayerProducts:
        """Of adapters at scale 1, whose contents are all different."""
        pairs = list(combinations(range(len(measured)), 2))
        missing = [pair for pair in pairs if _key(measured, pair) not in self._known]
        found = self._multiplied(measured, missing)
        shared = {pair: found[pair] if pair in found else self._known[_key(measured, pair)] for pair in pairs}
        layers = _assembled(measured, shared)
        if self._refine(measured, shared, layers.places[_is_nearly_singular(layers.products)]):
            layers = _assembled(measured, shared)
        for pair in missing:
            self._known[_key(measured, pair)] = shared[pair]
        return layers

    def _multiplied(self, measured: Sequence[Measured], pairs: Sequence[_Pair]) -> dict[_Pair, _Shared]:
        wanted = [(pair, _in_both(measured, pair)) for pair in pairs]
        products = self._inner(measured, wanted, wide=False)
        return {pair: _Shared(places, products[pair], np.zeros(len(places), dtype=bool)) for pair, places in wanted}

    def _refine(self, measured: Sequence[Measured], shared: Mapping[_Pair, _Shared], doubtful: Places) -> bool:
        """Multiply in float64 what is not yet, on these layers; whether there was anything."""
        unsure = {pair: np.isin(each.places, doubtful) & ~each.is_exact for pair, each in shared.items()}
        wanted = [(pair, shared[pair].places[mask]) for pair, mask in unsure.items() if mask.any()]
        for pair, products in self._inner(measured, wanted, wide=True).items():
            shared[pair].products[unsure[pair]] = products
            shared[pair].is_exact[unsure[pair]] = True
        return bool(wanted)

    def _inner(
        self, measured: Sequence[Measured], wanted: Sequence[tuple[_Pair, Places]], *, wide: bool
    ) -> dict[_Pair, Numbers]:
        """Of pairs on places, a layer at a time, so that its factors stay in the processor's cache for all pairs."""
        on_layer: dict[int, list[tuple[_Pair, int]]] = defaultdict(list)
        for pair, places in wanted:
            for at, place in enumerate(places.tolist()):
                on_layer[place].append((pair, at))
        updates = [dict(zip(one.places.tolist(), one.adapter.updates, strict=True)) for one in measured]
        products = {pair: np.zeros(len(places)) for pair, places in wanted}
        for place, them in on_layer.items():
            numbers = self._slots[place].numbers
            members = {one for pair, _ in them for one in pair}
            changes = {one: updates[one][place].change_on(numbers) for one in members}
            if wide:
                changes = {one: _widened(change) for one, change in changes.items()}
            for (one, other), at in them:
                products[one, other][at] = changes[one].inner(changes[other], numbers)
            self.computed += len(them)
        return products


def _key(measured: Sequence[Measured], pair: _Pair) -> tuple[str, str]:
    one, other = sorted(measured[place].adapter.sha256 for place in pair)
    return one, other


def _in_both(measured: Sequence[Measured], pair: _Pair) -> Places:
    one, other = (measured[place].places for place in pair)
    return np.intersect1d(one, other, assume_unique=True)


def _assembled(measured: Sequence[Measured], shared: Mapping[_Pair, _Shared]) -> LayerProducts:
    places = np.unique(np.concatenate([each.places for each in measured]))
    products = np.zeros((len(places), len(measured), len(measured)))
    for one, each in enumerate(measured):
        products[np.searchsorted(places, each.places), one, one] = each.norms**2
    for (one, other), both in shared.items():
        at = np.searchsorted(places, both.places)
        products[at, one, other] = products[at, other, one] = both.products
    return LayerProducts(places, products)


def _is_nearly_singular(products: Numbers) -> NDArray[np.bool_]:
    """`(layers,)`: where some combination of the changes could leave next to nothing."""
    count = products.shape[1]
    if count < 2:  # noqa: PLR2004 - nobody is beside it
        return np.zeros(len(products), dtype=bool)
    lengths = np.sqrt(np.diagonal(products, axis1=1, axis2=2))
    safe = np.where(lengths > 0, lengths, 1.0)
    cosines = products / (safe[:, :, None] * safe[:, None, :])
    cosines[:, range(count), range(count)] = 1.0
    least = np.linalg.eigvalsh(cosines)[:, 0]
    return np.asarray(least < count * NEARLY_SINGULAR)


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
