"""Files that hold the same layers twice: what converters put beside what was there, and what is no copy at all."""

import numpy as np

from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.zoo.write import Tensors

__all__ = ["again_fused", "again_fused_otherwise", "again_in_bare_names_turned"]

_DOWN, _UP, _ALPHA = "lora_down.weight", "lora_up.weight", "alpha"
_PARTS = ("to_q", "to_k", "to_v")


def again_fused(tensors: Tensors) -> Tensors:
    """Queries, keys and values a second time as one module, block-diagonal, and the output by its other name."""
    copies = dict(tensors)
    for name in [name for name in tensors if name.endswith(f"attention_to_q.{_DOWN}")]:
        block = name.removesuffix(f"to_q.{_DOWN}")
        downs, ups = ([tensors[f"{block}{part}.{suffix}"] for part in _PARTS] for suffix in (_DOWN, _UP))
        copies[f"{block}qkv.{_DOWN}"] = np.concatenate(downs)
        copies[f"{block}qkv.{_UP}"] = _diagonal(ups)
        copies[f"{block}qkv.{_ALPHA}"] = np.asarray(3 * tensors[f"{block}to_q.{_ALPHA}"])
        for suffix in (_DOWN, _UP, _ALPHA):
            copies[f"{block}out.{suffix}"] = tensors[f"{block}to_out_0.{suffix}"]
    return copies


def again_fused_otherwise(tensors: Tensors) -> Tensors:
    """The same, and the fused copies are 1.7 times as strong."""
    return {
        name: np.asarray(matrix * np.float32(1.7)) if name.endswith(f"qkv.{_UP}") else matrix
        for name, matrix in again_fused(tensors).items()
    }


def again_in_bare_names_turned(tensors: Tensors) -> Tensors:
    """Every module again, without its prefix and with the opposite sign."""
    copies = {
        name.removeprefix("diffusion_model."): -matrix if name.endswith("lora_B.weight") else matrix
        for name, matrix in tensors.items()
    }
    return {**tensors, **copies}


def _diagonal(parts: list[Matrix]) -> Matrix:
    """One small up matrix behind the other, each in columns of its own."""
    rows, columns = (sum(part.shape[side] for part in parts) for side in (0, 1))
    whole = np.zeros((rows, columns), np.float32)
    row = column = 0
    for part in parts:
        whole[row : row + part.shape[0], column : column + part.shape[1]] = part
        row, column = row + part.shape[0], column + part.shape[1]
    return whole
