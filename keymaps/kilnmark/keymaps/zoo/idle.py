"""Zeros that trainers and tools leave in healthy files, one function each: of what they write and did not change.

Each takes the tensors of a whole file and gives those with the zeros.
"""

import numpy as np

from kilnmark.keymaps.zoo.write import Tensors

__all__ = ["untouched_vectors", "untrained_encoder", "with_zeros_of_encoders"]


def untouched_vectors(tensors: Tensors) -> Tensors:
    """Every change of a norm is zero, as where only pairs of matrices were trained."""
    return {name: np.zeros_like(each) if name.endswith(".diff") else each for name, each in tensors.items()}


def untrained_encoder(tensors: Tensors) -> Tensors:
    """Every up matrix of kohya's text encoders is zero, as where they were not trained."""
    idle = {name for name in tensors if name.startswith("lora_te") and name.endswith(".lora_up.weight")}
    return {name: np.zeros_like(each) if name in idle else each for name, each in tensors.items()}


def with_zeros_of_encoders(tensors: Tensors) -> Tensors:
    """Zeros of parts of CLIP and T5 stand beside, as an extraction leaves them of what two checkpoints share."""
    clip, t5 = "text_encoders.clip_l.transformer.", "text_encoders.t5xxl.transformer."
    sizes: dict[str, tuple[int, ...]] = {f"{t5}encoder.final_layer_norm.diff": (4096,)}
    for name in ("layer_norm1", "layer_norm2"):
        layer = f"{clip}text_model.encoder.layers.0.{name}"
        sizes |= {f"{layer}.diff": (768,), f"{layer}.diff_b": (768,)}
    for name, rows in (("text_model.embeddings.position_embedding", 77), ("text_projection", 768)):
        sizes |= {f"{clip}{name}.lora_down.weight": (2, 768), f"{clip}{name}.lora_up.weight": (rows, 2)}
    return {**tensors, **{name: np.zeros(size, np.float32) for name, size in sizes.items()}}
