"""The matrices of a module, made into the updates of its targets: checked, scaled, split, and measured.

An update is `multiplier * up @ down`, a change of the layer's weight; it is never multiplied out here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.alpha import Multipliers
from kilnmark.keymaps.convention import Role
from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.safefile import AdapterFile
from kilnmark.keymaps.shapes import Shapes
from kilnmark.keymaps.sorting import Module

__all__ = ["Matrix", "Update", "lora_updates"]

Matrix = NDArray[np.float32]
_Gram = NDArray[np.float64]

_FLOAT32_MAX = float(np.finfo(np.float32).max)

_AGAIN = "train or export the adapter again"
_FIT = "use it with the model that it was trained for"


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """What an adapter adds to one target's weight at scale 1: `multiplier * up @ down`.

    Attributes:
        target: Module path of the layer in mflux.
        down: (rank, in) float32; the targets of a fused module share one array.
        up: (out, rank) float32.
        multiplier: alpha / rank, or what the convention puts in its place.
        norm: Frobenius norm of the whole update.
    """

    target: str
    down: Matrix
    up: Matrix
    multiplier: float
    norm: float

    @property
    def rank(self) -> int:
        """Rows of `down`, columns of `up`."""
        return int(self.down.shape[0])

    @property
    def is_zero(self) -> bool:
        """The whole update is exactly zero."""
        return self.norm == 0.0


def lora_updates(file: AdapterFile, module: Module, shapes: Shapes, multipliers: Multipliers) -> tuple[Update, ...]:
    """The updates of a LoRA module, one a target, in row order.

    Raises:
        UnfitAdapter: A half is missing, ranks or widths do not fit, or a number is not finite.
    """
    down_key, up_key = _halves(file, module)
    rank = _check_ranks(file, down_key, up_key)
    _check_widths(file, module, shapes)
    multiplier = multipliers.of(module, rank)
    down, up = file.array(down_key), file.array(up_key)
    down_gram = _finite(file, down_key, _gram(down.T))
    updates = []
    for target, rows in zip(module.targets, _row_splits(module.targets, shapes), strict=True):
        up_gram = _finite(file, up_key, _gram(up[rows]))
        norm = _norm(file, up_key, multiplier, up_gram, down_gram)
        updates.append(Update(target, down, up[rows], multiplier, norm))
    return tuple(updates)


def _halves(file: AdapterFile, module: Module) -> tuple[str, str]:
    down, up = module.keys.get(Role.DOWN), module.keys.get(Role.UP)
    if down is None:
        raise UnfitAdapter(file.path, "the down matrix that belongs to it is missing", _AGAIN, key=up)
    if up is None:
        raise UnfitAdapter(file.path, "the up matrix that belongs to it is missing", _AGAIN, key=down)
    return down, up


def _check_ranks(file: AdapterFile, down_key: str, up_key: str) -> int:
    for key in (down_key, up_key):
        shape = file.tensors[key].shape
        if len(shape) != 2 or 0 in shape:  # noqa: PLR2004 - rows and columns
            problem = f"must be a matrix with rows and columns, but has shape {list(shape)}"
            raise UnfitAdapter(file.path, problem, _AGAIN, key=key)
    down_rank, up_rank = file.tensors[down_key].shape[0], file.tensors[up_key].shape[1]
    if down_rank != up_rank:
        problem = f"has rank {up_rank}, but {shorten(down_key)} has rank {down_rank}"
        raise UnfitAdapter(file.path, problem, "export the adapter again so that both share one rank", key=up_key)
    return down_rank


def _check_widths(file: AdapterFile, module: Module, shapes: Shapes) -> None:
    down_key, up_key = module.keys[Role.DOWN], module.keys[Role.UP]
    columns, rows = file.tensors[down_key].shape[1], file.tensors[up_key].shape[0]
    for target in module.targets:
        if columns != shapes[target][1]:
            problem = f"is {columns} wide, but {target} takes {shapes[target][1]} inputs"
            raise UnfitAdapter(file.path, problem, _FIT, key=down_key)
    wanted = [shapes[target][0] for target in module.targets]
    if rows != sum(wanted):
        parts = " + ".join(f"{target} {count}" for target, count in zip(module.targets, wanted, strict=True))
        problem = f"has {rows} rows, but the model needs {sum(wanted)} ({parts})"
        raise UnfitAdapter(file.path, problem, _FIT, key=up_key)


def _row_splits(targets: Sequence[str], shapes: Shapes) -> list[slice]:
    ends = list(accumulate(shapes[target][0] for target in targets))
    return [slice(begin, end) for begin, end in zip([0, *ends], ends, strict=False)]


def _gram(factor: Matrix) -> _Gram:
    """(n, rank) to (rank, rank), in float64."""
    wide = factor.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        return wide.T @ wide


def _finite(file: AdapterFile, key: str, gram: _Gram) -> _Gram:
    """A Gram matrix has a NaN or an infinity on its diagonal exactly when its factor has one."""
    if not np.isfinite(np.trace(gram)):
        raise UnfitAdapter(file.path, "holds numbers that are not finite (NaN or infinity)", _AGAIN, key=key)
    return gram


def _norm(file: AdapterFile, key: str, multiplier: float, up_gram: _Gram, down_gram: _Gram) -> float:
    """||m * U @ D|| from sqrt(sum((U'U) * (DD'))), without the product."""
    norm = abs(multiplier) * math.sqrt(max(float(np.sum(up_gram * down_gram)), 0.0))
    if norm > _FLOAT32_MAX:
        raise UnfitAdapter(file.path, "makes an update beyond the range of float32", _AGAIN, key=key)
    return norm
