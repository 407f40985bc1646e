"""What an update does that depends on the base's own numbers: rows that DoRA's magnitudes stretch, scales that others
replace, and how large these changes are.

A row of W + sBA, of squared norm |W|^2 + 2 <W, sBA> + |sBA|^2, is made as long as its magnitude says. Nothing the size
of W is formed for a factored base, and no sum W + sBA for any.
"""

from dataclasses import dataclass

import mlx.core as mx
import numpy as np
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.slots import row_squares, times
from kilnmark.keymaps.fused import Matrix
from kilnmark.keymaps.update import NormUpdate, Update

__all__ = ["Stretch", "change_of_scales", "stretch_of"]


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


def stretch_of(linear: nn.Module, update: Update) -> Stretch:
    """Measure one DoRA update on the base's own layer.

    W is always the base's, also where a stack has several adapters on the layer, as in PEFT: each adds what it would
    add alone.

    Raises:
        ValueError: The update has no magnitudes.
    """
    if update.magnitude is None:
        raise ValueError(f"the update of {update.target} has no magnitudes")
    down, up = mx.array(update.down), mx.array(update.up) * update.multiplier
    both = times(linear, down.T) * up
    lazy = row_squares(linear), both.sum(axis=1), ((up @ (down @ down.T)) * up).sum(axis=1)
    mx.eval(lazy)
    base, cross, added = (np.array(each, dtype=np.float64) for each in lazy)
    norms = np.sqrt(np.maximum(base + 2 * cross + added, 0.0))
    factors = np.divide(update.magnitude, norms, out=np.ones_like(norms), where=norms > 0)
    if np.abs(factors).max() > np.finfo(np.float32).max:
        return Stretch(np.ones(len(factors), np.float32), float("inf"))
    squares = (factors - 1) ** 2 * base + 2 * (factors - 1) * factors * cross + factors**2 * added
    return Stretch(factors.astype(np.float32), float(np.sqrt(max(squares.sum(), 0.0))))


def change_of_scales(norm: nn.Module, update: NormUpdate) -> NDArray[np.float64]:
    """What an update at scale 1 adds to the scales of the base's own norm, `(width,)`, in float64."""
    scales = update.scales.astype(np.float64)
    return scales - np.array(norm.weight.astype(mx.float32), dtype=np.float64) if update.replaces else scales
