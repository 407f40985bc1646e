"""Pairs of matrices whose names and widths are those of more than one family."""

import numpy as np

from kilnmark.keymaps.updates.fused import Matrix

__all__ = ["double_attention"]


def double_attention(blocks: int = 2) -> dict[str, Matrix]:
    """Attention of double blocks, which FLUX.1 and FLUX.2-klein call alike and have at one width; rank 1."""
    numbers = np.random.default_rng(5)
    tensors = {}
    for block in range(blocks):
        for stream in ("img", "txt"):
            name = f"diffusion_model.double_blocks.{block}.{stream}_attn.proj"
            tensors[f"{name}.lora_A.weight"] = numbers.standard_normal((1, 3072)).astype(np.float32)
            tensors[f"{name}.lora_B.weight"] = 1e-2 * numbers.standard_normal((3072, 1)).astype(np.float32)
    return tensors
