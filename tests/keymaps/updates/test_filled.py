"""Zeros that fill a row of a fused module, told from those of a layer that was lost."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.files.safefile import read_file
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.remap.convert import GOALS, GoalName, remap_adapter
from kilnmark.keymaps.updates.filled import FILLED
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.zoo.write import write_tensors
from kilnmark.protocol.picture.report import Verdict

DEV = load_shapes("dev")
BLOCK = "single_transformer_blocks.7"
FUSED = "lora_unet_single_blocks_7_linear1"
MLP = f"{BLOCK}.proj_mlp"


def attention(letters: str = "qkv") -> dict[str, Matrix]:
    """Attention of one single block, without the layer that kohya's names have in the same module."""
    numbers = np.random.default_rng(4)
    return {
        f"transformer.{BLOCK}.attn.to_{letter}.lora_{half}.weight": numbers.standard_normal(shape, np.float32) * 0.02
        for letter in letters
        for half, shape in (("A", (2, 3072)), ("B", (3072, 2)))
    }


def verdict_of(path: Path) -> tuple[Verdict, str]:
    found = inspect_file(str(path), DEV).inspection
    return found.verdict, found.reason


def rewritten(path: Path, tensors: Mapping[str, Matrix], *, keep: bool) -> Path:
    metadata = dict(read_file(path).metadata) if keep else None
    return write_tensors(path.with_name("rewritten.safetensors"), tensors, metadata=metadata)


@pytest.fixture(params=["qkv", "q", "qv"])
def remapped(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    source = write_tensors(tmp_path / "a.safetensors", attention(request.param))
    return Path(remap_adapter(source, tmp_path / "b.safetensors", "kohya").path)


def test_a_remapped_file_is_engaged_on_the_layers_that_it_had(remapped: Path) -> None:
    verdict, reason = verdict_of(remapped)
    assert (verdict, MLP in [update.target for update in read_adapter(remapped, DEV).updates]) == ("engaged", False)
    assert "zeros that fill a row, and no part of the adapter" in reason
    source = read_adapter(remapped.with_name("a.safetensors"), DEV)
    norms = {update.target: update.norm for update in source.updates}
    assert {update.target: update.norm for update in read_adapter(remapped, DEV).updates} == pytest.approx(norms)


@pytest.mark.parametrize("keep", [True, False])
def test_a_layer_that_is_lost_afterwards_is_still_seen(remapped: Path, keep: bool) -> None:
    tensors = load_file(remapped)
    tensors[f"{FUSED}.lora_up.weight"][:3072] = 0
    verdict, reason = verdict_of(rewritten(remapped, tensors, keep=keep))
    assert verdict in {"partial", "noop"}
    assert f"{BLOCK}.attn.to_q" in reason or verdict == "noop"


@pytest.mark.parametrize("keep", [True, False])
def test_a_layer_whose_half_was_lost_before_is_no_zeros_that_fill(tmp_path: Path, keep: bool) -> None:
    """Its columns of the up matrix are left behind, and what they are multiplied by is zero."""
    lost = {key: np.zeros_like(each) if "to_q.lora_A" in key else each for key, each in attention().items()}
    source = write_tensors(tmp_path / "a.safetensors", lost)
    goal = Path(remap_adapter(source, tmp_path / "b.safetensors", "kohya").path)
    for path in (source, rewritten(goal, load_file(goal), keep=keep)):
        verdict, reason = verdict_of(path)
        assert (verdict, f"{BLOCK}.attn.to_q" in reason) == ("partial", True)


def test_separate_columns_tell_of_themselves_and_shared_ones_do_not(tmp_path: Path) -> None:
    for letters, told in (("qkv", "engaged"), ("q", "partial")):
        source = write_tensors(tmp_path / "a.safetensors", attention(letters))
        goal = Path(remap_adapter(source, tmp_path / f"{letters}.safetensors", "kohya").path)
        assert verdict_of(rewritten(goal, load_file(goal), keep=False))[0] == told


@pytest.mark.parametrize("said", ["[", "7", '{"a": 1}', "[7]", json.dumps(["transformer_blocks.0.attn.to_q"])])
def test_an_entry_of_no_sense_says_nothing(tmp_path: Path, said: str) -> None:
    whole = {key: np.zeros_like(each) if "to_q.lora_B" in key else each for key, each in attention().items()}
    path = write_tensors(tmp_path / "a.safetensors", whole, metadata={FILLED: said})
    assert verdict_of(path)[0] == "partial"


def test_nothing_but_zeros_is_no_filling(tmp_path: Path) -> None:
    up = np.zeros((7 * 3072, 2), np.float32)
    targets = [f"{BLOCK}.attn.to_{letter}" for letter in "qkv"]
    path = write_tensors(
        tmp_path / "a.safetensors",
        {f"{FUSED}.lora_down.weight": np.ones((2, 3072), np.float32), f"{FUSED}.lora_up.weight": up},
        metadata={FILLED: json.dumps([*targets, MLP])},
    )
    assert verdict_of(path)[0] == "noop"


@pytest.mark.parametrize("to", GOALS)
def test_what_was_filled_is_not_carried_further(remapped: Path, to: GoalName) -> None:
    goal = remap_adapter(remapped, remapped.with_name("c.safetensors"), to).path
    before, after = ({update.target for update in read_adapter(path, DEV).updates} for path in (remapped, goal))
    assert before == after
    assert verdict_of(Path(goal))[0] == "engaged"
