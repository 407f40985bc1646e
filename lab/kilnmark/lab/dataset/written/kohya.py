"""kohya's dataset, for `--dataset_config` of its scripts, as `docs/config_README-en.md` of kohya-ss/sd-scripts has it.

Its scripts have a file of this form for any model; which model is trained, their own options say.
"""

import json
import os
from pathlib import Path
from typing import Final

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.dataset.written.copies import PICTURES
from kilnmark.lab.dataset.written.order import TrainerOrder

__all__ = ["DATASET", "write_kohya"]

DATASET: Final = "kohya.toml"
_STEP = 64
"""Pixels from one size of its buckets to the next, which divides all of them."""


def write_kohya(order: TrainerOrder) -> Path:
    """Write `kohya.toml`. JSON's texts and numbers are TOML's, too."""
    path = order.folder / DATASET
    smallest = max(_STEP, order.size // 4 // _STEP * _STEP)
    largest = max(smallest, order.size * 2 // _STEP * _STEP)
    lines = [
        "[general]",
        'caption_extension = ".txt"',
        "shuffle_caption = false",
        "",
        "[[datasets]]",
        f"resolution = {order.size}",
        "batch_size = 1",
        "enable_bucket = true",
        "bucket_no_upscale = true",
        f"bucket_reso_steps = {_STEP}",
        f"min_bucket_reso = {smallest}",
        f"max_bucket_reso = {largest}",
        "",
        "[[datasets.subsets]]",
        f"image_dir = {json.dumps(os.fspath(order.folder / PICTURES), ensure_ascii=False)}",
        "num_repeats = 1",
    ]
    with written_whole(path) as file:
        file.write("\n".join(lines).encode() + b"\n")
    return path
