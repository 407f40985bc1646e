"""Z-Image as a base, on its standin: mflux's own classes and pictures, every convention, no trace left."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.z_image.model.z_image_text_encoder.text_encoder import TextEncoder
from mflux.models.z_image.model.z_image_transformer.transformer import ZImageTransformer
from mflux.models.z_image.model.z_image_vae.vae import VAE
from mflux.models.z_image.variants.z_image import ZImage
from mlx.utils import tree_flatten

from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.z_image.model import ZImageModel
from kilnmark.engine.families.z_image.parts import vae_of_widths, z_image_of
from kilnmark.engine.families.z_image.standin import build_standin
from kilnmark.engine.run.saver import Painting
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import read_adapter
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.zoo.exhibits.z_image import Z_IMAGE
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.keymaps.zoo.zoo import Exhibit, write_exhibit
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.work import Failed
from tests.engine.arrays import as_numpy
from tests.engine.families.flux2.test_numbers import counted
from tests.engine.families.standins import PROMPT, Followed, picture, placed_at, render, short_standin, standin
from tests.engine.short import BLOCKS

NAME = "standin:z-image-turbo"
SHAPES = load_shapes("z-image-turbo")


@pytest.fixture
def base() -> Base:
    return standin(NAME)


@pytest.fixture
def short() -> Base:
    return short_standin(NAME)


def image_of(base: Base) -> ZImage:
    assert isinstance(base.model, ZImageModel)
    return base.model.made


def test_it_is_made_of_mflux_classes_with_the_276_targets_of_z_image(base: Base) -> None:
    image = image_of(base)
    assert (type(image), type(image.transformer)) == (ZImage, ZImageTransformer)
    assert type(image.text_encoder) is TextEncoder
    assert base.info.target_count == 276
    assert base.shapes == dict(SHAPES)


def test_it_is_small_and_says_how_large(base: Base) -> None:
    assert base.info.memory_bytes < 300e6
    assert base.variant.numbers.nbytes(None, 4) == pytest.approx(base.info.memory_bytes, rel=0.01)


@pytest.mark.parametrize("name", ["z-image-turbo", "z-image"])
def test_the_table_counts_what_is_held_of_what_mflux_builds(name: str) -> None:
    image = z_image_of(ModelConfig.z_image(), ZImageTransformer(), TextEncoder(), VAE(), {})
    matrices, total = counted(ZImageModel(image, "", guided=False).held)
    assert (VARIANTS[name].numbers.matrices, VARIANTS[name].numbers.others) == (matrices, total - matrices)


def test_a_vae_of_the_published_widths_is_mflux_own() -> None:
    mine, theirs = ({path: array.shape for path, array in parameters(vae)} for vae in (_published(), VAE()))
    assert mine == theirs


def _published() -> VAE:
    return vae_of_widths((128, 256, 512, 512), (128, 256, 512, 512))


def parameters(vae: VAE) -> list[tuple[str, mx.array]]:
    held: dict[str, mx.array] = {}
    tree_flatten(vae.parameters(), destination=held)
    return sorted(held.items(), key=lambda item: item[0])


@pytest.mark.slow
def test_two_builds_hold_the_same_numbers_bit_for_bit(base: Base) -> None:
    one, other = (numbers_of(image) for image in (image_of(base), build_standin(ModelConfig.z_image_turbo())))
    assert one.keys() == other.keys()
    assert all(mx.array_equal(one[name], other[name]) for name in one)


def numbers_of(image: ZImage) -> dict[str, mx.array]:
    held: dict[str, mx.array] = {}
    for number, module in enumerate((image.transformer, image.text_encoder.layers[0], image.vae.decoder)):
        tree_flatten(module.parameters(), prefix=f".{number}", destination=held)
    return held


def test_it_refuses_what_it_cannot_do() -> None:
    with pytest.raises(BaseUnavailable, match="leave quantize out"):
        load_base(NAME, 4)
    with pytest.raises(BaseUnavailable, match="Z-Image has no numerics 'fast', only exact"):
        load_base(NAME, None, numerics="fast")


def test_it_is_followed_step_by_step_and_stopped_at_one(short: Base) -> None:
    seen = Followed()
    assert np.asarray(short.generate(picture(short, steps=1), seen)).std() > 10
    assert seen.told == [0, (16, 1, 4, 4)]
    with pytest.raises(InterruptedError):
        short.generate(picture(short), Followed(stop_at=0))


@pytest.mark.slow
def test_its_pictures_are_those_that_mflux_paints_with_its_compiled_step(base: Base) -> None:
    mine = np.asarray(base.generate(picture(base), Followed()))
    theirs = image_of(base).generate_image(seed=1, prompt=PROMPT, num_inference_steps=2, height=32, width=32)
    assert np.array_equal(mine, np.asarray(theirs.image))


def test_the_prompt_matters(base: Base) -> None:
    (red,), (blue,) = base.encode("red"), base.encode("blu")
    assert red.shape == blue.shape
    assert not np.array_equal(as_numpy(red), as_numpy(blue))


@pytest.fixture(scope="module")
def bare() -> mx.array:
    return standin(NAME).predict()


QUICK = ("zimage-comfy-fused-ab",)
"""The convention that every run tries, with fused layers and strengths of its own; all layers of one take seconds."""
LAYERS = 30
"""Each of seven linear layers."""


@pytest.mark.parametrize(
    ("exhibit", "blocks"),
    [
        *(pytest.param(exhibit, None, id=exhibit.name, marks=pytest.mark.slow) for exhibit in Z_IMAGE),
        *(pytest.param(exhibit, BLOCKS, id=f"{exhibit.name}-{BLOCKS}") for exhibit in Z_IMAGE if exhibit.name in QUICK),
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
    assert report.matched_key_count + sum(report.ignored_keys.values()) == report.total_key_count
    assert report.applied_target_count == report.target_count >= 7 * (blocks or LAYERS)
    assert bool(mx.array_equal(base.predict(), bare))


def test_a_dead_one_is_caught_before_anything_is_painted(base: Base, tmp_path: Path) -> None:
    dead = make_adapter(tmp_path / "dead.safetensors", shapes=SHAPES, rank=1, blocks=1, dead=True)
    alive = make_adapter(tmp_path / "alive.safetensors", shapes=SHAPES, rank=1, blocks=1)
    outcome = render(base, alive, dead)
    assert isinstance(outcome, Failed)
    assert [report.verdict for report in outcome.loras] == [Verdict.ENGAGED, Verdict.NOOP]


@pytest.mark.slow
def test_a_flip_leaves_the_same_noise(base: Base, bare: mx.array, tmp_path: Path) -> None:
    files = [make_adapter(tmp_path / f"{n}.safetensors", shapes=SHAPES, seed=n, blocks=2) for n in (1, 2)]
    stacks = [[Member(read_adapter(file, base.shapes), 1)] for file in files]
    found = []
    for members in (*stacks, stacks[0]):
        base.stacker.switch(members)
        found.append(base.predict())
    base.stacker.switch([])
    assert [bool(mx.array_equal(found[0], each)) for each in found] == [True, False, True]
    assert bool(mx.array_equal(base.predict(), bare))


def test_its_latents_stand_where_the_picture_has_them(base: Base) -> None:
    assert placed_at(base) == (0, 2)
