"""Scales by blocks on the bases of other families: each run of blocks, by the names of its family."""

from pathlib import Path

import numpy as np
import pytest

from kilnmark.engine.families.base import Base
from kilnmark.engine.stack.layers import StackedLinear
from kilnmark.engine.stack.member import member_of
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.zoo.write import make_adapter
from tests.engine.arrays import as_float64
from tests.engine.families.standins import standin
from tests.pairs import pairs_of

REST = 0.7


@pytest.mark.parametrize(
    ("name", "asked", "paths"),
    [
        (
            "standin:flux2-klein-4b",
            {"double.1": 0.3, "single": -1.0},
            {"transformer_blocks.1.": 0.3, "single_transformer_blocks.": -1.0},
        ),
        (
            "standin:z-image-turbo",
            {"layers.1": 0.25, "noise_refiner": 0.0, "context_refiner.0-1": 2.0},
            {"layers.1.": 0.25, "noise_refiner.": 0.0, "context_refiner.": 2.0},
        ),
        pytest.param(
            "standin:krea-2",
            {"blocks.1": 0.25, "layerwise": 0.0, "refiner.0-1": 2.0},
            {"blocks.1.": 0.25, "txtfusion.layerwise_blocks.": 0.0, "txtfusion.refiner_blocks.": 2.0},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "standin:qwen-image-2.1",
            {"blocks.1": 0.25, "blocks.0": 0.0},
            {"transformer_blocks.1.": 0.25, "transformer_blocks.0.": 0.0},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "standin:flux3-klein",
            {"image.1": 0.25, "reference": 0.0, "text": 0.5, "single.0-1": 2.0},
            {
                "mode_blocks.image.1.": 0.25,
                "mode_blocks.image_cond.": 0.0,
                "txt_mode_blocks.": 0.5,
                "single_transformer_blocks.": 2.0,
            },
            marks=pytest.mark.slow,
        ),
    ],
    ids=["klein", "z-image", "krea", "qwen-image", "flux3"],
)
def test_every_layer_of_a_base_has_the_scale_of_its_run(
    tmp_path: Path, name: str, asked: dict[str, float], paths: dict[str, float]
) -> None:
    base = standin(name)
    file = make_adapter(tmp_path / "a.safetensors", shapes=base.shapes, rank=1, blocks=2)
    adapter = read_adapter(file, base.shapes)
    base.stacker.switch([member_of(adapter, REST, asked, base.blocks)])
    try:
        for update in pairs_of(adapter):
            wrapper = base.slots[update.target].current()
            assert isinstance(wrapper, StackedLinear)
            scale = next((each for path, each in paths.items() if update.target.startswith(path)), REST)
            left = as_float64(wrapper.up)[:8] @ as_float64(wrapper.down)
            right = scale * update.multiplier * update.up[:8].astype(float) @ update.down.astype(float)
            assert np.abs(left - right).max() <= 1e-5 * np.abs(right).max()
    finally:
        base.stacker.switch([])


def test_an_installed_family_that_names_no_runs_has_those_of_its_paths(pinhole: Base) -> None:
    assert pinhole.blocks.words == "blocks (blocks.0-2)"
