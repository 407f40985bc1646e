"""Modules that have lost what their likes have are told, and none is where nothing was lost."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit

DEV = load_shapes("dev")
BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}
MODULE = "lora_unet_double_blocks_0_img_mod_lin"


def notes_without(tmp_path: Path, name: str, *lost: str, alpha: float | None = None) -> tuple[str, ...]:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME[name], rank=2, blocks=1)
    left = {key: tensor for key, tensor in load_file(source).items() if key not in lost}
    if alpha is not None:
        left = {key: np.asarray(alpha, np.float32) if key.endswith(".alpha") else each for key, each in left.items()}
    return read_adapter(write_tensors(tmp_path / "b.safetensors", left), DEV).notes


@pytest.mark.parametrize(
    ("name", "lost", "told"),
    [
        ("kohya", "alpha", "no alpha where 12 others have one, and is taken to have its rank for it"),
        ("kohya-dora", "dora_scale", "no magnitudes where 12 others have them"),
    ],
)
def test_what_one_module_has_lost_is_told(tmp_path: Path, name: str, lost: str, told: str) -> None:
    notes = notes_without(tmp_path, name, f"{MODULE}.{lost}", alpha=1.0)
    assert [note for note in notes if told in note and note.startswith("1 module has") and MODULE in note]


def test_an_alpha_that_is_the_rank_is_not_missed(tmp_path: Path) -> None:
    assert notes_without(tmp_path, "kohya", f"{MODULE}.alpha", alpha=2.0) == ()


@pytest.mark.parametrize(
    "name", ["kohya", "kohya-dora", "peft-dora", "diffusers-alpha", "kohya-te1", "ai-toolkit-lokr"]
)
def test_nothing_is_missed_where_nothing_was_lost(tmp_path: Path, name: str) -> None:
    assert not [note for note in notes_without(tmp_path, name) if " others " in note]
