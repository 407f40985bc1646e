"""Updates whose matrices are zero while something beside them is not: a bias, or magnitudes unlike the base's own.

Such a layer changes, so it is not zero as a whole, and yet what the adapter learnt of its weight is gone: from the
first step of training on no product is zero. What tools leave behind for layers that they do not know is found in
`filled` and `leftovers` first.
"""

import math
from collections.abc import Collection, Sequence

import numpy as np

from kilnmark.keymaps.errors import shorten
from kilnmark.keymaps.updates.change import Summand
from kilnmark.keymaps.updates.kind import Made
from kilnmark.keymaps.updates.update import AnyUpdate, WeightUpdate

__all__ = ["lost_matrices"]

_CLOSE = 1e-3
"""A bias is all of a change's norm within this part of it, or the product surely has a share in it."""
_COLUMNS = 256


def lost_matrices(made: Sequence[Made], filled: Collection[str]) -> str:
    """What was lost, as a sentence without full stop; empty where nothing was.

    Args:
        made: The modules that are applied.
        filled: Layers whose rows a converter filled with zeros, by its own word.
    """
    hollow = [
        update.target for each in made for update in each.updates if update.target not in filled and _is_hollow(update)
    ]
    if not hollow:
        return ""
    layers = "1 layer are" if len(hollow) == 1 else f"{len(hollow)} layers are"
    return (
        f"the matrices of {layers} zero beside biases or magnitudes that are not, first {shorten(hollow[0])}: "
        "what was trained of those weights was lost"
    )


def _is_hollow(update: AnyUpdate) -> bool:
    if update.norm == 0.0:
        return update.rests
    if update.bias is None or update.norm is None:
        return False
    bias = float(np.linalg.norm(update.bias.astype(np.float64)))
    if not math.isclose(bias, update.norm, rel_tol=_CLOSE):
        return False
    if isinstance(update, WeightUpdate):
        return not _is_something(update.product(np.ones(1)))
    # What else a change of the base's own numbers comes to has a norm only where it is nothing.
    return any(array is not update.bias for array in update.arrays())


def _is_something(product: Summand) -> bool:
    if (pair := product.pair) is not None:
        return bool(pair.up.any() and pair.down.any())
    height, width = product.shape
    step = -(-_COLUMNS // product.step) * product.step
    for begin in range(0, width, step):
        end = min(begin + step, width)
        own = np.zeros((height, end - begin), np.float32)
        if product.columns(own, begin, end).any():
            return True
    return False
