"""Healthy adapters for Z-Image-Turbo."""

from kilnmark.keymaps.zoo import doubled
from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.usual import diffusers, down_up, kohya

__all__ = ["Z_IMAGE"]

_TURBO = "z-image-turbo"
_COMFYUI = r"^layers.*(attention|feed)"

Z_IMAGE = (
    Exhibit(
        "zimage-ai-toolkit",
        (diffusers("z-image-diffusers", "diffusion_model.", only="^layers"),),
        _TURBO,
        writer="ai-toolkit",
        source="ostris/ai-toolkit@27a03a91 extensions_built_in/diffusion_models/z_image/z_image.py",
        tried="Z-Image-Turbo",
    ),
    Exhibit(
        "zimage-diffusers",
        (diffusers("z-image-diffusers", only=_COMFYUI),),
        _TURBO,
        writer="diffusers",
        source="huggingface/diffusers@58eb52c080 ZImageLoraLoaderMixin",
        tried="Z-Image-Turbo",
    ),
    Exhibit(
        "zimage-all",
        (diffusers("z-image-diffusers", only=""),),
        _TURBO,
        writer="diffusers",
        source="huggingface/diffusers@58eb52c080 ZImageLoraLoaderMixin",
        tried="Z-Image-Turbo, every linear layer",
    ),
    Exhibit(
        "zimage-kohya",
        (kohya("z-image-diffusers", only="^layers"),),
        _TURBO,
        writer="musubi-tuner",
        source="huggingface/diffusers@58eb52c080 _convert_non_diffusers_z_image_lora_to_diffusers",
        tried="Z-Image-Turbo",
    ),
    Exhibit(
        "zimage-comfy-fused",
        (down_up("z-image-comfyui", "diffusion_model.", only=_COMFYUI, alpha=1.0),),
        _TURBO,
        writer="comfyui",
        source="mflux z_image mapping _get_comfy_targets",
        tried="Z-Image-Turbo, fused qkv",
    ),
    Exhibit(
        "zimage-comfy-fused-ab",
        (diffusers("z-image-comfyui", "diffusion_model.", only=_COMFYUI, alpha=1.0),),
        _TURBO,
        writer="onetrainer",
        source="Nerogar/OneTrainer@23df3832 COMFY_LORA",
        tried="Z-Image-Turbo, fused qkv",
    ),
    Exhibit(
        "zimage-twice",
        (kohya("z-image-diffusers", only="^layers"),),
        _TURBO,
        change=doubled.again_fused,
        writer="comfyui",
        source="huggingface/diffusers#13203",
        tried="attention split and fused in one file, the same numbers",
    ),
)
