"""Healthy adapters for Qwen-Image-2.1."""

from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.usual import diffusers, down_up, kohya

__all__ = ["QWEN_IMAGE"]

_QWEN = "qwen-image-2.1"
_TABLE = "qwen-image-diffusers"
_MAPPING = "mflux 0.24.0 models/qwen21/weights/qwen21_lora_mapping.py"

QWEN_IMAGE = (
    Exhibit(
        "qwen-image-diffusers",
        (diffusers(_TABLE),),
        _QWEN,
        writer="diffusers",
        source=_MAPPING,
        tried="Qwen-Image-2.1",
    ),
    Exhibit(
        "qwen-image-comfyui",
        (diffusers(_TABLE, "diffusion_model.", only=""),),
        _QWEN,
        writer="comfyui",
        source=_MAPPING,
        tried="Qwen-Image-2.1, every linear layer",
    ),
    Exhibit(
        "qwen-image-down-up",
        (down_up(_TABLE, "diffusion_model.", alpha=1.0),),
        _QWEN,
        writer="comfyui",
        source=_MAPPING,
        tried="Qwen-Image-2.1",
    ),
    Exhibit(
        "qwen-image-peft",
        (diffusers(_TABLE, "base_model.model.", only=""),),
        _QWEN,
        writer="peft",
        source=_MAPPING,
        tried="Qwen-Image-2.1, every linear layer",
    ),
    Exhibit(
        "qwen-image-fused",
        (diffusers("qwen-image-fused", "diffusion_model.", only="block|modulation|timestep"),),
        _QWEN,
        writer="comfyui",
        source=_MAPPING,
        tried="Qwen-Image-2.1, fused MLP",
    ),
    Exhibit(
        "qwen-image-lycoris",
        (kohya(_TABLE, prefix="lycoris_"),),
        _QWEN,
        writer="lycoris",
        source="KohakuBlueleaf/LyCORIS@01eed776 lycoris/wrapper.py, which wraps any model",
        tried="Qwen-Image-2.1",
    ),
)
