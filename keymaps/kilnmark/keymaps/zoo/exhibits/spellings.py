"""Healthy pairs of matrices whose names somebody's program spelled otherwise than their convention does.

Few modules each: what is tried is the spelling.
"""

from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.recipes import Recipe, TrainedEncoder
from kilnmark.keymaps.zoo.usual import as_convolutions, diffusers, down_up, kohya, renamed, with_embeddings

__all__ = ["SPELLINGS"]

_KLEIN, _Z_IMAGE = "flux2-klein-4b", "z-image-turbo"
_SINGLE_Q = r"^single.*attn\.to_q"


_OMI = renamed(
    (r"single_transformer_blocks\.(\d+)\.attn\.to_q", r"single_blocks.\1.linear1.0"),
    (r"single_transformer_blocks\.(\d+)\.proj_mlp", r"single_blocks.\1.linear1.3"),
    (r"transformer_blocks\.(\d+)\.attn\.to_k", r"double_blocks.\1.img_attn.qkv.1"),
    (r"transformer_blocks\.(\d+)\.attn\.add_v_proj", r"double_blocks.\1.txt_attn.qkv.2"),
    (r"\bx_embedder", "img_in.proj"),
)
_FUSED = renamed(
    (r"double_blocks\.(\d+)\.img_attn\.qkv", r"transformer_blocks.\1.attn.to_qkv"),
    (r"double_blocks\.(\d+)\.txt_attn\.qkv", r"transformer_blocks.\1.attn.to_added_qkv"),
    (r"single_blocks\.(\d+)\.processor\.qkv_lora", r"single_transformer_blocks.\1.attn.to_qkv"),
)

