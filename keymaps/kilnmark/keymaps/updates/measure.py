"""Frobenius norms of products that are never multiplied out, and with them the check that every number is finite."""

import math

import numpy as np

from kilnmark.keymaps.updates.change import Wide
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.view import View

__all__ = ["CHUNK", "dense_norm", "gram", "product_norm"]

CHUNK = 256
"""Rows of a whole matrix that are in float64 at a time."""


def gram(view: View, role: str, factor: Matrix) -> Wide:
    """(n, rank) to (rank, rank), in float64.

    Raises:
        UnfitAdapter: A number is not finite; the Gram matrix then has one that is not on its diagonal.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        wide = factor.astype(np.float64)
        square: Wide = wide.T @ wide
    if not np.isfinite(np.trace(square)):
        raise view.not_finite(role)
    return square


def dense_norm(matrix: Matrix) -> float:
    """||M|| in float64, some rows at a time."""
    chunks = (matrix[begin : begin + CHUNK].astype(np.float64) for begin in range(0, len(matrix), CHUNK))
    return math.sqrt(sum(float(np.vdot(chunk, chunk)) for chunk in chunks))


def product_norm(up_gram: Wide, down_gram: Wide) -> float:
    """||U @ D|| from sqrt(sum((U'U) * (DD')))."""
    return math.sqrt(max(float(np.sum(up_gram * down_gram)), 0.0))
