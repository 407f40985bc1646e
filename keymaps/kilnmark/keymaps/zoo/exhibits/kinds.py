"""Healthy updates for FLUX.1 that are no plain pairs: DoRA, LoKr, LoHa, and changes of biases, norms and weights."""

from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.recipes import Form, Recipe
from kilnmark.keymaps.zoo.usual import CORE, KOHYA, diffusers, kohya, renamed

__all__ = ["KINDS"]

_LYCORIS = "KohakuBlueleaf/LyCORIS@01eed776 lycoris/modules"
_AROUND = r"^(img_in|\w+_in\.in_layer|final_layer\.linear)$"

_FACTORED = (
    Exhibit(
        "kohya-dora",
        (kohya(form=Form.DORA),),
        writer="onetrainer",
        source="Nerogar/OneTrainer@23df3832 KOHYA_LORA with lora_decompose; "
        "Comfy-Org/ComfyUI@a125cd84 comfy/weight_adapter/lora.py",
        tried="DoRA, kohya's magnitudes",
    ),
    Exhibit(
        "kohya-lokr-bfl",
        (kohya(form=Form.LOKR),),
        writer="lycoris",
        source=f"{_LYCORIS}/lokr.py on sd-scripts",
        tried="LoKr on fused modules",
    ),
    Exhibit(
        "kohya-loha-bfl",
        (kohya(form=Form.LOHA),),
        writer="lycoris",
        source=f"{_LYCORIS}/loha.py on sd-scripts",
        tried="LoHa on fused modules",
    ),
    Exhibit(
        "ai-toolkit-lokr",
        (diffusers(form=Form.LOKR, alpha=1.0),),
        writer="ai-toolkit",
        source="ostris/ai-toolkit@27a03a91 toolkit/lora_special.py network_type lokr",
        tried="LoKr",
    ),
    Exhibit(
        "ai-toolkit-lokr-old",
        (kohya("flux1-diffusers", prefix="lycoris_", form=Form.LOKR),),
        writer="ai-toolkit",
        source="ostris/ai-toolkit@27a03a91 toolkit/network_mixins.py old_lokr_format",
        tried="LoKr in LyCORIS' names",
    ),
    Exhibit(
        "peft-dora",
        (diffusers(only=CORE, form=Form.DORA),),
        writer="simpletuner",
        source="Comfy-Org/ComfyUI#4259; Nerogar/OneTrainer@23df3832 DIFFUSERS_LORA",
        tried="DoRA, PEFT's magnitudes",
    ),
    Exhibit(
        "onetrainer-dora",
        (kohya("flux1-diffusers", prefix="lora_transformer_", only="^single.*attn", form=Form.DORA_OF_INPUTS),),
        writer="onetrainer",
        source="invoke-ai/InvokeAI#6912; Comfy-Org/ComfyUI#5188; Nerogar/OneTrainer#451",
        tried="DoRA as it is trained by default: a magnitude for each input",
    ),
    Exhibit(
        "onetrainer-dora-fused",
        (diffusers("flux1-bfl", "diffusion_model.", only="img_attn.qkv", form=Form.DORA_OF_INPUTS, alpha=1.0),),
        writer="onetrainer",
        source="Nerogar/OneTrainer@23df3832 modules/module/FusedModule.py",
        tried="the same on fused modules, whose inputs go through three layers",
    ),
    Exhibit(
        "ai-toolkit-dora",
        (diffusers(only="^single.*attn", form=Form.DORA),),
        change=renamed((r"\.lora_magnitude_vector$", ".magnitude")),
        writer="ai-toolkit",
        source="ostris/ai-toolkit@27a03a91 toolkit/models/DoRA.py",
        tried="DoRA, its magnitudes called .magnitude",
    ),
    Exhibit(
        "simpletuner-lokr",
        (kohya("flux1-diffusers", prefix="lycoris_", only=CORE, form=Form.LOKR),),
        writer="simpletuner",
        source="bghira/SimpleTuner@bc8e6ab77 documentation/LYCORIS.md; vladmandic/sdnext#3405",
        tried="LoKr",
    ),
    Exhibit(
        "simpletuner-lokr-lowrank",
        (kohya("flux1-diffusers", prefix="lycoris_", only=CORE, form=Form.LOKR_FACTORED),),
        writer="simpletuner",
        source=f"{_LYCORIS}/lokr.py",
        tried="LoKr, its second factor a pair",
    ),
)

_BEYOND_PAIRS = (
    Exhibit(
        "bfl-control",
        (Recipe("flux1-bfl", form=Form.BIAS, norms="scale"),),
        writer="bfl",
        source="huggingface/diffusers@58eb52c080 _convert_bfl_flux_control_lora_to_diffusers "
        "(FLUX.1-Canny-dev-lora, FLUX.1-Depth-dev-lora)",
        tried="the control LoRAs' biases and norms, on layers of unchanged size",
    ),
    Exhibit(
        "diffusers-control",
        (Recipe("flux1-diffusers", "transformer.", only=CORE, form=Form.BIAS, norms="weight"),),
        writer="diffusers",
        source="huggingface/diffusers@8ead4bcb examples/flux-control/train_control_lora_flux.py",
        tried="lora_bias and whole norms, on layers of unchanged size",
    ),
    Exhibit(
        "lycoris-norms",
        (Recipe("flux1-diffusers", "lycoris_", *KOHYA, "_", only=CORE, alpha=1.0, norms="w_norm"),),
        writer="lycoris",
        source=f"{_LYCORIS}/norms.py",
        tried="train_norm",
    ),
    Exhibit(
        "comfy-extracted",
        (
            Recipe("flux1-bfl", "diffusion_model.", *KOHYA, form=Form.DIFF_B),
            Recipe("flux1-bfl", "diffusion_model.", only=_AROUND, form=Form.FULL),
        ),
        writer="comfyui",
        source="Comfy-Org/ComfyUI@a125cd84 comfy/lora.py",
        tried="extracted from two checkpoints: diff and diff_b",
    ),
)

KINDS = (*_FACTORED, *_BEYOND_PAIRS)