SPELLINGS = (
    Exhibit(
        "trailing-underscore",
        (kohya("flux1-diffusers", only=r"^single.*attn\.to_q|^context_embedder|^norm_out", alpha=4.0),),
        change=renamed((r"^([^.]+)", r"\1_")),
        writer="civitai",
        source="Comfy-Org/ComfyUI#4347; kohya-ss/sd-scripts#1463",
        tried="an underscore behind every module's name",
    ),
    Exhibit(
        "transformer-flat",
        (kohya("flux1-diffusers", prefix="transformer_", only=_SINGLE_Q, alpha=2.0),),
        writer="civitai",
        source="camenduru/flux-jupyter#16",
        tried="flattened names behind transformer_",
    ),
    Exhibit(
        "onetrainer-omi",
        (
            down_up(
                "flux1-diffusers",
                "transformer.",
                only=r"^single.*(attn\.to_q|proj_mlp)|^transformer.*attn\.(to_k|add_v)|^x_embedder|^proj_out",
                alpha=1.0,
            ),
        ),
        change=_OMI,
        writer="onetrainer",
        source="invoke-ai/InvokeAI#8984; Nerogar/OneTrainer@a44be324 modules/util/convert/lora/convert_flux_lora.py",
        tried="OMI names: the layers of fused modules apart, qkv.0 to qkv.2 and linear1.0 to linear1.3",
    ),
    Exhibit(
        "simpletuner-comfyui",
        (diffusers(prefix="diffusion_model.", only=r"attn\.to_(q|out)|^transformer.*ff\.", alpha=8.0),),
        writer="simpletuner",
        source="bghira/SimpleTuner#2032",
        tried="`--lora_format comfyui` of November 2025: diffusers' names behind diffusion_model.",
    ),
    Exhibit(
        "simpletuner-lora-down",
        (
            Recipe(
                "flux1-diffusers",
                "transformer.base_model.model.",
                "lora.down.weight",
                "lora.up.weight",
                only=r"^single.*attn\.to_k",
            ),
        ),
        writer="simpletuner",
        source="bghira/SimpleTuner#779",
        tried="August 2024: .lora.down.weight",
    ),
    Exhibit(
        "peft-named-adapter",
        (Recipe("flux1-diffusers", "", "lora_A.default_0.weight", "lora_B.default_0.weight", only=_SINGLE_Q),),
        writer="peft",
        source="FireRedTeam/LayerDiffuse-Flux#8; invoke-ai/InvokeAI@8e71a8a5 peft_adapter_utils.py",
        tried="the adapter's name left in, and it is not `default`",
    ),
    Exhibit(
        "diffusers-named-adapter",
        (Recipe("flux1-diffusers", "transformer.", "lora_A.default.weight", "lora_B.default.weight", only=_SINGLE_Q),),
        writer="diffusers",
        source="AMAP-ML/FluxText#8",
        tried="the adapter's name left in",
    ),
    Exhibit(
        "compiled",
        (diffusers(prefix="transformer._orig_mod.", only=_SINGLE_Q),),
        writer="diffusers",
        source="kohya-ss/sd-scripts#1024; huggingface/peft#2957",
        tried="saved from a compiled transformer",
    ),
    Exhibit(
        "diffsynth-pipe",
        (Recipe("flux1-diffusers", "pipe.dit.", "lora_A.default.weight", "lora_B.default.weight", only=_SINGLE_Q),),
        writer="diffsynth",
        source="modelscope/DiffSynth-Studio train.py, without remove_prefix_in_ckpt",
        tried="the pipeline's own prefix left in",
    ),
    Exhibit(
        "simpletuner-fused-qkv",
        (
            diffusers("flux1-bfl", only=r"attn\.qkv"),
            Recipe("xlabs", "transformer.", only=r"^single.*qkv_lora"),
        ),
        change=_FUSED,
        writer="simpletuner",
        source="bghira/SimpleTuner `--fuse_qkv_projections`; bghira/SimpleTuner#3222",
        tried="trained on fused attention: to_qkv and to_added_qkv",
    ),
    Exhibit(
        "onetrainer-dotted",
        (down_up("flux1-diffusers", "lora_transformer.", only="^proj_out", encoders=(TrainedEncoder.CLIP_PEFT,)),),
        change=renamed((r"^text_encoder\.", "lora_te1.")),
        writer="onetrainer",
        source="Nerogar/OneTrainer@a44be324 modules/util/convert/lora/convert_flux_lora.py",
        tried="the names that it flattens, with their dots",
    ),
    Exhibit(
        "convolutions",
        (kohya(only="img_attn.proj"),),
        change=as_convolutions,
        writer="comfyui",
        source="Comfy-Org/ComfyUI@a125cd84 comfy/weight_adapter/lora.py",
        tried="matrices stored as convolutions of one by one",
    ),
    Exhibit(
        "onetrainer-embeddings",
        (kohya("flux1-diffusers", prefix="lora_transformer_", only=_SINGLE_Q),),
        change=with_embeddings,
        writer="onetrainer",
        source="Nerogar/OneTrainer@23df3832 modules/modelSaver/flux/FluxLoRASaver.py",
        tried="embeddings of a word trained beside it, which are not applied and told",
    ),
    Exhibit(
        "flux2-all-linear",
        (diffusers("flux2-diffusers", only=r"^(?!.*blocks)|^single.*to_out"),),
        _KLEIN,
        writer="diffusers",
        source="huggingface/diffusers#13486; huggingface/diffusers@58eb52c080 models/transformers/transformer_flux2.py",
        tried="FLUX.2-klein, target_modules all-linear",
    ),
    Exhibit(
        "flux2-sformer",
        (diffusers("flux2-diffusers", "diffusion_model.", only="block"),),
        _KLEIN,
        change=renamed((r"\.transformer_blocks", ".sformer_blocks")),
        writer="fal",
        source="huggingface/diffusers#13486; huggingface/diffusers#13484",
        tried="FLUX.2-klein, double blocks called sformer_blocks",
    ),
    Exhibit(
        "zimage-double-underscore",
        (kohya("z-image-diffusers", prefix="lora_unet__", only=r"^(noise|context)_refiner.*(attention|feed)"),),
        _Z_IMAGE,
        writer="civitai",
        source="invoke-ai/InvokeAI@8e71a8a5 z_image_lora_conversion_utils.py",
        tried="Z-Image, two underscores behind the prefix",
    ),
    Exhibit(
        "zimage-peft-pipeline",
        (diffusers("z-image-diffusers", "base_model.model.transformer.", only=r"^layers.*(attention\.to_q|adaLN)"),),
        _Z_IMAGE,
        writer="peft",
        source="bghira/SimpleTuner#2634; invoke-ai/InvokeAI@8e71a8a5 z_image_lora_conversion_utils.py",
        tried="Z-Image, PEFT around a pipeline",
    ),
)
