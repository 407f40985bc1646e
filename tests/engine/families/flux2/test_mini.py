"""`mini`, untrained: as large as its row says, built as it tells, and painting what mflux paints of the same parts."""

import json
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein
from numpy.typing import NDArray

from kilnmark.engine.compute import precision
from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.flux2.model import Flux2Model
from kilnmark.engine.families.origins import find_origin
from kilnmark.engine.families.qwen3 import QWEN3
from kilnmark.engine.run.saver import Painting
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.write import ConventionName, draw_pair, make_adapter, write_tensors
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.work import Failed
from tests.engine.families.flux2.small import small_klein, write_as_mflux
from tests.engine.families.standins import PROMPT, Followed, picture, read_tensors, render, uncompiled
from tests.minis import write_mini

TARGETS = 33
ENCODER_TARGETS = 27 * 7
SHAPES = load_shapes("mini")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mini(tmp_path_factory.mktemp("mini"))


@pytest.fixture(scope="module")
def base(directory: Path) -> Base:
    return load_base("mini", None, str(directory))


def pixels(base: Base, **more: object) -> NDArray[np.uint8]:
    return np.asarray(base.generate(picture(base, **more), Followed()))


def test_it_is_as_large_as_its_row_says(base: Base) -> None:
    assert base.info.target_count == TARGETS
    assert base.shapes == dict(SHAPES)
    assert base.variant.numbers.nbytes(None, precision().size) == pytest.approx(base.info.memory_bytes, rel=0.01)


def test_a_picture_is_of_128_pixels_and_four_steps_where_nobody_says_otherwise() -> None:
    row = VARIANTS["mini"]
    assert (row.width, row.height, row.steps, row.guided, row.negative_prompt) == (128, 128, 4, False, False)


def test_it_paints_what_mflux_paints(base: Base) -> None:
    assert isinstance(base.model, Flux2Model)
    klein: Flux2Klein = base.model.made
    with uncompiled():
        image = klein.generate_image(seed=1, prompt=PROMPT, num_inference_steps=2, height=32, width=48, guidance=1.0)
    ours = pixels(base, width=48)
    assert np.array_equal(ours, np.asarray(image.image))
    assert ours.std() > 1


def test_its_directory_is_known_by_its_weights_and_is_no_klein(directory: Path, tmp_path: Path) -> None:
    assert find_origin("mine", str(directory)).variant is VARIANTS["mini"]
    said = "lacks attention in its VAE's decoder, so it is no flux2-klein-4b; name it mini"
    with pytest.raises(BaseUnavailable, match=said):
        find_origin("flux2-klein-4b", str(directory))
    small = write_as_mflux(small_klein(), tmp_path)
    with pytest.raises(BaseUnavailable, match=r"so it is no mini; name it flux2-klein-4b"):
        find_origin("mini", str(small))


@pytest.mark.parametrize("convention", ["diffusers", "kohya"])
def test_an_adapter_engages_with_all_its_targets_and_is_taken_off_again(
    base: Base, tmp_path: Path, convention: ConventionName
) -> None:
    before = base.predict()
    outcome = render(base, make_adapter(tmp_path / "a.safetensors", convention, shapes=SHAPES, rank=4, strength=2e-2))
    assert isinstance(outcome, Painting)
    (report,) = outcome.trail.loras
    assert report.verdict is Verdict.ENGAGED, report.reason
    assert report.matched_key_count == report.total_key_count
    assert report.applied_target_count == report.target_count
    assert bool(mx.array_equal(base.predict(), before))


def test_an_adapter_on_its_text_encoder_changes_every_layer_of_it(base: Base, tmp_path: Path) -> None:
    numbers = np.random.default_rng(1)
    tensors: dict[str, NDArray[np.float32]] = {}
    for path, (rows, columns) in SHAPES.items():
        if path.startswith(QWEN3):
            pair = draw_pair(numbers, rows, columns, 2, 2e-2)
            names = (f"text_encoder{path.removeprefix(QWEN3)}.lora_{letter}.weight" for letter in "AB")
            tensors |= dict(zip(names, pair, strict=True))
    outcome = render(base, write_tensors(tmp_path / "a.safetensors", tensors))
    assert isinstance(outcome, Painting)
    (report,) = outcome.trail.loras
    assert (report.verdict, report.applied_target_count) == (Verdict.ENGAGED, ENCODER_TARGETS)


def test_a_dead_one_is_caught_before_anything_is_painted(base: Base, tmp_path: Path) -> None:
    outcome = render(base, make_adapter(tmp_path / "a.safetensors", shapes=SHAPES, rank=1, dead=True))
    assert isinstance(outcome, Failed)
    assert [report.verdict for report in outcome.loras] == [Verdict.NOOP]


def test_an_adapter_for_klein_is_refused_by_its_name_and_one_for_mini_by_the_other(base: Base, tmp_path: Path) -> None:
    klein = make_adapter(tmp_path / "a.safetensors", shapes=load_shapes("flux2-klein-4b"), rank=1, blocks=2)
    outcome = render(base, klein)
    assert isinstance(outcome, Failed)
    assert "flux2-klein-4b" in outcome.loras[0].reason


@pytest.mark.parametrize(
    ("folder", "name", "value", "said"),
    [
        ("transformer", "num_attention_heads", 4, r"transformer: .* where config\.json beside it makes it"),
        ("vae", "block_out_channels", [16, 32, 48, 48], r"vae: .* where config\.json beside it makes it"),
        ("text_encoder", "head_dim", None, r"text_encoder/config\.json does not tell how large text_encoder is"),
        ("vae", "colours", 3, r"vae/config\.json does not tell how large vae is"),
    ],
)
def test_sizes_that_are_not_those_of_the_weights_are_refused(
    directory: Path, folder: str, name: str, value: object, said: str
) -> None:
    path = directory / folder / "config.json"
    told = path.read_bytes()
    path.write_text(json.dumps({**json.loads(told), name: value}))
    try:
        with pytest.raises(BaseUnavailable, match=said):
            load_base("mini", None, str(directory))
    finally:
        path.write_bytes(told)


def test_weights_that_are_missing_are_not_made_up(directory: Path) -> None:
    file = directory / "vae" / "0.safetensors"
    stored, tensors = file.read_bytes(), read_tensors(file)
    del tensors["decoder.conv_out.bias"]
    try:
        mx.save_safetensors(str(file), tensors, {"mflux_version": "0.24.0"})
        with pytest.raises(BaseUnavailable, match=r"lacks 1 weights, first 'decoder\.conv_out\.bias'"):
            load_base("mini", None, str(directory))
    finally:
        file.write_bytes(stored)
