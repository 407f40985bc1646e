"""Cosines between what adapters change, layer by layer, estimated from their sketches; each pair of contents once.

How wrong an estimate may be is told by how far the views of a sketch disagree. What must not rest on an estimate is
said in `doubts`.
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from kilnmark.engine.proof.measured import Measured, Numbers, Places
from kilnmark.engine.proof.sketches import VIEWS, Sketch, Sketches

__all__ = ["Estimate", "Estimates"]

REMEMBERED_PAIRS = 2048
"""Pairs of contents whose products are kept, at 16 KB each where both change every layer of FLUX.1."""

FAITHFUL = 2.0
"""A sketch that is longer or shorter than its change by more than this factor is not gone by: nearly none is."""

_AT_ONCE = 16
"""Layers of all sketches that are read together, so that they stay in the processor's cache for all pairs."""

_Pair = tuple[int, int]
_Pairing = tuple[str, str]


class Estimate(NamedTuple):
    """What n contents have to do with each other, on every layer that one of them changes.

    Attributes:
        places: `(layers,)`, ascending.
        norms: `(layers, n)`: of what each changes at scale 1.
        cosines: `(layers, n, n)`; 1 on the diagonal.
        deviations: `(views, layers, n, n)`: by how much each view disagrees with a cosine. The sum of their squares is
            its variance; errors of different layers are independent of each other.
        stretches: `(layers, n)`: how much longer each sketch is than its change; NaN for one that is not to be gone by.
    """

    places: Places
    norms: Numbers
    cosines: Numbers
    deviations: NDArray[np.float32]
    stretches: Numbers


class Estimates:
    """On one base."""

    def __init__(self, sketches: Sketches) -> None:
        self._sketches = sketches
        self._kept: LRUCache[_Pairing, NDArray[np.float32]] = LRUCache(REMEMBERED_PAIRS)

    def of(self, measured: Sequence[Measured]) -> Estimate:
        """Of contents that are all different; no sketch is made of one alone."""
        places = np.unique(np.concatenate([each.places for each in measured]))
        rows = [np.searchsorted(places, np.sort(each.places)) for each in measured]
        norms = np.zeros((len(places), len(measured)))
        for one, each in enumerate(measured):
            norms[rows[one], one] = each.norms[np.argsort(each.places)]
        if len(measured) == 1:
            ones = np.ones((len(places), 1, 1))
            return Estimate(places, norms, ones, np.zeros((1, *ones.shape), np.float32), np.ones_like(norms))
        sketches = [self._sketches.of(each) for each in measured]
        counts = np.full(len(places), VIEWS)
        for one, sketch in enumerate(sketches):
            counts[rows[one]] = np.minimum(counts[rows[one]], sketch.counts)
        return _estimate(places, norms, counts, self._products(measured, sketches, rows, len(places)))

    def _products(
        self, measured: Sequence[Measured], sketches: Sequence[Sketch], rows: Sequence[Places], layers: int
    ) -> NDArray[np.float32]:
        """`(views, layers, n, n)`: inner products of the sketches, in norms."""
        whole = np.zeros((VIEWS, layers, len(measured), len(measured)), dtype=np.float32)
        pairs = list(combinations_with_replacement(range(len(measured)), 2))
        missing = [pair for pair in pairs if _key(measured, pair) not in self._kept]
        found = _multiplied(sketches, rows, missing, layers) if missing else {}
        for pair in pairs:
            one, other = pair
            on = np.intersect1d(rows[one], rows[other], assume_unique=True)
            shared = found[pair][on] if pair in found else self._kept[_key(measured, pair)]
            whole[:, on, one, other] = whole[:, on, other, one] = shared.T
            self._kept[_key(measured, pair)] = shared
        return whole


def _key(measured: Sequence[Measured], pair: _Pair) -> _Pairing:
    one, other = sorted(measured[place].adapter.sha256 for place in pair)
    return one, other


def _multiplied(
    sketches: Sequence[Sketch], rows: Sequence[Places], pairs: Sequence[_Pair], layers: int
) -> dict[_Pair, NDArray[np.float32]]:
    """Of each pair on all layers: `(layers, views)`, zeros where not both change one."""
    found = {pair: np.zeros((layers, VIEWS), dtype=np.float32) for pair in pairs}
    members = {one for pair in pairs for one in pair}
    for begin in range(0, layers, _AT_ONCE):
        end = min(begin + _AT_ONCE, layers)
        blocks = {one: _block(sketches[one], rows[one], begin, end) for one in members}
        for (one, other), products in found.items():
            np.vecdot(blocks[one], blocks[other], out=products[begin:end])
    return found


def _block(sketch: Sketch, rows: Places, begin: int, end: int) -> NDArray[np.float32]:
    """Views on these layers of all, zeros where there are none."""
    first, last = np.searchsorted(rows, (begin, end))
    if last - first == end - begin:
        return sketch.views[first:last]
    block = np.zeros((end - begin, *sketch.views.shape[1:]), dtype=np.float32)
    block[rows[first:last] - begin] = sketch.views[first:last]
    return block


def _estimate(places: Places, norms: Numbers, counts: NDArray[np.intp], products: NDArray[np.float32]) -> Estimate:
    """From as many views on each layer as all who change it have.

    Cosines are ratios, by the lengths of the sketches: a view that is too long for all is no error of them.
    """
    products[np.arange(VIEWS)[:, None] >= counts] = 0.0
    means = products.sum(axis=0, dtype=np.float64) / counts[:, None, None]
    stretches = np.sqrt(np.diagonal(means, axis1=1, axis2=2))
    lengths = np.where((stretches > 1 / FAITHFUL) & (stretches < FAITHFUL), stretches, np.nan)
    lengths[norms == 0] = 1.0
    scaled = np.where(np.isnan(lengths), 1.0, lengths)
    scales = scaled[:, :, None] * scaled[:, None, :]
    cosines = means / scales
    products /= (scales * np.sqrt(counts * (counts - 1.0))[:, None, None]).astype(np.float32)
    own = np.diagonal(products, axis1=2, axis2=3)
    products -= (cosines / 2).astype(np.float32) * (own[..., :, None] + own[..., None, :])
    cosines[:, range(norms.shape[1]), range(norms.shape[1])] = 1.0
    return Estimate(places, norms, cosines, products, lengths)
