"""A model's weights in diffusers' names and layouts, by inverting mflux's own mapping of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from tests.engine.arrays import as_numpy

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.weights.mapping.weight_mapper import WeightMapper
from mflux.models.common.weights.mapping.weight_mapping import WeightTarget
from mlx import nn
from mlx.utils import tree_flatten

__all__ = ["write_folder"]

BLOCKS = 36
"""The most of any folder; names of blocks that are not there map to nothing."""
_AXES = (4, 5)
"""Of the weights of convolutions over pictures, and over films."""
_SIGHT = "encoder."


def write_folder(model: nn.Module, targets: Sequence[WeightTarget], path: Path) -> None:
    """Write one folder of a directory, in one file.

    mflux asks for a VAE's encoder: where the model has none it is one number a tensor.

    Args:
        model: Whose parameters are written.
        targets: mflux's mapping of that folder.
        path: The folder, which is made.
    """
    path.mkdir(parents=True)
    held: dict[str, mx.array] = {}
    tree_flatten(model.parameters(), destination=held)
    theirs: Mapping[str, list[tuple[str, object]]] = WeightMapper._build_flat_mapping(list(targets), BLOCKS, BLOCKS)
    named = {
        name: np.ascontiguousarray(_turned(as_numpy(held[mine])))
        for name, ((mine, _), *_) in theirs.items()
        if mine in held
    }
    if not any(name.startswith(_SIGHT) for name in named):
        named |= {name: np.zeros(1, np.float32) for name in theirs if name.startswith(_SIGHT)}
    save_file(named, path / "diffusion_pytorch_model.safetensors")


def _turned(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """A convolution's channels stand before its frames, rows and columns in diffusers."""
    return np.moveaxis(array, -1, 1) if array.ndim in _AXES else array
