"""Changes of norms beside pairs of matrices, and zeros of norms and text encoders that tools leave beside them."""

from kilnmark.keymaps.zoo import idle
from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.recipes import Recipe, TrainedEncoder
from kilnmark.keymaps.zoo.usual import KOHYA, down_up, kohya

__all__ = ["NORMS"]

_Z_IMAGE = Recipe("z-image-comfyui", "diffusion_model.", *KOHYA, only=r"^layers.*attention\.", norms="diff")
_IMAGE_ATTENTION = "double.*img_attn"

NORMS = (
    Exhibit(
        "ai-toolkit-norms",
        (Recipe("flux1-diffusers", "transformer.", only=r"attn\.to_q", norms="diff"),),
        writer="ai-toolkit",
        source="ostris/ai-toolkit@27a03a91 toolkit/lora_special.py FullModule",
        tried="norms trained whole beside pairs",
    ),
    Exhibit(
        "zimage-extracted",
        (_Z_IMAGE,),
        variant="z-image-turbo",
        writer="comfyui",
        source="Comfy-Org/ComfyUI@a125cd84 comfy_extras/nodes_lora_extract.py",
        tried="extracted with its norms, as the node does by default",
    ),
    Exhibit(
        "zimage-trained-in-comfyui",
        (_Z_IMAGE,),
        variant="z-image-turbo",
        change=idle.untouched_vectors,
        writer="comfyui",
        source="Comfy-Org/ComfyUI@a125cd84 comfy_extras/nodes_train.py; Comfy-Org/ComfyUI#15848",
        tried="every norm is written, and all of them are zero",
    ),
    Exhibit(
        "kohya-te1-untrained",
        (kohya(only=_IMAGE_ATTENTION, encoders=(TrainedEncoder.CLIP_KOHYA,)),),
        change=idle.untrained_encoder,
        writer="sd-scripts",
        source="kohya-ss/sd-scripts#91",
        tried="a text encoder that was written and not trained",
    ),
    Exhibit(
        "comfy-extracted-te-zeros",
        (down_up("flux1-bfl", "diffusion_model.", only=_IMAGE_ATTENTION),),
        change=idle.with_zeros_of_encoders,
        writer="comfyui",
        source="huggingface/diffusers#10985; huggingface/diffusers#10804",
        tried="zeros of text encoders that both checkpoints share",
    ),
)
