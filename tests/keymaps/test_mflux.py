"""The same files by mflux's own mapping, for those that it reads rightly: its targets, its patterns, its cuts."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from tests.keymaps.oracle import Wide, relative_error

BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}

READ_RIGHTLY = [
    "mlx-examples-remapped",
    "kohya",
    "kohya-split-qkv",
    "draw-things",
    "ai-toolkit",
    "diffusers-peft",
    "diffusers-alpha",
    "mflux-train-old",
    "flux2-ai-toolkit",
    "flux2-comfy-down-up",
    "flux2-diffusers",
    "flux2-kohya",
    "zimage-ai-toolkit",
    "zimage-diffusers",
    "zimage-kohya",
    "zimage-comfy-fused",
    "krea2-ai-toolkit",
    "krea2-all",
    "krea2-down-up",
    "krea2-official",
    "krea2-diffusers",
    "krea2-peft",
    "krea2-kohya",
    "flux3-ai-toolkit",
    "flux3-all",
    "flux3-down-up",
    "flux3-diffusers",
    "flux3-peft",
    "flux3-kohya",
    "qwen-image-diffusers",
    "qwen-image-fused",
]

Raw = Mapping[str, NDArray[np.float32]]


def mapping(variant: str) -> list[Any]:
    """Mflux's `LoRATarget`s for a model."""
    from mflux.models.flux.weights.flux_lora_mapping import FluxLoRAMapping
    from mflux.models.flux2.weights.flux2_lora_mapping import Flux2LoRAMapping
    from mflux.models.flux3.weights.flux3_lora_mapping import Flux3LoRAMapping
    from mflux.models.krea2.weights.krea2_lora_mapping import Krea2LoRAMapping
    from mflux.models.qwen21.weights.qwen21_lora_mapping import Qwen21LoRAMapping
    from mflux.models.z_image.weights.z_image_lora_mapping import ZImageLoRAMapping

    mappings = {
        "dev": FluxLoRAMapping,
        "flux2-klein-4b": Flux2LoRAMapping,
        "z-image-turbo": ZImageLoRAMapping,
        "krea-2": Krea2LoRAMapping,
        "flux3-klein": Flux3LoRAMapping,
        "qwen-image-2.1": Qwen21LoRAMapping,
    }
    return list(mappings[variant].get_mapping())


def by_block(raw: Raw) -> dict[tuple[str, str], str]:
    """Every key under each of its patterns: one of its numbers taken out, and which."""
    found = {(key, ""): key for key in raw}
    for key in raw:
        for number in re.finditer(r"\d+", key):
            found[key[: number.start()] + "{block}" + key[number.end() :], number.group()] = key
    return found


def product(raw: Raw, target: Any, keys: Mapping[tuple[str, str], str], block: str) -> tuple[float, Wide, Wide] | None:
    """What mflux makes of one target: multiplier, up and down matrix; None where the file has nothing for it."""
    import mlx.core as mx

    def matrix(patterns: list[str], transform: Any) -> Wide | None:
        key = next((keys[pattern, block] for pattern in patterns if (pattern, block) in keys), None)
        if key is None:
            return None
        stored = mx.array(raw[key].astype(np.float32))
        return np.array(transform(stored) if transform else stored).astype(float)

    up = matrix(target.possible_up_patterns, target.up_transform)
    down = matrix(target.possible_down_patterns, target.down_transform)
    if up is None or down is None:
        return None
    alpha = matrix(target.possible_alpha_patterns, None)
    return 1.0 if alpha is None else float(alpha) / down.shape[0], up, down


@pytest.mark.parametrize("name", READ_RIGHTLY)
def test_every_update_is_the_one_that_mflux_makes(tmp_path: Path, name: str) -> None:
    exhibit = BY_NAME[name]
    path = write_exhibit(tmp_path / "exhibit.safetensors", exhibit, blocks=2, dtype="F16")
    updates = {update.target: update for update in read_adapter(path, load_shapes(exhibit.variant)).updates}
    raw = load_file(path)
    path.unlink()
    keys, compared = by_block(raw), set()
    for target in mapping(exhibit.variant):
        for block in ("", "0", "1"):
            if (truth := product(raw, target, keys, block)) is None:
                continue
            path_of = target.model_path.replace("{block}", block)
            update = updates[path_of]
            assert isinstance(update, PairUpdate)
            up, down = update.up.astype(float), update.down.astype(float)
            assert relative_error(update.multiplier, up, down, truth) < 1e-5, path_of
            compared.add(path_of)
    assert compared == updates.keys()
