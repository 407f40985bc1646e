"""Kinds of updates beyond plain pairs in other conventions: the same change of every layer, on a base."""

from pathlib import Path

import numpy as np
import pytest

from kilnmark.keymaps.adapter import Adapter, read_adapter
from kilnmark.keymaps.errors import UnfitAdapter
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.remap.convert import GoalName, remap_adapter
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.keymaps.zoo.zoo import EXHIBITS, write_exhibit
from tests.trust.deltas import base_of

DEV = load_shapes("dev")
BY_NAME = {exhibit.name: exhibit for exhibit in EXHIBITS}
CARRIED: tuple[tuple[str, GoalName], ...] = (
    ("kohya-dora", "kohya"),
    ("kohya-dora", "diffusers"),
    ("peft-dora", "diffusers"),
    ("kohya-loha-bfl", "diffusers"),
    ("kohya-loha-bfl", "kohya"),
    ("kohya-lokr-bfl", "kohya"),
    ("ai-toolkit-lokr", "diffusers"),
    ("simpletuner-lokr-lowrank", "diffusers"),
    ("bfl-control", "diffusers"),
    ("lycoris-norms", "kohya"),
    ("lycoris-norms", "diffusers"),
    ("mixed-peft-kohya", "diffusers"),
)


def norms_of(adapter: Adapter) -> dict[str, float]:
    return {update.target: update.norm_on(base_of(*DEV[update.target])) for update in adapter.updates}


@pytest.mark.parametrize(("name", "to"), CARRIED)
def test_every_layer_is_changed_as_before(tmp_path: Path, name: str, to: GoalName) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME[name], blocks=1)
    goal = remap_adapter(source, tmp_path / "b.safetensors", to).path
    assert inspect_file(str(goal), DEV).inspection.verdict == "engaged"
    assert norms_of(read_adapter(goal, DEV)) == pytest.approx(norms_of(read_adapter(source, DEV)), rel=1e-5)


def test_loha_of_separate_layers_is_joined_rank_beside_rank(tmp_path: Path) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["kohya-loha-bfl"], rank=2, blocks=1)
    apart = remap_adapter(source, tmp_path / "b.safetensors", "diffusers").path
    together = remap_adapter(apart, tmp_path / "c.safetensors", "kohya").path
    assert norms_of(read_adapter(together, DEV)) == pytest.approx(norms_of(read_adapter(source, DEV)), rel=1e-5)


def test_magnitudes_of_some_layers_cannot_stand_for_all(tmp_path: Path) -> None:
    source = write_exhibit(tmp_path / "a.safetensors", BY_NAME["peft-dora"], blocks=1)
    with pytest.raises(UnfitAdapter, match=r"has them for some: 'single_transformer_blocks\.0\.attn\.to_q'"):
        remap_adapter(source, tmp_path / "b.safetensors", "kohya")


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
@pytest.mark.parametrize(("alpha", "apart"), [(0.0, True), (1.0, True), (1e-6, False)])
def test_a_bound_of_rotations_counts_a_whole_module(
    tmp_path: Path, alpha: float, apart: bool, shape: tuple[int, ...]
) -> None:
    blocks = np.random.default_rng(1).standard_normal((9216 // 8, 8, 8)).astype(np.float32) * 0.01
    name = "lora_unet_double_blocks_0_img_attn_qkv"
    tensors = {f"{name}.oft_blocks": blocks, f"{name}.alpha": np.full(shape, alpha, np.float32)}
    source = write_tensors(tmp_path / "a.safetensors", tensors)
    together = remap_adapter(source, tmp_path / "b.safetensors", "kohya").path
    norms = pytest.approx(norms_of(read_adapter(source, DEV)), rel=1e-5)
    assert norms_of(read_adapter(together, DEV)) == norms
    if apart:
        goal = remap_adapter(source, tmp_path / "c.safetensors", "diffusers").path
        assert norms_of(read_adapter(goal, DEV)) == norms
    else:
        with pytest.raises(UnfitAdapter, match=r"bounds the rotations of all .*: 'transformer_blocks\.0\.attn\.to_q'"):
            remap_adapter(source, tmp_path / "c.safetensors", "diffusers")


def test_magnitudes_of_inputs_count_a_whole_module(tmp_path: Path) -> None:
    tensors = {}
    for letter in "qkv":
        name = f"lora_transformer_transformer_blocks_0_attn_to_{letter}"
        tensors[f"{name}.lora_down.weight"] = np.full((1, 3072), 0.01, np.float32)
        tensors[f"{name}.lora_up.weight"] = np.full((3072, 1), 0.01, np.float32)
        tensors[f"{name}.dora_scale"] = np.full((1, 3072), 1.5, np.float32)
    source = write_tensors(tmp_path / "a.safetensors", tensors)
    goal = remap_adapter(source, tmp_path / "b.safetensors", "diffusers").path
    assert norms_of(read_adapter(goal, DEV)) == pytest.approx(norms_of(read_adapter(source, DEV)), rel=1e-5)
    with pytest.raises(UnfitAdapter, match=r"magnitudes of inputs count all layers .*'transformer_blocks\.0\.attn"):
        remap_adapter(source, tmp_path / "c.safetensors", "kohya")
