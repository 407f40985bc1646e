"""Healthy pairs of matrices for FLUX.1, in every convention that trainers and exporters write."""

from kilnmark.keymaps.zoo.exhibit import Exhibit
from kilnmark.keymaps.zoo.recipes import Form, Recipe, TrainedEncoder
from kilnmark.keymaps.zoo.usual import CORE, diffusers, down_up, kohya

__all__ = ["FLUX1"]

_MLX = Recipe("mlx-examples", "", "lora_a", "lora_b", transposed=True)
_TE1, _TE3 = TrainedEncoder.CLIP_KOHYA, TrainedEncoder.T5_KOHYA
_PEFT_TE = Recipe("flux1-diffusers", "transformer.", only=CORE, encoders=(TrainedEncoder.CLIP_PEFT,))

_FLUX_PY = "kohya-ss/sd-scripts@48d368fa networks/lora_flux.py"
_CONVERSION = "huggingface/diffusers@58eb52c080 src/diffusers/loaders/lora_conversion_utils.py"
_DREAMBOOTH = "huggingface/diffusers@58eb52c080 examples/dreambooth/train_dreambooth_lora_flux.py"
_ONETRAINER = "Nerogar/OneTrainer@23df3832"

FLUX1 = (
    Exhibit(
        "mlx-examples-raw",
        (_MLX,),
        writer="mlx-examples",
        source="ml-explore/mlx-examples@c52cc748 flux/dreambooth.py",
        tried="as it is saved, matrices stored as (in, rank)",
    ),
    Exhibit(
        "mlx-examples-remapped",
        (kohya(alpha=None),),
        writer="keymaps",
        source="docs/remap.md",
        tried="a file of mlx-examples, converted to kohya's names",
    ),
    Exhibit("kohya", (kohya(),), writer="sd-scripts", source=f"{_FLUX_PY}, networks/convert_flux_lora.py"),
    Exhibit(
        "kohya-te1",
        (kohya(encoders=(_TE1,)),),
        writer="sd-scripts",
        source=f"{_FLUX_PY} LORA_PREFIX_TEXT_ENCODER_CLIP",
        tried="CLIP trained too",
    ),
    Exhibit(
        "kohya-te1-te3",
        (kohya(encoders=(_TE1, _TE3)),),
        writer="sd-scripts",
        source=f"{_FLUX_PY} LORA_PREFIX_TEXT_ENCODER_T5",
        tried="CLIP and T5 trained too (train_t5xxl)",
    ),
    Exhibit(
        "kohya-split-qkv",
        (kohya(form=Form.BLOCKS),),
        writer="sd-scripts",
        source=f"{_FLUX_PY} split_qkv",
        tried="split_qkv: block-diagonal fused modules",
    ),
    Exhibit(
        "draw-things",
        (kohya(form=Form.BLOCKS, alpha=0),),
        writer="draw-things",
        source="drawthingsai/draw-things-community@bfafc68c LoRAExporter.swift (kohyaTrainer)",
        tried="block-diagonal fused modules, alpha = rank",
    ),
    Exhibit(
        "kohya-in-dims",
        (kohya(only="block|_in"),),
        writer="sd-scripts",
        source=f"{_FLUX_PY} in_dims",
        tried="in_dims: the layers before the blocks too",
    ),
    Exhibit(
        "ai-toolkit",
        (diffusers(),),
        writer="ai-toolkit",
        source="ostris/ai-toolkit@27a03a91 toolkit/lora_special.py, toolkit/network_mixins.py",
    ),
    Exhibit(
        "replicate-ostris",
        (diffusers(),),
        writer="replicate",
        source="replicate/flux-fine-tuner@3dd14e3 train.py",
        tried="lora.safetensors of trained_model.tar",
    ),
    Exhibit("diffusers-peft", (diffusers(only=CORE),), writer="diffusers", source=_DREAMBOOTH),
    Exhibit(
        "diffusers-peft-te",
        (_PEFT_TE,),
        writer="diffusers",
        source=f"{_DREAMBOOTH} --train_text_encoder",
        tried="CLIP trained too",
    ),
    Exhibit(
        "diffusers-all-linear",
        (diffusers(only=""),),
        writer="simpletuner",
        source="bghira/SimpleTuner@bc8e6ab77 --flux_lora_target all+ffs+embedder; "
        "huggingface/diffusers@58eb52c080 FluxLoraLoaderMixin",
        tried="every linear layer",
    ),
    Exhibit(
        "diffusers-alpha",
        (diffusers(alpha=1.0),),
        writer="civitai",
        source="huggingface/diffusers@58eb52c080 loaders/lora_pipeline.py (TheLastBen/Jon_Snow_Flux_LoRA)",
        tried="PEFT's names with an alpha a layer",
    ),
    Exhibit(
        "diffusers-down-up",
        (down_up("flux1-diffusers", "transformer.", alpha=1.0),),
        writer="civitai",
        source=f"{_CONVERSION} has_peft_state_dict",
        tried="diffusers' layers with kohya's matrices",
    ),
    Exhibit(
        "peft-unprefixed",
        (diffusers(prefix=""),),
        writer="peft",
        source="huggingface/peft get_peft_model_state_dict",
        tried="no prefix of a component",
    ),
    Exhibit(
        "peft-default-adapter",
        (Recipe("flux1-diffusers", "", "lora_A.default.weight", "lora_B.default.weight"),),
        writer="diffsynth",
        source="modelscope/DiffSynth-Studio",
        tried="the adapter's name in the keys",
    ),
    Exhibit(
        "peft-base-model",
        (diffusers(prefix="base_model.model."),),
        writer="peft",
        source="huggingface/peft save_pretrained; yandex-research/swd#10",
        tried="save_pretrained's prefix",
    ),
    Exhibit(
        "simpletuner-old",
        (diffusers(prefix="transformer.base_model.model.", only=CORE),),
        writer="simpletuner",
        source="Comfy-Org/ComfyUI#4347",
        tried="older versions, two prefixes",
    ),
    Exhibit(
        "onetrainer-legacy",
        (kohya("flux1-diffusers", prefix="lora_transformer_", only=""),),
        writer="onetrainer",
        source=f"{_ONETRAINER} convert_lora_util.py convert_to_mixture; huggingface/diffusers#10599",
        tried="LEGACY_LORA, every linear layer",
    ),
    Exhibit(
        "onetrainer-comfy",
        (diffusers("flux1-bfl", "diffusion_model.", alpha=1.0),),
        writer="onetrainer",
        source=f"{_ONETRAINER} LoRASaverMixin._save_comfy",
        tried="COMFY_LORA",
    ),
    Exhibit(
        "onetrainer-original",
        (diffusers("flux1-bfl", "", alpha=1.0),),
        writer="onetrainer",
        source=f"{_ONETRAINER} LoRASaverMixin._save_original",
        tried="no prefix",
    ),
    Exhibit(
        "comfy-bfl",
        (down_up("flux1-bfl", "diffusion_model."),),
        writer="comfyui",
        source="Comfy-Org/ComfyUI@a125cd84 comfy/lora.py model_lora_keys_unet",
        tried="the generic names of its loader, no alpha",
    ),
    Exhibit(
        "comfy-bfl-all",
        (down_up("flux1-bfl", "diffusion_model.", only=""),),
        writer="comfyui",
        source="Comfy-Org/ComfyUI@a125cd84 comfy/lora.py model_lora_keys_unet",
        tried="every linear layer",
    ),
    Exhibit(
        "comfy-xlabs-realism",
        (down_up("flux1-bfl", "diffusion_model.", only="(img|txt)_attn"),),
        writer="xlabs",
        source="XLabs-AI/x-flux#41; mcmonkeyprojects/SwarmUI#159",
        tried="realism and style LoRAs as published for ComfyUI",
    ),
    Exhibit(
        "fal-kontext",
        (diffusers("flux1-bfl", "base_model.model.", only=r"block|final_layer\.linear"),),
        writer="fal",
        source=f"{_CONVERSION} _convert_fal_kontext_lora_to_diffusers",
        tried="the Kontext trainer, the output layer too",
    ),
    Exhibit(
        "fal-flux-lora",
        (diffusers(only=CORE),),
        writer="fal",
        source="fal client FluxLoraFastTrainingOutput.diffusers_lora_file",
        tried="the fast trainer; its layers are taken to be diffusers' own choice",
    ),
    Exhibit(
        "xlabs",
        (Recipe("xlabs", "", "down.weight", "up.weight", only="double"),),
        writer="xlabs",
        source="XLabs-AI/x-flux@4749542 src/flux/modules/layers.py DoubleStreamBlockLoraProcessor",
        tried="processors of double blocks",
    ),
    Exhibit(
        "xlabs-single",
        (Recipe("xlabs", "", "down.weight", "up.weight", only="single"),),
        writer="xlabs",
        source=f"{_CONVERSION} _convert_xlabs_flux_lora_to_diffusers",
        tried="processors of single blocks",
    ),
    Exhibit(
        "lora-unet-diffusers",
        (kohya("flux1-diffusers"),),
        writer="civitai",
        source="kohya-ss/sd-scripts#1463",
        tried="kohya's prefix on diffusers' layers",
    ),
    Exhibit(
        "mflux-train-old",
        (Recipe("flux1-mflux", "transformer.", "lora_A", "lora_B"),),
        writer="mflux",
        source="mflux 0.5 to 0.15, dreambooth lora_layers.save",
        tried="mflux-train on FLUX.1",
    ),
    Exhibit(
        "mixed-peft-kohya",
        (diffusers(), kohya()),
        writer="civitai",
        source=f"{_CONVERSION} has_mixture (sayakpaul/different-lora-from-civitai)",
        tried="the same layers twice, in two conventions",
    ),
)
