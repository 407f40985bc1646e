"""Changes of a layer's bias: `diff_b`, added as it is, and the biases on the two matrices of a pair.

A pair with biases a and b gives `multiplier * (up @ (down @ x + a) + b)`, so the vector `multiplier * (up @ a + b)`
comes on top of the pair: `LinearLora` of black-forest-labs/flux, src/flux/modules/lora.py, and `lora_bias` of
huggingface/peft, commit 0a6cd5a4, tuners/lora/layer.py. `diff_b` is added times the scale, and alpha does not count:
Comfy-Org/ComfyUI, commit a125cd84, comfy/lora.py.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.keymaps.names.sorting import Module
from kilnmark.keymaps.updates.fused import Matrix, split_rows
from kilnmark.keymaps.updates.norms import check_finite, check_range
from kilnmark.keymaps.updates.parts import AGAIN
from kilnmark.keymaps.updates.update import BiasUpdate, Update, WeightUpdate

__all__ = ["bias_updates", "with_biases"]

_Wide = NDArray[np.float64]
_OWN = (Role.DIFF_B, Role.UP_BIAS, Role.DOWN_BIAS)


def bias_updates(file: AdapterFile, module: Module, shapes: Shapes) -> tuple[BiasUpdate, ...]:
    """The updates of a module of nothing but `diff_b`, one a target, in row order.

    Raises:
        UnfitAdapter: It is not one number for every row, or one is not finite.
    """
    parts = zip(module.targets, _parts(file, module, Role.DIFF_B, shapes), strict=True)
    return tuple(BiasUpdate(target, part, _norm(part)) for target, part in parts if part is not None)


def with_biases(
    file: AdapterFile, module: Module, shapes: Shapes, updates: tuple[WeightUpdate, ...]
) -> tuple[WeightUpdate, ...]:
    """The updates of a module with what it adds to biases, if it does.

    Raises:
        UnfitAdapter: A bias has another size than its rows or its rank, or the sum is beyond float32.
    """
    present = [role for role in _OWN if role in module.keys]
    if not present:
        return updates
    inner = _vector(file, module.keys[Role.DOWN_BIAS], updates[0].rank) if Role.DOWN_BIAS in present else None
    wholes, outers = (_parts(file, module, role, shapes) for role in (Role.DIFF_B, Role.UP_BIAS))
    found = []
    for update, whole, outer in zip(updates, wholes, outers, strict=True):
        bias = np.zeros(shapes[update.target][0]) if whole is None else whole.astype(np.float64)
        if isinstance(update, Update):
            bias += update.multiplier * _through(update, inner, outer)
        norm = check_range(file, module.keys[present[0]], math.hypot(update.norm, _norm(bias)))
        found.append(replace(update, bias=bias.astype(np.float32), norm=norm))
    return tuple(found)


def _through(update: Update, inner: Matrix | None, outer: Matrix | None) -> _Wide:
    """What a pair gives for an input of zeros, before the multiplier: up @ a + b."""
    total = np.zeros(len(update.up))
    if inner is not None:
        total += update.up.astype(np.float64) @ inner.astype(np.float64)
    return total if outer is None else total + outer


def _parts(file: AdapterFile, module: Module, role: Role, shapes: Shapes) -> Iterable[Matrix | None]:
    """Each target's own rows of a bias, in order; None for each where the module has none."""
    if role not in module.keys:
        return repeat(None, len(module.targets))
    height = sum(shapes[target][0] for target in module.targets)
    return split_rows(_vector(file, module.keys[role], height), module.rows, shapes)


def _vector(file: AdapterFile, key: str, size: int) -> Matrix:
    shape = file.tensors[key].shape
    if shape != (size,):
        problem = f"must hold {size} numbers, one for each that it is added to, but has shape {list(shape)}"
        raise UnfitAdapter(file.path, problem, AGAIN, key=key)
    numbers = file.array(key)
    check_finite(file, key, numbers)
    return numbers


def _norm(bias: Matrix | _Wide) -> float:
    return float(np.linalg.norm(bias.astype(np.float64)))
