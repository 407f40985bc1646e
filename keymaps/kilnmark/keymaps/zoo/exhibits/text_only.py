"""Text encoders alone, which some trainers train without the transformer."""

from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.recipes import TrainedEncoder
from kilnmark.keymaps.zoo.usual import down_up, kohya

__all__ = ["TEXT_ONLY"]

_TE1, _TE2 = TrainedEncoder.CLIP_KOHYA, TrainedEncoder.T5_ONETRAINER
_TE_COMFY, _TE3_COMFY = TrainedEncoder.CLIP_COMFYUI, TrainedEncoder.T5_COMFYUI

TEXT_ONLY = (
    Exhibit(
        "te-only",
        (kohya(only="^$", encoders=(_TE1,)),),
        writer="sd-scripts",
        source="kohya-ss/sd-scripts@48d368fa networks/lora_flux.py network_train_text_encoder_only",
        tried="CLIP alone",
    ),
    Exhibit(
        "te2-only",
        (kohya("flux1-diffusers", prefix="lora_transformer_", only="^$", encoders=(_TE1, _TE2)),),
        writer="onetrainer",
        source="Nerogar/OneTrainer@23df3832 convert_lora_util.py convert_to_mixture",
        tried="CLIP and T5 alone",
    ),
    Exhibit(
        "te-comfy-only",
        (down_up("flux1-bfl", "diffusion_model.", only="^$", encoders=(_TE_COMFY, _TE3_COMFY)),),
        writer="comfyui",
        source="Comfy-Org/ComfyUI@a125cd84 comfy/lora.py model_lora_keys_clip",
        tried="CLIP and T5 alone",
    ),
)
