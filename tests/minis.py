"""Directories of `mini` at its true sizes, with weights that nobody trained: they paint noise, and adapters move it."""

from pathlib import Path
from typing import Any

from scripts.mini.model.directory import write_directory
from scripts.mini.model.parts import build
from scripts.mini.sizes import Sizes

import mlx.core as mx  # isort: skip - after scripts.mini.model, which puts the fast BLAS first

__all__ = ["write_mini"]

_GATES = ("double_stream_modulation_img", "double_stream_modulation_txt", "single_stream_modulation", "norm_out")


def write_mini(path: Path, seed: int = 1) -> Path:
    """Write one whose blocks give something, which they do not before training."""
    made = build(Sizes(), seed)
    transformer: Any = made.transformer
    for name in _GATES:
        gate = transformer[name].linear
        gate.weight = 0.3 * mx.random.normal(gate.weight.shape)
    transformer.proj_out.weight = 0.05 * mx.random.normal(transformer.proj_out.weight.shape)
    write_directory(path, made, Sizes())
    return path
