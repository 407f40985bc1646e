"""LoHa: the Hadamard product of two low-rank products, which is itself a product of low rank.

Hyeon-Woo et al., FedPara, 2022, arXiv 2108.06098; KohakuBlueleaf/LyCORIS, commit 01eed776, lycoris/modules/loha.py.
"""

import numpy as np

from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.fused import Matrix
from kilnmark.keymaps.norms import check_finite, check_range
from kilnmark.keymaps.parts import AGAIN, chains, matrix
from kilnmark.keymaps.safefile import AdapterFile
from kilnmark.keymaps.schema import Role
from kilnmark.keymaps.sorting import Module

__all__ = ["hadamard_pair"]


def hadamard_pair(file: AdapterFile, module: Module) -> tuple[Matrix, Matrix, int]:
    """The pair (rank1 * rank2, in), (out, rank1 * rank2) whose product is (w1_a @ w1_b) * (w2_a @ w2_b).

    Row i of the up matrix is the Kronecker product of rows i of w1_a and w2_a, column j of the down matrix that of
    columns j of w1_b and w2_b.

    Returns:
        Down, up, and the rank that alpha is divided by: that of the first product, as LyCORIS and ComfyUI have it.

    Raises:
        UnfitAdapter: The two products differ in size, or a number is not finite.
    """
    for left, right in zip(*chains(module), strict=True):
        side = 0 if left is Role.HADA_W1_A else 1
        sizes = [file.tensors[module.keys[role]].shape[side] for role in (left, right)]
        if sizes[0] != sizes[1]:
            what = ("rows", "columns")[side]
            problem = f"has {sizes[1]} {what}, but {shorten(module.keys[left])} has {sizes[0]}"
            raise UnfitAdapter(file.path, problem, AGAIN, key=module.keys[right])
    (up_1, down_1), (up_2, down_2) = ([_finite(file, module, role) for role in chain] for chain in chains(module))
    with np.errstate(over="ignore"):
        up = (up_1[:, :, None] * up_2[:, None, :]).reshape(len(up_1), -1)
        down = (down_1[:, None, :] * down_2[None, :, :]).reshape(-1, down_1.shape[1])
    for role, numbers in ((Role.HADA_W1_B, down), (Role.HADA_W1_A, up)):
        check_range(file, module.keys[role], float(np.abs(numbers).max()))
    return down, up, len(down_1)


def _finite(file: AdapterFile, module: Module, role: Role) -> Matrix:
    numbers = matrix(file, module, role)
    check_finite(file, module.keys[role], numbers)
    return numbers
