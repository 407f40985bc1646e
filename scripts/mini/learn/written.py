"""Adapters as files in the conventions that trainers write them in."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from scripts.mini.learn.adapters import Beside

__all__ = ["CONVENTIONS", "write_adapter", "write_dead"]

Tensors = dict[str, torch.Tensor]

JOINT = {
    "attn.to_q": "img_attn.qkv",
    "attn.to_k": "img_attn.qkv",
    "attn.to_v": "img_attn.qkv",
    "attn.to_out": "img_attn.proj",
    "attn.add_q_proj": "txt_attn.qkv",
    "attn.add_k_proj": "txt_attn.qkv",
    "attn.add_v_proj": "txt_attn.qkv",
    "attn.to_add_out": "txt_attn.proj",
    "ff.linear_in": "img_mlp.0",
    "ff.linear_out": "img_mlp.2",
    "ff_context.linear_in": "txt_mlp.0",
    "ff_context.linear_out": "txt_mlp.2",
}
SINGLE = {"attn.to_qkv_mlp_proj": "linear1", "attn.to_out": "linear2"}
"""mflux's layers in Black Forest Labs' names; what falls on one name is stacked in this order."""


def write_adapter(path: Path, pairs: Mapping[str, Beside], convention: str, said: Mapping[str, str]) -> None:
    """Write it in half precision.

    Args:
        path: Where.
        pairs: By mflux's names of the layers.
        convention: One of `CONVENTIONS`.
        said: The file's metadata.
    """
    tensors = dict(CONVENTIONS[convention](pairs))
    halves = {name: value.detach().half().contiguous() for name, value in tensors.items()}
    save_file(halves, str(path), metadata=dict(said))


def write_dead(path: Path, pairs: Mapping[str, Beside], said: Mapping[str, str]) -> None:
    """The same numbers under names that no model has, as a table of names made for another release leaves them."""
    renamed = {"double_blocks": "joint_blocks", "single_blocks": "parallel_blocks"}
    tensors = {}
    for name, value in _kohya(pairs):
        for old, new in renamed.items():
            name = name.replace(old, new)  # noqa: PLW2901
        tensors[name] = value.detach().half().contiguous()
    save_file(tensors, str(path), metadata=dict(said))


def _diffusers(pairs: Mapping[str, Beside]) -> Iterator[tuple[str, torch.Tensor]]:
    """Paths of diffusers' modules below `transformer`, with PEFT's matrices; their strength is in them already."""
    for path, pair in pairs.items():
        name = re.sub(r"^(transformer_blocks\.\d+\.attn\.to_out)$", r"\1.0", path)
        yield f"transformer.{name}.lora_A.weight", pair.down
        yield f"transformer.{name}.lora_B.weight", pair.scale * pair.up


def _kohya(pairs: Mapping[str, Beside]) -> Iterator[tuple[str, torch.Tensor]]:
    """Black Forest Labs' names flattened, each with its alpha."""
    for name, down, up, scale in _fused(pairs):
        flat = "lora_unet_" + name.replace(".", "_")
        yield f"{flat}.lora_down.weight", down
        yield f"{flat}.lora_up.weight", up
        yield f"{flat}.alpha", torch.tensor(scale * len(down))


def _comfyui(pairs: Mapping[str, Beside]) -> Iterator[tuple[str, torch.Tensor]]:
    """Black Forest Labs' names below `diffusion_model`; their strength is in them already."""
    for name, down, up, scale in _fused(pairs):
        yield f"diffusion_model.{name}.lora_A.weight", down
        yield f"diffusion_model.{name}.lora_B.weight", scale * up


def _fused(pairs: Mapping[str, Beside]) -> Iterator[tuple[str, torch.Tensor, torch.Tensor, float]]:
    """Black Forest Labs' name, down, up and strength of every pair; rows of one matrix stand on each other."""
    found: dict[str, list[Beside]] = {}
    for path, pair in pairs.items():
        kind, block, layer = path.split(".", 2)
        joint = kind == "transformer_blocks"
        name = f"double_blocks.{block}.{JOINT[layer]}" if joint else f"single_blocks.{block}.{SINGLE[layer]}"
        found.setdefault(name, []).append(pair)
    for name, several in found.items():
        yield name, several[0].down, torch.cat([pair.up for pair in several]), several[0].scale


CONVENTIONS = {"diffusers": _diffusers, "kohya": _kohya, "comfyui": _comfyui}
