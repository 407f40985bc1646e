"""Frobenius norms of products that are never multiplied out, and with them the check that every number is finite."""

import math

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.parts import AGAIN

__all__ = ["CHUNK", "Gram", "check_finite", "check_range", "dense_norm", "gram", "product_norm"]

Gram = NDArray[np.float64]

CHUNK = 256
"""Rows of a whole matrix that are in float64 at a time."""
_FLOAT32_MAX = float(np.finfo(np.float32).max)


def gram(file: AdapterFile, key: str, factor: Matrix) -> Gram:
    """(n, rank) to (rank, rank), in float64.

    Raises:
        UnfitAdapter: A number is not finite; the Gram matrix then has one that is not on its diagonal.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        wide = factor.astype(np.float64)
        square: Gram = wide.T @ wide
    if not np.isfinite(np.trace(square)):
        raise _not_finite(file, key)
    return square


def dense_norm(matrix: Matrix) -> float:
    """||M|| in float64, some rows at a time."""
    chunks = (matrix[begin : begin + CHUNK].astype(np.float64) for begin in range(0, len(matrix), CHUNK))
    return math.sqrt(sum(float(np.vdot(chunk, chunk)) for chunk in chunks))


def check_finite(file: AdapterFile, key: str, numbers: Matrix) -> None:
    """Raise unless every number is finite.

    Raises:
        UnfitAdapter: With the key.
    """
    if not np.isfinite(numbers).all():
        raise _not_finite(file, key)


def product_norm(up_gram: Gram, down_gram: Gram) -> float:
    """||U @ D|| from sqrt(sum((U'U) * (DD')))."""
    return math.sqrt(max(float(np.sum(up_gram * down_gram)), 0.0))


def check_range(file: AdapterFile, key: str, norm: float) -> float:
    """The norm again, if float32 can hold it.

    Raises:
        UnfitAdapter: With the key.
    """
    if not norm <= _FLOAT32_MAX:
        raise UnfitAdapter(file.path, "makes an update beyond the range of float32", AGAIN, key=key)
    return norm


def _not_finite(file: AdapterFile, key: str) -> UnfitAdapter:
    return UnfitAdapter(file.path, "holds numbers that are not finite (NaN or infinity)", AGAIN, key=key)
