"""Whole changes of a weight, `diff`: a matrix of the layer's own size, added as it is.

Alpha does not count (Comfy-Org/ComfyUI, commit a125cd84, comfy/lora.py; KohakuBlueleaf/LyCORIS, commit 01eed776,
lycoris/modules/full.py).
"""

import numpy as np

from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.keymaps.names.sorting import Module
from kilnmark.keymaps.updates.fused import split_rows
from kilnmark.keymaps.updates.norms import check_finite, check_range, dense_norm
from kilnmark.keymaps.updates.parts import matrix
from kilnmark.keymaps.updates.update import KroneckerUpdate

__all__ = ["full_updates"]


def full_updates(file: AdapterFile, module: Module, shapes: Shapes) -> tuple[KroneckerUpdate, ...]:
    """The updates of a module whose parts were checked, one a target, in row order: kron([[1]], its rows).

    Raises:
        UnfitAdapter: A number is not finite, or the change is too large for float32.
    """
    key = module.keys[Role.DIFF]
    whole = matrix(file, module, Role.DIFF)
    check_finite(file, key, whole)
    one = np.ones((1, 1), np.float32)
    return tuple(
        KroneckerUpdate(target, one, (part,), ((0, len(part)),), 1.0, check_range(file, key, dense_norm(part)))
        for target, part in zip(module.targets, split_rows(whole, module.rows, shapes), strict=True)
    )
