"""Directories of weights that are told by their headers: every folder and mark of a family, and next to no numbers."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from kilnmark.protocol.picture.catalog import family_of
from kilnmark.protocol.picture.family import Variant

__all__ = ["write_directory", "write_marked", "write_small_klein", "write_tokenizers"]

_EMBEDDER = "time_text_embed.guidance_embedder.linear_1.weight"


def write_directory(path: Path, *, guided: bool) -> Path:
    """Write one that is dev, or without the embedder that reads guidance schnell; it is made where it is absent."""
    names = {
        "transformer": ["single_transformer_blocks.0.proj_out.weight", "time_text_embed.text_embedder.linear_1.weight"],
        "vae": ["decoder.conv_in.weight"],
        "text_encoder": ["text_model.encoder.layers.0.mlp.fc1.weight"],
        "text_encoder_2": ["encoder.block.0.layer.0.SelfAttention.q.weight"],
    }
    names["transformer"] += [_EMBEDDER] if guided else []
    for folder, tensors in names.items():
        (path / folder).mkdir(parents=True)
        save_file({name: np.zeros((2, 2), np.float16) for name in tensors}, path / folder / "0.safetensors")
    return path


def write_small_klein(path: Path) -> Path:
    """Write one of FLUX.2-klein whose VAE attends to nothing: it is `mini`; it is made where it is absent."""
    names = {
        "transformer": ["single_transformer_blocks.0.attn.to_out.weight", "double_stream_modulation_img.linear.weight"],
        "vae": ["decoder.conv_in.weight"],
        "text_encoder": ["layers.0.mlp.up_proj.weight"],
    }
    for folder, tensors in names.items():
        (path / folder).mkdir(parents=True)
        save_file({name: np.zeros((2, 2), np.float16) for name in tensors}, path / folder / "0.safetensors")
    return path


def write_marked(path: Path, variant: Variant) -> Path:
    """Write one that has nothing but the marks of a variant and its family; it is made where it is absent."""
    own = [mark.text for mark in variant.has]
    for part in family_of(variant).parts:
        (path / part.folder).mkdir(parents=True)
        names = [*part.marks, *(own if part.marks else ()), "weight"]
        save_file({name: np.zeros((2, 2), np.float16) for name in names}, path / part.folder / "0.safetensors")
    return path


def write_tokenizers(path: Path, variant: Variant) -> None:
    """A file in the folder of each of its tokenizers."""
    for encoder in variant.encoders:
        (path / encoder.tokenizer).mkdir(parents=True)
        (path / encoder.tokenizer / "tokenizer.json").write_text("{}")
