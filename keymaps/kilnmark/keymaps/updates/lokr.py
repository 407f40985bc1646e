"""LoKr: a Kronecker product of two small factors, each stored whole or as a product of low rank.

KohakuBlueleaf/LyCORIS, commit 01eed776, lycoris/modules/lokr.py; Yeh et al., 2024, arXiv 2309.14859.
"""

import math

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.keymaps.names.sorting import Module
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.fused import Matrix, Range, row_ranges
from kilnmark.keymaps.updates.norms import check_finite, check_range
from kilnmark.keymaps.updates.parts import chains, matrix
from kilnmark.keymaps.updates.update import KroneckerUpdate

__all__ = ["kronecker_updates"]

_Squares = NDArray[np.float64]


def kronecker_updates(
    file: AdapterFile, module: Module, shapes: Shapes, multipliers: Multipliers
) -> tuple[KroneckerUpdate, ...]:
    """The updates of a LoKr module whose parts were checked, one a target, in row order.

    Raises:
        UnfitAdapter: A number is not finite, or an update is too large for float32.
    """
    first, second = (_factor(file, module, place) for place in (0, 1))
    whole = _whole(file, module, first)
    multiplier = _multiplier(file, module, multipliers)
    squares = _row_squares(first), _row_squares(second)
    block = len(second[0])
    height = len(whole) * block
    updates = []
    for target, ranges in zip(module.targets, row_ranges(height, module.rows, shapes), strict=True):
        blocks = min(begin for begin, _ in ranges) // block, -(-max(end for _, end in ranges) // block)
        norm = abs(multiplier) * _norm(*squares, ranges)
        check_range(file, module.keys[chains(module)[1][0]], norm)
        inside = tuple((begin - blocks[0] * block, end - blocks[0] * block) for begin, end in ranges)
        updates.append(KroneckerUpdate(target, whole[slice(*blocks)], second, inside, multiplier, norm))
    return tuple(updates)


def _factor(file: AdapterFile, module: Module, place: int) -> tuple[Matrix, ...]:
    chain = chains(module)[place]
    factors = tuple(matrix(file, module, role) for role in chain)
    for role, numbers in zip(chain, factors, strict=True):
        check_finite(file, module.keys[role], numbers)
    return factors


def _multiplier(file: AdapterFile, module: Module, multipliers: Multipliers) -> float:
    """Alpha counts only where a factor is stored as a product; its rank is the first such factor's, as in LyCORIS."""
    for chain in chains(module):
        if len(chain) > 1:
            return multipliers.of(module, file.tensors[module.keys[chain[-1]]].shape[0])
    return 1.0


def _whole(file: AdapterFile, module: Module, first: tuple[Matrix, ...]) -> Matrix:
    """The first factor is a hundred numbers wide at most, so it is multiplied out."""
    if len(first) == 1:
        return first[0]
    product = first[0].astype(np.float64) @ first[1].astype(np.float64)
    check_range(file, module.keys[chains(module)[0][0]], float(np.abs(product).max()))
    return product.astype(np.float32)


def _row_squares(factor: tuple[Matrix, ...]) -> _Squares:
    """The squared norm of each row of a factor, in float64: for A @ B, sum((A @ BB') * A)."""
    left, *rest = (matrix.astype(np.float64) for matrix in factor)
    weighted = left @ (rest[0] @ rest[0].T) if rest else left
    squares: _Squares = (weighted * left).sum(axis=1)
    return squares.clip(min=0.0)


def _norm(first: _Squares, second: _Squares, ranges: tuple[Range, ...]) -> float:
    """A row of a Kronecker product has the product of its factors' rows for a norm."""
    squares = np.outer(first, second).reshape(-1)
    return math.sqrt(sum(float(squares[begin:end].sum()) for begin, end in ranges))
