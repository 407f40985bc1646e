"""Cases with known truth: they are what they are called, before any is trained or painted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from scripts.lab_gate import cases as cases_
from scripts.lab_gate.cases import cases
from scripts.lab_gate.derive import spoil
from scripts.lab_gate.recipes import RECIPES, STYLES, WRONG_TRIGGER, motifs
from scripts.lab_gate.truth import way

SHAPES = load_shapes("mini")


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return make_adapter(tmp_path / "ink.safetensors", shapes=SHAPES)


@pytest.mark.parametrize(
    ("how", "verdict"),
    [("dead", Verdict.NOOP), ("half dead", Verdict.PARTIAL), ("eight times too strong", Verdict.ENGAGED)],
)
def test_a_spoilt_copy_is_what_it_is_called(adapter: Path, how: str, verdict: Verdict) -> None:
    assert inspect_file(str(spoil(adapter, how)), SHAPES).inspection.verdict is verdict


def test_eight_times_too_strong_is_eight_times_as_strong(adapter: Path) -> None:
    strong = load_file(str(spoil(adapter, "eight times too strong")))
    for name, value in load_file(str(adapter)).items():
        times = 8 if name.endswith("lora_B.weight") else 1
        np.testing.assert_allclose(
            strong[name].astype(np.float64), times * value.astype(np.float64), rtol=2e-3, atol=1e-6
        )


def test_there_are_enough_cases_of_every_kind_and_no_two_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def named(path: Path, how: str) -> Path:
        return path.with_name(f"{path.stem}-{how}")

    monkeypatch.setattr(cases_, "spoil", named)
    found = cases(tmp_path)
    assert len(found) == len({case.name for case in found}) >= 40
    assert len({case.file for case in found}) >= 40
    assert sum(case.is_good for case in found) >= 16
    assert all(case.style != case.does for case in found if case.made == "other style")
    assert len({(recipe.seed, recipe.rank, recipe.trigger) for recipe in RECIPES}) == len(RECIPES)
    assert all(wrong not in {trigger, ""} for trigger, wrong in WRONG_TRIGGER.items())


def test_no_dataset_shows_a_scene_that_the_gate_paints() -> None:
    assert all(motif.creature != "none" for motif in motifs())


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    def save(name: str, pixels: object) -> Path:
        Image.fromarray(np.asarray(pixels, np.uint8)).save(tmp_path / f"{name}.png")
        return tmp_path / f"{name}.png"

    return save


@pytest.mark.parametrize("name", STYLES)
def test_the_way_is_none_without_a_style_whole_in_it_and_half_between(name: str, saved: Callable[..., Path]) -> None:
    bare = np.random.default_rng(1).integers(40, 200, (64, 64, 3), dtype=np.uint8)
    styled = STYLES[name](bare)
    between = (bare.astype(int) + styled) // 2
    path = saved("bare", bare)
    ways = [way([(path, saved("painted", each))], STYLES[name]) for each in (bare, styled, between)]
    assert ways == pytest.approx([0, 1, 0.5], abs=0.06)
