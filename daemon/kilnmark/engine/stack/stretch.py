"""What an update does that depends on the base's own numbers: rows that DoRA's magnitudes stretch, scales that others
replace, and how large these changes are.

A row of W + sBA, of squared norm |W|^2 + 2 <W, sBA> + |sBA|^2, is made as long as its magnitude says. Nothing the size
of W is formed for a pair on a factored base, and no sum W + sBA for any; of other products, some rows at a time.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary, ref

import mlx.core as mx
import numpy as np
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.stack.slots import row_squares, some_rows, times
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.update import HadamardUpdate, KroneckerUpdate, NormUpdate, Update, WeightUpdate

__all__ = ["CHUNK", "Stretch", "change_of_scales", "factor_rows", "product_rows", "stretch_of"]

_Wide = NDArray[np.float64]
CHUNK = 256
"""Rows that may be dense at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """One adapter's on one layer, at scale 1.

    At another scale the whole change is multiplied, as ComfyUI does (commit 14c20852, comfy/weight_adapter/base.py,
    weight_decompose); PEFT would scale BA within the norm, so that scale 0 would still rescale the base.

    Attributes:
        factors: `(out,)`: g, the magnitude of each row over the norm of the row W + sBA; 1 for a row of zeros.
        norm: Frobenius norm of the change g (W + sBA) - W; infinite where float32 cannot hold a factor.
    """

    factors: Matrix
    norm: float


_known: "WeakKeyDictionary[WeightUpdate, dict[int, tuple[ref[nn.Module], Stretch]]]" = WeakKeyDictionary()
"""By update and layer, for as long as both are held: judging an adapter and building its stack both need it."""


def stretch_of(linear: nn.Module, update: WeightUpdate) -> Stretch:
    """Measure one update with magnitudes on the base's own layer, or find it measured.

    W is always the base's, also where a stack has several adapters on the layer, as in PEFT: each adds what it would
    add alone.

    Raises:
        ValueError: The update has no magnitudes.
    """
    known = _known.setdefault(update, {})
    layer, stretch = known.get(id(linear), (None, None))
    if stretch is None or layer is None or layer() is not linear:
        stretch = _measured(linear, update)
        known[id(linear)] = ref(linear), stretch
    return stretch


def _measured(linear: nn.Module, update: WeightUpdate) -> Stretch:
    if update.magnitude is None:
        raise ValueError(f"the update of {update.target} has no magnitudes")
    if not isinstance(update, Update):
        return _by_rows(linear, update, update.magnitude)
    down, up = mx.array(update.down), mx.array(update.up) * update.multiplier
    both = times(linear, down.T) * up
    lazy = row_squares(linear), both.sum(axis=1), ((up @ (down @ down.T)) * up).sum(axis=1)
    mx.eval(lazy)
    base, cross, added = (np.array(each, dtype=np.float64) for each in lazy)
    norms = np.sqrt(np.maximum(base + 2 * cross + added, 0.0))
    factors = _factors(update.magnitude, norms)
    squares = (factors - 1) ** 2 * base + 2 * (factors - 1) * factors * cross + factors**2 * added
    return _stretch(factors, squares)


def _by_rows(linear: nn.Module, update: HadamardUpdate | KroneckerUpdate, magnitude: Matrix) -> Stretch:
    """Some rows of W and of the update in memory at a time."""
    factors, squares = [], []
    for begin in range(0, len(magnitude), CHUNK):
        end = min(begin + CHUNK, len(magnitude))
        own = some_rows(linear, begin, end)
        whole = own + update.multiplier * product_rows(update, begin, end)
        stretched = _factors(magnitude[begin:end], np.array(mx.linalg.norm(whole, axis=1), dtype=np.float64))
        change = whole * mx.array(stretched.astype(np.float32))[:, None] - own
        factors.append(stretched)
        squares.append(np.array(change.square().sum(axis=1), dtype=np.float64))
    return _stretch(np.concatenate(factors), np.concatenate(squares))


def _factors(magnitude: Matrix, norms: _Wide) -> _Wide:
    with np.errstate(over="ignore"):
        return np.divide(magnitude, norms, out=np.ones_like(norms), where=norms > 0)


def _stretch(factors: _Wide, squares: _Wide) -> Stretch:
    if np.abs(factors).max() > np.finfo(np.float32).max:
        return Stretch(np.ones(len(factors), np.float32), float("inf"))
    return Stretch(factors.astype(np.float32), float(np.sqrt(max(squares.sum(), 0.0))))


def product_rows(update: HadamardUpdate | KroneckerUpdate, begin: int, end: int) -> mx.array:
    """Rows of an update's product without its multiplier, `(end - begin, in)`, lazily."""
    if isinstance(update, HadamardUpdate):
        (up_1, down_1), (up_2, down_2) = update.first, update.second
        left = mx.array(up_1[begin:end]) @ mx.array(down_1)
        return left * (mx.array(up_2[begin:end]) @ mx.array(down_2))
    outer, inner = factor_rows(update, begin, end)
    return (outer[:, :, None] * inner[:, None, :]).reshape(end - begin, -1)


def factor_rows(update: KroneckerUpdate, begin: int, end: int) -> tuple[mx.array, mx.array]:
    """The rows of both factors, `(rows, c)` and `(rows, d)`, that each row of the product is one of, lazily."""
    rows = np.concatenate([np.arange(*each) for each in update.ranges])[begin:end]
    height = len(update.second[0])
    inner = mx.array(update.second[0][rows % height])
    for matrix in update.second[1:]:
        inner = inner @ mx.array(matrix)
    return mx.array(update.first[rows // height]), inner


def change_of_scales(norm: nn.Module, update: NormUpdate) -> _Wide:
    """What an update at scale 1 adds to the scales of the base's own norm, `(width,)`, in float64."""
    scales = update.scales.astype(np.float64)
    return scales - np.array(norm.weight.astype(mx.float32), dtype=np.float64) if update.replaces else scales
