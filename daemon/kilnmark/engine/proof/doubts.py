"""Which inner products of a stack an estimate is not good enough for: nobody is accused on one, nobody is missed for
one, and no figure that is told is further off than `imprecise` allows.

A sketch of a sum is the sum of sketches, as long as the sum to within a small factor. So those that nearly undo each
other do so in their sketches too, and are found there; whether they do is decided by exact products. Nothing is
multiplied here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilnmark.engine.proof.cancelling import cancelling_groups, single_norms
from kilnmark.engine.proof.estimates import Estimate
from kilnmark.engine.proof.measured import Numbers
from kilnmark.engine.proof.thresholds import CANCELLING_SHARE, DROWNED_SHARE

__all__ = ["ERRORS", "Figures", "StackEstimate", "convicted", "convicted_as_a_whole", "may_drown", "nearly_undone"]

ERRORS = 4.0
"""Standard errors that are held against a bound: an estimate is further off once in 16,000 times."""

NEARLY_SINGULAR = 1e-4
"""Times their number: least eigenvalue of several sketches' products on a layer, over those of the norms, from which
nobody can undo anybody.

Norms a_i of which e of the squares is left have at least e/n of (sum a_i)^2 left: 1e-2 of the sum, where what decides
is 1e-3. A sketch of such a rest would have to be ten times as long as the rest for it to be missed.
"""

PART_OF_IT = 1e-7
"""Share in the vectors of such eigenvalues, from which one has a part in it: 3e-4 of the others' norms, a third of what
can decide."""

BAND = 2.0
"""Factor that the sketch of a sum may be longer or shorter by."""

Cells = NDArray[np.bool_]
"""`(layers, n, n)`: some of the products of a stack."""


class StackEstimate(NamedTuple):
    """Products of n adapters at the scales of a stack, some of them estimated.

    Attributes:
        products: `(layers, n, n)`.
        deviations: `(views, layers, n, n)`: as those of `Estimate`, of products; 0 where they are exact.
        is_exact: `(layers, n, n)`: which are no estimates.
        is_wide: `(layers, n, n)`: which of these are of float64.
    """

    products: Numbers
    deviations: Numbers
    is_exact: Cells
    is_wide: Cells


class Figures(NamedTuple):
    """What is told of a stack.

    Attributes:
        files: The content of each adapter, in stack order.
        floor: `(layers,)`: who changes no more than this on a layer has no part in anything there.
        groups: Rows of the layers of each group that shares are told of.
        edges: Squared norms of what the stack changes as a whole at which more is told than a figure.
    """

    files: Sequence[str]
    floor: Numbers
    groups: Sequence[Sequence[int]]
    edges: Sequence[float] = ()


def nearly_undone(estimate: Estimate) -> Cells:
    """Products of those that may undo each other, at whatever scales; of all, where a sketch is not to be gone by."""
    count = estimate.cosines.shape[1]
    unknown = np.isnan(estimate.stretches)
    stretches = np.where(unknown, 1.0, estimate.stretches)
    lengths = estimate.cosines * stretches[:, :, None] * stretches[:, None, :]
    part = np.zeros_like(unknown)
    for row in np.flatnonzero(np.linalg.eigvalsh(lengths)[:, 0] < count * NEARLY_SINGULAR):
        values, vectors = np.linalg.eigh(lengths[row])
        part[row] = (vectors[:, values < count * NEARLY_SINGULAR] ** 2).sum(axis=1) > PART_OF_IT
    part |= unknown.any(axis=1, keepdims=True)
    return np.asarray(part[:, :, None] & part[:, None, :])


def convicted(stack: StackEstimate, figures: Figures, rows: NDArray[np.intp]) -> Cells:
    """Products of groups that add up to nothing on a layer, which those of float64 alone may say of them.

    Args:
        stack: As far as it is known.
        figures: What is told of it.
        rows: Layers on which anything is exact. On others all are estimates of one kind, and nobody nearly undoes
            anybody; some of both kinds could seem to.
    """
    cells = np.zeros_like(stack.is_exact)
    if not len(rows):
        return cells
    for group in cancelling_groups(figures.files, stack.products[rows], CANCELLING_SHARE, figures.floor[rows]):
        _mark(cells, rows[group.layers], group.members)
    return cells & ~stack.is_wide


def convicted_as_a_whole(stack: StackEstimate, figures: Figures) -> Cells:
    """The same over all layers, where products of float32 decide."""
    cells = np.zeros_like(stack.is_exact)
    for group in cancelling_groups(figures.files, stack.products.sum(axis=0)[None], CANCELLING_SHARE):
        _mark(cells, np.arange(len(cells)), group.members)
    return cells & ~stack.is_exact


def may_drown(stack: StackEstimate, figures: Figures) -> Cells:
    """Products of the others, on layers where one may or may not be drowned by them, if that decides what is told."""
    single = single_norms(stack.products)
    live = single > figures.floor[:, None]
    whole, along = stack.products.sum(axis=(1, 2)), stack.products.sum(axis=2)
    rest = whole[:, None] - 2 * along + single**2
    error = ERRORS * _rest_errors(stack.deviations)
    limit = (single / DROWNED_SHARE) ** 2
    surely = live & (limit < rest / BAND**2 - error)
    maybe = live & ~surely & (limit < rest * BAND**2 + error)
    cells = np.zeros_like(stack.is_exact)
    for place in np.flatnonzero(2 * (surely | maybe).sum(axis=0) > live.sum(axis=0)).tolist():
        others = [other for other in range(single.shape[1]) if other != place]
        _mark(cells, np.flatnonzero(maybe[:, place]), others)
    return cells & ~stack.is_exact


def _mark(cells: Cells, rows: NDArray[np.intp], members: Sequence[int]) -> None:
    """All products among these members, on these layers."""
    some = np.array(members, dtype=np.intp)
    cells[np.ix_(rows, some, some)] = True


def _rest_errors(deviations: Numbers) -> Numbers:
    """`(layers, n)`: of the squared norm of what all but one change."""
    rest = deviations.sum(axis=(2, 3))[:, :, None] - 2 * deviations.sum(axis=3)
    return np.asarray(np.sqrt((rest**2).sum(axis=0)))
