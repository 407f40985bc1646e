"""ai-toolkit's job, as its `config/examples/train_lora_flux_24gb.yaml` and `toolkit/config_modules.py` read it.

Captions hold the trigger already, so that none is named for it to put in; pictures are painted by the sweep, not by the
trainer.
"""

import os
from pathlib import Path
from typing import Any, Final

import yaml

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.dataset.errors import LayoutUnwritable
from kilnmark.lab.dataset.written.copies import PICTURES
from kilnmark.lab.dataset.written.order import TrainerOrder
from kilnmark.lab.dataset.written.own import with_own

__all__ = ["JOB", "write_ai_toolkit"]

JOB: Final = "ai-toolkit.yaml"


def write_ai_toolkit(order: TrainerOrder) -> Path:
    """Write `ai-toolkit.yaml`.

    Raises:
        LayoutUnwritable: ai-toolkit has nothing for the base.
    """
    path = order.folder / JOB
    if "ai-toolkit" not in order.base.trained_as:
        raise LayoutUnwritable(str(path), f"ai-toolkit does not train {order.base.name}", "choose another trainer")
    process = {
        "type": "sd_trainer",
        "training_folder": os.fspath(order.output),
        "device": "cuda:0",
        "network": {"type": "lora", "linear": order.numbers.rank, "linear_alpha": order.numbers.rank},
        "save": _save(order),
        "datasets": [_dataset(order)],
        "train": _train(order),
        "model": _model(order),
    }
    document = {"job": "extension", "config": {"name": order.name, "process": [with_own(process, order.numbers.own)]}}
    with written_whole(path) as file:
        file.write(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000).encode())
    return path


def _save(order: TrainerOrder) -> dict[str, Any]:
    """Every checkpoint is kept: the earliest good one is wanted."""
    kept = order.numbers.steps // order.numbers.save_every + 1
    return {"dtype": "bf16", "save_every": order.numbers.save_every, "max_step_saves_to_keep": kept}


def _dataset(order: TrainerOrder) -> dict[str, Any]:
    return {
        "folder_path": os.fspath(order.folder / PICTURES),
        "caption_ext": "txt",
        "default_caption": "",
        "caption_dropout_rate": 0.0,
        "shuffle_tokens": False,
        "cache_latents_to_disk": True,
        "resolution": [order.size],
    }


def _train(order: TrainerOrder) -> dict[str, Any]:
    return {
        "batch_size": 1,
        "steps": order.numbers.steps,
        "gradient_accumulation_steps": 1,
        "train_unet": True,
        "train_text_encoder": False,
        "gradient_checkpointing": True,
        "noise_scheduler": "flowmatch",
        "optimizer": "adamw8bit",
        "lr": order.numbers.learning_rate,
        "disable_sampling": True,
        "dtype": "bf16",
    }


def _model(order: TrainerOrder) -> dict[str, Any]:
    model = {"name_or_path": order.base.repository, "arch": order.base.trained_as["ai-toolkit"], "quantize": True}
    return model | ({"assistant_lora_path": order.base.training_adapter} if order.base.training_adapter else {})
