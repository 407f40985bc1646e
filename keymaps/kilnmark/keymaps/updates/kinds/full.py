"""Whole changes of a weight, `diff`: a matrix of the layer's own size, added as it is.

Alpha does not count (Comfy-Org/ComfyUI, commit a125cd84, comfy/lora.py; KohakuBlueleaf/LyCORIS, commit 01eed776,
lycoris/modules/full.py).
"""

from collections.abc import Collection, Sequence
from typing import ClassVar

import numpy as np

from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.kinds.lokr import KroneckerUpdate
from kilnmark.keymaps.updates.measure import dense_norm
from kilnmark.keymaps.updates.products import Chains, ProductKind
from kilnmark.keymaps.updates.view import View

__all__ = ["KIND"]

DIFF = "diff"


class _Full(ProductKind):
    name: ClassVar[str] = "full"
    roles: ClassVar[frozenset[str]] = frozenset({DIFF})

    def chains(self, roles: Collection[str]) -> Chains:  # noqa: ARG002 - there is only one
        return ((DIFF,),)

    def updates(self, view: View, multipliers: Multipliers) -> Sequence[KroneckerUpdate]:  # noqa: ARG002 - alpha is nothing
        """kron([[1]], its rows) for each target."""
        one = np.ones((1, 1), np.float32)
        return [
            KroneckerUpdate(target, one, (part,), ((0, len(part)),), 1.0, view.in_range(DIFF, dense_norm(part)))
            for target, part in zip(view.targets, view.split(view.finite(DIFF)), strict=True)
        ]


KIND = _Full()
