"""LoHa: the Hadamard product of two low-rank products, which is itself a product of low rank.

Hyeon-Woo et al., FedPara, 2022, arXiv 2108.06098; KohakuBlueleaf/LyCORIS, commit 01eed776, lycoris/modules/loha.py.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.keymaps.names.sorting import Module
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.fused import Matrix, split_rows
from kilnmark.keymaps.updates.norms import CHUNK, check_finite, check_range
from kilnmark.keymaps.updates.parts import AGAIN, chains, matrix
from kilnmark.keymaps.updates.update import JOINT_RANK, HadamardUpdate

__all__ = ["hadamard_updates"]

_Wide = NDArray[np.float64]


def hadamard_updates(
    file: AdapterFile, module: Module, shapes: Shapes, multipliers: Multipliers
) -> tuple[HadamardUpdate, ...]:
    """The updates of a LoHa module whose parts were checked, one a target, in row order.

    Alpha is divided by the rank of the first product, as LyCORIS and ComfyUI have it.

    Raises:
        UnfitAdapter: The two products differ in size, a number is not finite, or an update is too large for float32.
    """
    _check_sizes(file, module)
    (up_1, down_1), (up_2, down_2) = ([_finite(file, module, role) for role in chain] for chain in chains(module))
    for role, left, right in ((Role.HADA_W1_B, down_1, down_2), (Role.HADA_W1_A, up_1, up_2)):
        check_range(file, module.keys[role], float(np.abs(left).max()) * float(np.abs(right).max()))
    multiplier = multipliers.of(module, len(down_1))
    down_gram = _joint_gram(down_1.T, down_2.T) if len(down_1) * len(down_2) <= JOINT_RANK else None
    ups = zip(split_rows(up_1, module.rows, shapes), split_rows(up_2, module.rows, shapes), strict=True)
    updates = []
    for target, (first, second) in zip(module.targets, ups, strict=True):
        if down_gram is None:
            squares = _square_norm(first, down_1, second, down_2)
        else:
            squares = float(np.sum(_joint_gram(first, second) * down_gram))
        norm = check_range(file, module.keys[Role.HADA_W1_A], abs(multiplier) * math.sqrt(max(squares, 0.0)))
        updates.append(HadamardUpdate(target, (first, down_1), (second, down_2), multiplier, norm))
    return tuple(updates)


def _check_sizes(file: AdapterFile, module: Module) -> None:
    for left, right in zip(*chains(module), strict=True):
        side = 0 if left is Role.HADA_W1_A else 1
        sizes = [file.tensors[module.keys[role]].shape[side] for role in (left, right)]
        if sizes[0] != sizes[1]:
            what = ("rows", "columns")[side]
            problem = f"has {sizes[1]} {what}, but {shorten(module.keys[left])} has {sizes[0]}"
            raise UnfitAdapter(file.path, problem, AGAIN, key=module.keys[right])


def _finite(file: AdapterFile, module: Module, role: Role) -> Matrix:
    numbers = matrix(file, module, role)
    check_finite(file, module.keys[role], numbers)
    return numbers


def _joint_gram(first: Matrix, second: Matrix) -> _Wide:
    """Gram matrix of the row-wise Kronecker product of (n, rank1) and (n, rank2), some rows at a time."""
    rank = first.shape[1] * second.shape[1]
    total: _Wide = np.zeros((rank, rank))
    for rows in _chunks(len(first)):
        left, right = first[rows].astype(np.float64), second[rows].astype(np.float64)
        joint = (left[:, :, None] * right[:, None, :]).reshape(-1, rank)
        total += joint.T @ joint
    return total


def _square_norm(up_1: Matrix, down_1: Matrix, up_2: Matrix, down_2: Matrix) -> float:
    """Squared norm of the product itself, some rows at a time."""
    total = 0.0
    wide_1, wide_2 = down_1.astype(np.float64), down_2.astype(np.float64)
    for rows in _chunks(len(up_1)):
        product = (up_1[rows] @ wide_1) * (up_2[rows] @ wide_2)
        total += float(np.vdot(product, product))
    return total


def _chunks(count: int) -> Iterator[slice]:
    return (slice(begin, begin + CHUNK) for begin in range(0, count, CHUNK))
