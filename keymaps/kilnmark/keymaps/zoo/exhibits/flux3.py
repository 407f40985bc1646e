"""Healthy adapters for FLUX.3-klein."""

from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.usual import diffusers, down_up, kohya

__all__ = ["FLUX3"]

_KLEIN = "flux3-klein"
_MAPPING = "mflux 0.24.0 models/flux3/weights/flux3_lora_mapping.py"

FLUX3 = (
    Exhibit(
        "flux3-ai-toolkit",
        (diffusers("flux3-bfl", "diffusion_model.", only="^single_blocks"),),
        _KLEIN,
        writer="ai-toolkit",
        source=f"{_MAPPING}, which names ai-toolkit",
        tried="FLUX.3-klein, single blocks",
    ),
    Exhibit(
        "flux3-all",
        (diffusers("flux3-bfl", "diffusion_model.", only=""),),
        _KLEIN,
        writer="comfyui",
        source=_MAPPING,
        tried="FLUX.3-klein, every linear layer",
    ),
    Exhibit(
        "flux3-down-up",
        (down_up("flux3-bfl", "diffusion_model.", alpha=1.0),),
        _KLEIN,
        writer="comfyui",
        source=_MAPPING,
        tried="FLUX.3-klein",
    ),
    Exhibit(
        "flux3-diffusers",
        (diffusers("flux3-diffusers", only="blocks"),),
        _KLEIN,
        writer="diffusers",
        source=_MAPPING,
        tried="FLUX.3-klein",
    ),
    Exhibit(
        "flux3-peft",
        (diffusers("flux3-diffusers", "base_model.model.", only=""),),
        _KLEIN,
        writer="peft",
        source=_MAPPING,
        tried="FLUX.3-klein, every linear layer",
    ),
    Exhibit(
        "flux3-kohya",
        (kohya("flux3-bfl"),),
        _KLEIN,
        writer="musubi-tuner",
        source=_MAPPING,
        tried="FLUX.3-klein",
    ),
)
