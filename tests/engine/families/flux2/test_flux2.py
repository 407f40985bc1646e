"""FLUX.2-klein as a base, on its standin: mflux's own classes and pictures, every convention, no trace left."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein
from mlx.utils import tree_flatten

from kilnmark.engine.compute import backend
from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.flux2.model import Flux2Model
from kilnmark.engine.families.flux2.standin import build_standin
from kilnmark.engine.run.saver import Painting
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.exhibits.flux2 import FLUX2
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.keymaps.zoo.zoo import Exhibit, write_exhibit
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.work import Failed
from tests.engine.arrays import as_numpy
from tests.engine.families.standins import PROMPT, Followed, picture, placed_at, render, short_standin, standin
from tests.engine.short import BLOCKS

NAME = "standin:flux2-klein-4b"
SHAPES = load_shapes("flux2-klein-4b")


@pytest.fixture
def base() -> Base:
    return standin(NAME)


@pytest.fixture
def short() -> Base:
    return short_standin(NAME)


def klein_of(base: Base) -> Flux2Klein:
    assert isinstance(base.model, Flux2Model)
    return base.model.made


def test_it_is_made_of_mflux_classes_with_the_109_targets_of_klein(base: Base) -> None:
    klein = klein_of(base)
    assert (type(klein), type(klein.transformer)) == (Flux2Klein, Flux2Transformer)
    assert type(klein.text_encoder) is Qwen3TextEncoder
    assert base.info.target_count == 109
    assert base.shapes == dict(SHAPES)


def test_it_is_small_and_says_how_large(base: Base) -> None:
    assert base.info.memory_bytes < 300e6
    assert base.variant.numbers.nbytes(None, 4) == pytest.approx(base.info.memory_bytes, rel=0.01)


@pytest.mark.slow
def test_two_builds_hold_the_same_numbers_bit_for_bit(base: Base) -> None:
    one, other = (numbers_of(klein) for klein in (klein_of(base), build_standin(ModelConfig.flux2_klein_4b())))
    assert one.keys() <= other.keys()
    assert all(mx.array_equal(one[name], other[name]) for name in one)


def numbers_of(klein: Flux2Klein) -> dict[str, mx.array]:
    held: dict[str, mx.array] = {}
    for part in ("transformer", "text_encoder"):
        tree_flatten(klein[part].parameters(), prefix=f".{part}", destination=held)
    tree_flatten(klein.vae.decoder.parameters(), prefix=".vae", destination=held)
    return held


def test_the_larger_one_has_its_153_targets() -> None:
    larger = load_base("standin:flux2-klein-9b", None)
    assert larger.info.target_count == 153
    assert larger.shapes == dict(load_shapes("flux2-klein-9b"))
    assert larger.variant.numbers.nbytes(None, 4) == pytest.approx(larger.info.memory_bytes, rel=0.01)


def test_it_refuses_to_be_quantized() -> None:
    with pytest.raises(BaseUnavailable, match="leave quantize out"):
        load_base(NAME, 4)


def test_it_computes_in_exact_alone_and_says_so() -> None:
    with pytest.raises(BaseUnavailable, match=r"FLUX.2-klein has no numerics 'fast', only exact"):
        load_base(NAME, None, numerics="fast")


@pytest.mark.slow
def test_its_pictures_are_those_that_mflux_paints_and_are_followed_step_by_step(base: Base) -> None:
    seen = Followed()
    mine = np.asarray(base.generate(picture(base), seen))
    assert seen.told == [0, 1, (1, 4, 128)]
    theirs = klein_of(base).generate_image(seed=1, prompt=PROMPT, num_inference_steps=2, height=32, width=32)
    beside = np.abs(mine.astype(np.float64) - np.asarray(theirs.image)).mean()
    assert beside == 0.0 if backend() == "cpu" else beside < 1.0  # a GPU's compiled kernels round elsewhere
    assert mine.std() > 10


def test_it_is_stopped_at_a_step(short: Base) -> None:
    with pytest.raises(InterruptedError):
        short.generate(picture(short), Followed(stop_at=1))


def test_the_prompt_matters(base: Base) -> None:
    (red,), (blue,) = base.encode("red"), base.encode("blu")
    assert red.shape == blue.shape
    assert not np.array_equal(as_numpy(red), as_numpy(blue))


@pytest.fixture(scope="module")
def bare() -> object:
    return short_standin(NAME).predict()


QUICK = ("flux2-kohya",)
"""The convention that every run tries, on a few blocks; all of one take a second and more."""


@pytest.mark.parametrize(
    ("exhibit", "blocks"),
    [
        *(pytest.param(exhibit, None, id=exhibit.name, marks=pytest.mark.slow) for exhibit in FLUX2),
        *(pytest.param(exhibit, BLOCKS, id=f"{exhibit.name}-{BLOCKS}") for exhibit in FLUX2 if exhibit.name in QUICK),
    ],
)
def test_every_convention_engages_with_all_its_keys_and_is_taken_off_again(
    tmp_path: Path, exhibit: Exhibit, blocks: int | None
) -> None:
    base = short_standin(NAME) if blocks else standin(NAME)
    bare = base.predict()
    outcome = render(base, write_exhibit(tmp_path / "full.safetensors", exhibit, blocks=blocks))
    assert isinstance(outcome, Painting)
    (report,) = outcome.trail.loras
    assert report.verdict is Verdict.ENGAGED, report.reason
    assert report.matched_key_count == report.total_key_count
    assert report.applied_target_count == report.target_count >= (14 * blocks if blocks else 100)
    assert bool(mx.array_equal(base.predict(), bare))


def test_a_dead_one_is_caught_before_anything_is_painted(base: Base, tmp_path: Path) -> None:
    dead = make_adapter(tmp_path / "dead.safetensors", shapes=SHAPES, rank=1, blocks=2, dead=True)
    alive = make_adapter(tmp_path / "alive.safetensors", shapes=SHAPES, rank=1, blocks=2)
    outcome = render(base, alive, dead)
    assert isinstance(outcome, Failed)
    assert [report.verdict for report in outcome.loras] == [Verdict.ENGAGED, Verdict.NOOP]


def test_a_flip_leaves_the_same_noise_and_traces_nothing(short: Base, bare: mx.array, tmp_path: Path) -> None:
    files = [make_adapter(tmp_path / f"{n}.safetensors", shapes=SHAPES, seed=n, blocks=2) for n in (1, 2)]
    stacks = [[Member(read_adapter(file, short.shapes), 1)] for file in files]
    found = []
    for members in (*stacks, *stacks):
        short.stacker.switch(members)
        found.append(short.predict())
    short.stacker.switch([])
    assert [bool(mx.array_equal(found[0], each)) for each in found] == [True, False, True, False]
    assert bool(mx.array_equal(short.predict(), bare))
    assert not short.info.compiled


def test_its_latents_stand_where_the_picture_has_them(base: Base) -> None:
    assert placed_at(base) == (0, 2)
