"""Changes of a layer's bias beside any kind of update: `diff_b`, added as it is.

It is added times the scale, and alpha does not count: Comfy-Org/ComfyUI, commit a125cd84, comfy/lora.py.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any

import numpy as np

from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.updates.change import Wide
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.update import AnyUpdate
from kilnmark.keymaps.updates.view import View

__all__ = ["BIASES", "changes_of_bias", "with_biases"]

BIASES = (Role.DIFF_B, Role.UP_BIAS, Role.DOWN_BIAS)
"""Roles of tensors that come to a change of the layer's bias."""


def changes_of_bias(view: View) -> Iterable[Matrix | None]:
    """Each target's own rows of `diff_b`, in order; None for each where the module has none.

    Raises:
        UnfitAdapter: It is not one number for every row, or one is not finite.
    """
    if Role.DIFF_B not in view:
        return repeat(None, len(view.targets))
    return view.split(view.vector(Role.DIFF_B, view.height))


def with_biases(view: View, updates: Sequence[Any], own: Iterable[Wide | None]) -> Sequence[AnyUpdate]:
    """Updates without a bias, with what `diff_b` and they themselves add to biases.

    Args:
        view: Of their module.
        updates: One a target, of a kind that has a field for a bias.
        own: (out,) each, or None.

    Raises:
        UnfitAdapter: The sum is beyond float32.
    """
    present = next((role for role in BIASES if role in view), None)
    if present is None:
        return updates
    found: list[AnyUpdate] = []
    for update, mine, added in zip(updates, own, changes_of_bias(view), strict=True):
        bias = np.zeros(view.shapes[update.target][0]) + (0 if mine is None else mine)
        bias = bias + (0 if added is None else added.astype(np.float64))
        size = view.in_range(present, float(np.linalg.norm(bias)))
        norm = None if update.norm is None else view.in_range(present, math.hypot(update.norm, size))
        found.append(replace(update, bias=bias.astype(np.float32), norm=norm))
    return found
