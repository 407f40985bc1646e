"""Healthy adapters for Krea 2."""

from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.usual import diffusers, down_up, kohya

__all__ = ["KREA2"]

_KREA = "krea-2"
_MAPPING = "mflux 0.24.0 models/krea2/weights/krea2_lora_mapping.py"

KREA2 = (
    Exhibit(
        "krea2-ai-toolkit",
        (diffusers("krea-2-own", "diffusion_model.", only="^blocks"),),
        _KREA,
        writer="ai-toolkit",
        source=f"{_MAPPING}, which names ai-toolkit",
        tried="Krea 2",
    ),
    Exhibit(
        "krea2-all",
        (diffusers("krea-2-own", "diffusion_model.", only=""),),
        _KREA,
        writer="comfyui",
        source=_MAPPING,
        tried="Krea 2, every linear layer",
    ),
    Exhibit(
        "krea2-down-up",
        (down_up("krea-2-own", "diffusion_model.", only="^blocks", alpha=1.0),),
        _KREA,
        writer="comfyui",
        source=_MAPPING,
        tried="Krea 2",
    ),
    Exhibit(
        "krea2-official",
        (diffusers("krea-2-own", only="block"),),
        _KREA,
        writer="diffusers",
        source="mflux 0.24.0 models/krea2/README.md, of the adapters that Krea publishes",
        tried="Krea 2, blocks and text fusion",
    ),
    Exhibit(
        "krea2-diffusers",
        (diffusers("krea-2-diffusers", only="^transformer_blocks"),),
        _KREA,
        writer="diffusers",
        source="huggingface/diffusers, transformer_krea2.py",
        tried="Krea 2",
    ),
    Exhibit(
        "krea2-peft",
        (diffusers("krea-2-diffusers", "base_model.model.", only=""),),
        _KREA,
        writer="peft",
        source=_MAPPING,
        tried="Krea 2, every linear layer",
    ),
    Exhibit(
        "krea2-kohya",
        (kohya("krea-2-own", only="^blocks"),),
        _KREA,
        writer="musubi-tuner",
        source="kohya-ss/musubi-tuner@30c658c4 krea2/krea2_mmdit.py",
        tried="Krea 2",
    ),
)
