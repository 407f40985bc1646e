"""Healthy adapters for FLUX.2-klein."""

from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.usual import diffusers, down_up, kohya

__all__ = ["FLUX2"]

_KLEIN = "flux2-klein-4b"
_AI_TOOLKIT = "ostris/ai-toolkit@27a03a91 extensions_built_in/diffusion_models/flux2"

FLUX2 = (
    Exhibit(
        "flux2-ai-toolkit",
        (diffusers("flux2-bfl", "diffusion_model."),),
        _KLEIN,
        writer="ai-toolkit",
        source=_AI_TOOLKIT,
        tried="FLUX.2-klein",
    ),
    Exhibit(
        "flux2-comfy-down-up",
        (down_up("flux2-bfl", "diffusion_model.", alpha=0),),
        _KLEIN,
        writer="draw-things",
        source="mflux-community/mflux#371; drawthingsai/draw-things-community@bfafc68c LoRAExporter.swift (comfyUI)",
        tried="FLUX.2-klein, alpha = rank",
    ),
    Exhibit(
        "flux2-all",
        (diffusers("flux2-bfl", "diffusion_model.", only=""),),
        _KLEIN,
        writer="ai-toolkit",
        source=_AI_TOOLKIT,
        tried="FLUX.2-klein, every linear layer",
    ),
    Exhibit(
        "flux2-diffusers",
        (diffusers("flux2-diffusers"),),
        _KLEIN,
        writer="diffusers",
        source="huggingface/diffusers@58eb52c080 examples/dreambooth/train_dreambooth_lora_flux2_klein.py",
        tried="FLUX.2-klein",
    ),
    Exhibit(
        "flux2-kohya",
        (kohya("flux2-bfl"),),
        _KLEIN,
        writer="musubi-tuner",
        source="huggingface/diffusers@58eb52c080 _convert_kohya_flux2_lora_to_diffusers",
        tried="FLUX.2-klein",
    ),
)
