"""What trainers write into a header beside the tensors: the entries of real files, with made-up values.

kohya         kohya-ss/sd-scripts, commit 48d368fa, flux_train_network.py, library/sai_model_spec.py
ai-toolkit    ostris/ai-toolkit, commit 27a03a91, toolkit/metadata.py, jobs/process/BaseSDTrainProcess.py
OneTrainer    Nerogar/OneTrainer, commit 23df3832, DtypeModelSaverMixin.py
mlx-examples  ml-explore/mlx-examples, commit c52cc748, flux/dreambooth.py
mflux         filipstrand/mflux, version 0.5, dreambooth lora_layers.save
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.trust.models import Model

__all__ = ["entries_of", "packed", "peft_fields", "plain"]

Entries = dict[str, str]
Numbers = np.random.Generator

_ARCHITECTURES = {
    "dev": ("flux1", "flux-1-dev/lora"),
    "schnell": ("flux1", "flux-1-schnell/lora"),
    "flux2-klein-4b": ("flux_2_klein_4b", "Flux.2-klein-4b/lora"),
    "z-image-turbo": ("z_image", "Z-Image-Turbo/lora"),
}
_WORDS = (
    "harbour",
    "ink wash",
    "1girl",
    "low light",
    "a mill by a river",
    "naïve",
    "墨絵",
    "35mm",
    'a "sign"',
    "back\\slash",
)


def _modelspec(model: Model) -> Entries:
    return {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": _ARCHITECTURES[model.name][1],
        "modelspec.title": "ink",
        "modelspec.resolution": "1024x1024",
        "modelspec.date": "2026-02-03T04:05:06",
        "modelspec.prediction_type": "epsilon",
    }


def _kohya(model: Model, numbers: Numbers, rank: int) -> Entries:
    tags = int(10 ** numbers.uniform(0, 3))
    if numbers.random() < 0.01:
        tags = int(numbers.choice([30_000, 200_000]))
    # `choice` would make an array of the words for each of them.
    counted = {f"{_WORDS[numbers.integers(len(_WORDS))]} {n}": int(numbers.integers(1, 90)) for n in range(tags)}
    return {
        "ss_base_model_version": _ARCHITECTURES[model.name][0],
        "ss_network_module": "networks.lora_flux",
        "ss_network_dim": str(rank),
        "ss_network_alpha": "1.0",
        "ss_network_args": json.dumps({"train_blocks": "all", "loraplus_lr_ratio": "4"}),
        "ss_sd_model_name": f"{model.base}.safetensors",
        "ss_sd_model_hash": "a1b2c3d4",
        "ss_output_name": "ink",
        "ss_learning_rate": "0.0001",
        "ss_optimizer": "bitsandbytes.optim.adamw.AdamW8bit(weight_decay=0.01,betas=(0.9, 0.99))",
        "ss_mixed_precision": "bf16",
        "ss_steps": str(numbers.integers(100, 9000)),
        "ss_epoch": "4",
        "ss_max_train_steps": "9000",
        "ss_training_comment": "None",
        "ss_tag_frequency": json.dumps({"10_ink wash": counted}, ensure_ascii=bool(numbers.integers(2))),
        "ss_dataset_dirs": json.dumps({"10_ink wash": {"n_repeats": 10, "img_count": 12}}),
        "ss_bucket_info": json.dumps({"buckets": {"0": {"resolution": [832, 1216], "count": 80}}}),
        "sshs_model_hash": "0" * 64,
        "sshs_legacy_hash": "0" * 8,
        **_modelspec(model),
    }


def _ai_toolkit(model: Model, numbers: Numbers, rank: int) -> Entries:
    return {
        "format": "pt",
        "name": "ink",
        "version": "1.0",
        "software": json.dumps(
            {"name": "ai-toolkit", "repo": "https://github.com/ostris/ai-toolkit", "version": "0.7"}
        ),
        "training_info": json.dumps({"step": int(numbers.integers(100, 9000)), "epoch": 3}, indent=2),
        "ss_base_model_version": _ARCHITECTURES[model.name][0],
        "ss_output_name": "ink",
        "sshs_model_hash": "0" * 64,
    }


def _onetrainer(model: Model, numbers: Numbers, rank: int) -> Entries:
    config = {
        "training_method": "LORA",
        "base_model_name": model.base,
        "peft_type": "LORA",
        "lora_rank": rank,
        "lora_alpha": 1.0,
        "epochs": int(numbers.integers(1, 100)),
        "concepts": None,
    }
    return {
        "ot_branch": "master",
        "ot_revision": "23df3832",
        "ot_config": json.dumps(config),
        **_modelspec(model),
    }


def _mlx_examples(model: Model, numbers: Numbers, rank: int) -> Entries:
    return {"lora_rank": str(rank), "lora_blocks": "-1"}


def _mflux(model: Model, numbers: Numbers, rank: int) -> Entries:
    return {"mflux_version": "0.5.1"}


def _none(model: Model, numbers: Numbers, rank: int) -> Entries:
    return {"format": "pt"}


_BY_TRAINER: Mapping[str, Callable[[Model, Numbers, int], Entries]] = {
    "kohya": _kohya,
    "ai-toolkit": _ai_toolkit,
    "onetrainer": _onetrainer,
    "mlx-examples": _mlx_examples,
    "mflux": _mflux,
    "none": _none,
}


def entries_of(trainer: str, model: Model, numbers: Numbers, rank: int) -> Entries | None:
    """A header's `__metadata__`; some files have lost theirs."""
    if numbers.random() < 0.15:
        return None
    return _BY_TRAINER[trainer](model, numbers, rank)


def peft_fields(rank: int, alpha: float, *, rslora: bool, patterns: Mapping[str, float]) -> dict[str, Any]:
    """PEFT's config, as `LoraConfig.to_dict` has it."""
    return {
        "r": rank,
        "lora_alpha": alpha,
        "use_rslora": rslora,
        "alpha_pattern": dict(patterns),
        "rank_pattern": {},
        "init_lora_weights": True,
        "use_dora": False,
        "lora_bias": False,
        "target_modules": ["to_q", "to_k", "to_v", "to_out.0"],
        "peft_type": "LORA",
        "base_model_name_or_path": None,
    }


def packed(fields: Mapping[str, Any]) -> Entries:
    """As diffusers packs it into the header: `_pack_dict_with_prefix`."""
    flat = {f"transformer.{name}": value for name, value in fields.items()}
    return {"format": "pt", "lora_adapter_metadata": json.dumps(flat, indent=2, sort_keys=True)}


def plain(fields: Mapping[str, Any], component: str) -> Entries:
    """Alpha and rank as entries of their own, below the component's name or below none."""
    return {"format": "pt", f"{component}lora_alpha": str(fields["lora_alpha"]), f"{component}r": str(fields["r"])}
