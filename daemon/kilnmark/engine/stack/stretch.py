"""What an update does that depends on the base's own numbers: rows that DoRA's magnitudes stretch, scales that others
replace, and how large these changes are.

A row of W + sBA, of squared norm |W|^2 + 2 <W, sBA> + |sBA|^2, is made as long as its magnitude says. Nothing the size
of W is formed for a pair on a factored base, and no sum W + sBA for any; of other products, some rows at a time.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary, ref

import numpy as np
from mlx import nn

from kilnmark.engine.stack.exact import PerRow, dots, on_host, row_squares, some_rows, times
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.update import HadamardUpdate, KroneckerUpdate, NormUpdate, Update, WeightUpdate

__all__ = ["CHUNK", "Stretch", "change_of_scales", "factor_rows", "product_rows", "product_times", "stretch_of"]

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
    down, up = update.down, update.up * update.multiplier
    base, cross = row_squares(linear), dots(times(linear, down.T), up)
    added = dots(up @ (down @ down.T), up)
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
        whole = own + np.float32(update.multiplier) * product_rows(update, begin, end)
        stretched = _factors(magnitude[begin:end], np.sqrt(dots(whole, whole)))
        change = whole * stretched[:, None] - own
        factors.append(stretched)
        squares.append(dots(change, change))
    return _stretch(np.concatenate(factors), np.concatenate(squares))


def _factors(magnitude: Matrix, norms: PerRow) -> PerRow:
    with np.errstate(over="ignore"):
        return np.divide(magnitude, norms, out=np.ones_like(norms), where=norms > 0)


def _stretch(factors: PerRow, squares: PerRow) -> Stretch:
    if np.abs(factors).max() > np.finfo(np.float32).max:
        return Stretch(np.ones(len(factors), np.float32), float("inf"))
    return Stretch(factors.astype(np.float32), float(np.sqrt(max(squares.sum(), 0.0))))


def product_rows(update: HadamardUpdate | KroneckerUpdate, begin: int, end: int) -> Matrix:
    """Rows of an update's product without its multiplier, `(end - begin, in)`."""
    if isinstance(update, HadamardUpdate):
        (up_1, down_1), (up_2, down_2) = update.first, update.second
        return np.asarray((up_1[begin:end] @ down_1) * (up_2[begin:end] @ down_2))
    outer, inner = factor_rows(update, begin, end)
    return (outer[:, :, None] * inner[:, None, :]).reshape(end - begin, -1)


def product_times(update: HadamardUpdate | KroneckerUpdate, matrix: Matrix) -> Matrix:
    """An update's product without its multiplier times `matrix` `(in, n)`, never formed: `(out, n)`."""
    if isinstance(update, HadamardUpdate):
        (up_1, down_1), (up_2, down_2) = update.first, update.second
        parts = (up_1[:, [at]] * (up_2 @ (down_2 @ (row[:, None] * matrix))) for at, row in enumerate(down_1))
        return np.asarray(sum(parts))
    thin = matrix.T.reshape(matrix.shape[1], update.first.shape[1], -1)
    for factor in reversed(update.second):
        thin = thin @ factor.T
    whole = (update.first @ thin).reshape(matrix.shape[1], -1)
    return np.concatenate([whole[:, begin:end] for begin, end in update.ranges], axis=1).T


def factor_rows(update: KroneckerUpdate, begin: int, end: int) -> tuple[Matrix, Matrix]:
    """The rows of both factors, `(rows, c)` and `(rows, d)`, that each row of the product is one of."""
    rows = np.concatenate([np.arange(*each) for each in update.ranges])[begin:end]
    height = len(update.second[0])
    inner = update.second[0][rows % height]
    for matrix in update.second[1:]:
        inner = inner @ matrix
    return update.first[rows // height], inner


def change_of_scales(norm: nn.Module, update: NormUpdate) -> PerRow:
    """What an update at scale 1 adds to the scales of the base's own norm, `(width,)`, in float64."""
    scales = update.scales.astype(np.float64)
    return scales - on_host(norm.weight).astype(np.float64) if update.replaces else scales
