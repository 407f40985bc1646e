"""DoRA: an update with a magnitude for every row of the layer, in kohya's spelling (out, 1) and in PEFT's (out,).

Liu et al., 2024, arXiv 2402.09353; huggingface/peft, commit 0a6cd5a4, tuners/lora/dora.py; and for LoHa and
LoKr KohakuBlueleaf/LyCORIS, commit 01eed776, lycoris/modules/loha.py and lokr.py, `apply_weight_decompose`.

A row of W + sBA, of squared norm |W|^2 + 2 <W, sBA> + |sBA|^2, is made as long as its magnitude says. No sum W + sBA is
ever formed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.updates.change import LayerNumbers, PerRow, Summand
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.view import View

__all__ = ["Stretch", "magnitudes", "stretch_of"]


def magnitudes(view: View) -> Iterable[Matrix | None]:
    """The magnitudes (out,) of each target's rows, in order; None for each where the module has none.

    Raises:
        UnfitAdapter: They are not one for every row, or not finite.
    """
    if Role.MAGNITUDE not in view:
        return (None for _ in view.targets)
    shape = view.stored(Role.MAGNITUDE)
    if shape == (1, view.width):
        problem = f"holds a magnitude for each of {view.width} inputs, and only magnitudes of rows can be applied"
        raise view.refuse(Role.MAGNITUDE, problem, "train with weight decomposition on the output axis")
    if shape not in {(view.height,), (view.height, 1)}:
        problem = f"must hold a magnitude for each of {view.height} rows, but has shape {list(shape)}"
        raise view.refuse(Role.MAGNITUDE, problem)
    return view.split(view.finite(Role.MAGNITUDE).reshape(-1))


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


def stretch_of(base: LayerNumbers, product: Summand, magnitude: Matrix) -> Stretch:
    """Measure what magnitudes make of a product on a base's own layer."""
    own, cross, added = base.row_squares(), product.along(base), product.row_squares(base)
    norms: PerRow = np.sqrt(np.maximum(own + 2 * cross + added, 0.0))
    with np.errstate(over="ignore"):
        factors: PerRow = np.divide(magnitude, norms, out=np.ones_like(norms), where=norms > 0)
    if np.abs(factors).max() > np.finfo(np.float32).max:
        return Stretch(np.ones(len(factors), np.float32), float("inf"))
    squares = (factors - 1) ** 2 * own + 2 * (factors - 1) * factors * cross + factors**2 * added
    return Stretch(factors.astype(np.float32), float(np.sqrt(max(squares.sum(), 0.0))))
