"""The matrices of a module, made into the updates of its targets: checked, scaled, split, and measured.

An update is `multiplier * up @ down`, a change of the layer's weight; it is never multiplied out here.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.alpha import Multipliers
from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.fit import check_widths, stored_shape
from kilnmark.keymaps.fused import Matrix, is_tiled, split_rows
from kilnmark.keymaps.safefile import AdapterFile
from kilnmark.keymaps.schema import Role
from kilnmark.keymaps.shapes import Shapes
from kilnmark.keymaps.sorting import Module

__all__ = ["Matrix", "Update", "lora_updates"]

_Gram = NDArray[np.float64]

_FLOAT32_MAX = float(np.finfo(np.float32).max)

_AGAIN = "train or export the adapter again"


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
    rank = _check_ranks(file, module)
    check_widths(file, module, shapes)
    multiplier = multipliers.of(module, rank)
    down, up = _matrix(file, module, Role.DOWN), _matrix(file, module, Role.UP)
    down_gram = _finite(file, down_key, _gram(down.T))
    updates = []
    for target, part in zip(module.targets, split_rows(up, module.rows, shapes), strict=True):
        up_gram = _finite(file, up_key, _gram(part))
        norm = _norm(file, up_key, multiplier, up_gram, down_gram)
        updates.append(Update(target, down, part, multiplier, norm))
    return tuple(updates)


def _halves(file: AdapterFile, module: Module) -> tuple[str, str]:
    down, up = module.keys.get(Role.DOWN), module.keys.get(Role.UP)
    if down is None:
        raise UnfitAdapter(file.path, "the down matrix that belongs to it is missing", _AGAIN, key=up)
    if up is None:
        raise UnfitAdapter(file.path, "the up matrix that belongs to it is missing", _AGAIN, key=down)
    return down, up


def _matrix(file: AdapterFile, module: Module, role: Role) -> Matrix:
    """(rank, in) for the down matrix, (out, rank) for the up matrix, whichever way round they are stored."""
    stored = file.array(module.keys[role])
    return stored.T if module.convention.transposed else stored


def _check_ranks(file: AdapterFile, module: Module) -> int:
    down_key, up_key = module.keys[Role.DOWN], module.keys[Role.UP]
    for key in (down_key, up_key):
        shape = file.tensors[key].shape
        if len(shape) != 2 or 0 in shape:  # noqa: PLR2004 - rows and columns
            problem = f"must be a matrix with rows and columns, but has shape {list(shape)}"
            raise UnfitAdapter(file.path, problem, _AGAIN, key=key)
    down_rank, up_rank = stored_shape(file, module, Role.DOWN)[0], stored_shape(file, module, Role.UP)[1]
    if down_rank == up_rank:
        return down_rank
    copies = len(module.targets)
    if is_tiled(_matrix(file, module, Role.DOWN), up_rank, copies):
        problem = f"is tiled {copies} times, to rank {down_rank} where {shorten(up_key)} has rank {up_rank}"
        raise UnfitAdapter(file.path, problem, module.convention.tiled, key=down_key)
    problem = f"has rank {up_rank}, but {shorten(down_key)} has rank {down_rank}"
    raise UnfitAdapter(file.path, problem, "export the adapter again so that both share one rank", key=up_key)


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
