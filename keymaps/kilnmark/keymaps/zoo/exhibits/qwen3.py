"""Adapters on Qwen3, the text encoder of FLUX.2-klein and Z-Image: healthy ones of all layers, and flawed ones.

Trainers change every layer, and neither model reads the last ones.
"""

from kilnmark.keymaps.zoo import flaws
from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.recipes import TrainedEncoder
from kilnmark.keymaps.zoo.usual import diffusers, down_up, kohya
from kilnmark.protocol.picture.report import Verdict

__all__ = ["QWEN3", "QWEN3_FLAWED"]

_KLEIN, _LARGER, _TURBO = "flux2-klein-4b", "flux2-klein-9b", "z-image-turbo"
_NO_TRANSFORMER = "^$"
_KOHYA, _HEADED = TrainedEncoder.QWEN3_KOHYA, TrainedEncoder.QWEN3_KOHYA_HEADED
_PEFT, _PEFT_HEADED = TrainedEncoder.QWEN3_PEFT, TrainedEncoder.QWEN3_PEFT_HEADED
_COMFYUI, _COMFYUI_8B = TrainedEncoder.QWEN3_4B_COMFYUI, TrainedEncoder.QWEN3_8B_COMFYUI

_INVOKEAI = "invoke-ai/InvokeAI@8785d9a3 lora_conversions/z_image_lora_conversion_utils.py"
_KEYS_CLIP = "Comfy-Org/ComfyUI@a125cd84 comfy/lora.py model_lora_keys_clip"

QWEN3 = (
    Exhibit(
        "qwen3-diffusers",
        (diffusers("flux2-diffusers", encoders=(_PEFT_HEADED,)),),
        _KLEIN,
        writer="peft",
        source=_INVOKEAI,
        tried="FLUX.2-klein and its Qwen3",
    ),
    Exhibit(
        "qwen3-diffusers-only",
        (diffusers(only=_NO_TRANSFORMER, encoders=(_PEFT,)),),
        _TURBO,
        writer="peft",
        source=_INVOKEAI,
        tried="Qwen3 of Z-Image-Turbo alone",
    ),
    Exhibit(
        "qwen3-kohya-only",
        (kohya(only=_NO_TRANSFORMER, encoders=(_KOHYA,)),),
        _TURBO,
        writer="sd-scripts",
        source="kohya-ss/sd-scripts networks/lora_anima.py LORA_PREFIX_TEXT_ENCODER, for Qwen3 in these names",
        tried="Qwen3 of Z-Image-Turbo alone",
    ),
    Exhibit(
        "qwen3-kohya-headed",
        (kohya("flux2-diffusers", prefix="lora_transformer_", encoders=(_HEADED,)),),
        _KLEIN,
        writer="civitai",
        source="flux2_adapter.py FLUX2LoRAAdapter, of a trainer whose repository is not known",
        tried="FLUX.2-klein and its Qwen3",
    ),
    Exhibit(
        "qwen3-comfyui-only",
        (down_up("flux2-bfl", "diffusion_model.", only=_NO_TRANSFORMER, encoders=(_COMFYUI,)),),
        _KLEIN,
        writer="comfyui",
        source=_KEYS_CLIP,
        tried="Qwen3 of FLUX.2-klein-4B alone",
    ),
    Exhibit(
        "qwen3-comfyui-8b-only",
        (down_up("flux2-bfl", "diffusion_model.", only=_NO_TRANSFORMER, encoders=(_COMFYUI_8B,)),),
        _LARGER,
        writer="comfyui",
        source=_KEYS_CLIP,
        tried="Qwen3 of FLUX.2-klein-9B alone",
    ),
)

QWEN3_FLAWED = (
    Exhibit(
        "qwen3-dead",
        (kohya(only=_NO_TRANSFORMER, encoders=(_KOHYA,)),),
        _KLEIN,
        verdict=Verdict.NOOP,
        flaw=flaws.dead,
        tried="Qwen3 alone, all zero",
    ),
    Exhibit(
        "qwen3-unread-layers-alone",
        (kohya(only=_NO_TRANSFORMER, encoders=(_KOHYA,)),),
        _KLEIN,
        verdict=Verdict.NOOP,
        flaw=flaws.unread_layers_alone,
        tried="layers of Qwen3 that FLUX.2-klein does not read",
    ),
    Exhibit(
        "qwen3-8b-on-4b",
        (down_up("flux2-bfl", "diffusion_model.", only=_NO_TRANSFORMER, encoders=(_COMFYUI_8B,)),),
        _KLEIN,
        verdict=Verdict.REFUSED,
        tried="Qwen3 of FLUX.2-klein-9B, on 4B",
    ),
)
