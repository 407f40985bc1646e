"""Which inner products have to be exact for every figure that is told of a stack to be as good as `TOLERANCE` says.

A figure is a weighted sum of products over some layers. Where its standard error is too large, those products are
named that make most of it. Nothing is multiplied here.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilnmark.engine.proof.doubts import ERRORS, Cells, Figures, StackEstimate
from kilnmark.engine.proof.measured import Numbers
from kilnmark.engine.proof.sketches import NUMBERS

__all__ = ["TOLERANCE", "imprecise"]

TOLERANCE = 0.02
"""What a share, or the size of a stack as a part of that size, may be wrong by: `ERRORS` standard errors."""


class _Some(NamedTuple):
    """Sums of products over the same layers, that are told or that others are divided by.

    Attributes:
        rows: Of the layers.
        weights: `(pairs, figures)`: what each product counts in each.
        allowed: `(figures,)`: what each may be wrong by.
    """

    rows: slice | Sequence[int]
    weights: Numbers
    allowed: Numbers


class _Errors(NamedTuple):
    """Of products of n adapters, pair by pair.

    Attributes:
        deviations: `(views, layers, pairs)`, as in `StackEstimate`.
        least: `(layers, pairs)`: variances by what is known of sketches, of changes that have no direction in common;
            times as much as the pair's deviations over all layers say that theirs have.
    """

    deviations: Numbers
    least: Numbers

    def too_large(self, some: _Some) -> NDArray[np.bool_]:
        """`(layers, pairs)`: those that make most of the error of a figure that is wrong by more than it may be."""
        deviations, least = self.deviations[:, some.rows], self.least[some.rows]
        found = ((deviations @ some.weights) ** 2).sum(axis=(0, 1))
        variances = np.maximum(found, (least @ some.weights**2).sum(axis=0))
        bounds = (some.allowed / ERRORS) ** 2
        cells = np.zeros(self.least.shape, dtype=bool)
        for place in np.flatnonzero(variances > bounds).tolist():
            parts = np.maximum((deviations**2).sum(axis=0), least) * some.weights[:, place] ** 2
            cells[some.rows] |= _largest(parts, float(bounds[place]) / 2)
        return cells


def _largest(parts: Numbers, enough: float) -> NDArray[np.bool_]:
    """Those without which so much would be left; all, where it is no more now, since errors then go together."""
    some = parts > 0
    if parts.sum() > enough:
        order = np.argsort(parts, axis=None)
        left = np.cumsum(parts.reshape(-1)[order])
        some.reshape(-1)[order[: np.searchsorted(left, enough)]] = False
    return some


def imprecise(stack: StackEstimate, figures: Figures) -> Cells:
    """`(layers, n, n)`: some of the products that are estimated, if any figure is further off than it may be."""
    one, other = np.triu_indices(stack.products.shape[1], 1)
    errors = _errors(stack, one, other)
    cells = np.zeros_like(stack.is_exact)
    if errors.least.any():
        for some in _figures(stack, figures, one, other):
            cells[:, one, other] |= errors.too_large(some)
    return cells & ~stack.is_exact


def _errors(stack: StackEstimate, one: NDArray[np.intp], other: NDArray[np.intp]) -> _Errors:
    deviations = np.ascontiguousarray(stack.deviations[:, :, one, other])
    squares = np.diagonal(stack.products, axis1=1, axis2=2)
    most = squares[:, one] * squares[:, other]
    least = np.maximum(most - stack.products[:, one, other] ** 2, 0.0) / NUMBERS
    least[stack.is_exact[:, one, other]] = 0.0
    found, total = (deviations**2).sum(axis=(0, 1)), least.sum(axis=0)
    return _Errors(
        deviations, least * np.maximum(1.0, np.divide(found, total, out=np.ones_like(total), where=total > 0))
    )


def _figures(stack: StackEstimate, figures: Figures, one: NDArray[np.intp], other: NDArray[np.intp]) -> Iterator[_Some]:
    members = np.arange(stack.products.shape[1])
    mine = ((members == one[:, None]) | (members == other[:, None])).astype(np.float64)
    squares = np.diagonal(stack.products, axis1=1, axis2=2).sum(axis=0)
    yield _Some(slice(None), mine, TOLERANCE * squares)
    along = stack.products.sum(axis=2)
    whole = float(along.sum())
    yield _all_of(slice(None), len(one), min(2 * TOLERANCE * whole, *(abs(whole - edge) for edge in figures.edges)))
    yield _shares(slice(None), mine, along)
    for rows in figures.groups:
        yield _all_of(rows, len(one), float(along[rows].sum()) / 2)
        yield _shares(rows, mine, along[rows])


def _all_of(rows: slice | Sequence[int], pairs: int, allowed: float) -> _Some:
    """What a stack changes on some layers, squared."""
    return _Some(rows, np.full((pairs, 1), 2.0), np.array([max(allowed, 0.0)]))


def _shares(rows: slice | Sequence[int], mine: Numbers, along: Numbers) -> _Some:
    """Of each adapter in that; of no figure where it is nothing."""
    whole = float(along.sum())
    shares = along.sum(axis=0) / whole if whole > 0 else np.zeros(along.shape[1])
    return _Some(rows, mine - 2 * shares, np.full(along.shape[1], TOLERANCE * max(whole, 0.0)))
