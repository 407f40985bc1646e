"""A FLUX.1 that starts from a picture: the same bytes as mflux's own image to image, whatever strength it has."""

import contextlib
import io
from pathlib import Path

import mlx.core as mx
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.family import BaseUnavailable, Pixels
from kilnmark.protocol.picture.given import first_step
from kilnmark.protocol.picture.spec import PictureSpec
from tests.engine.arrays import as_numpy
from tests.engine.families.standins import placed_at
from tests.engine.flux import flux_of

SPEC = PictureSpec(
    prompt="a kiln",
    negative_prompt=None,
    variant="standin",
    seed=5,
    steps=2,
    guidance=3.5,
    width=48,
    height=32,
    start="c" * 64,
    strength=0.5,
)


class Heard:
    """Watches, and notes the steps."""

    def __init__(self) -> None:
        self.steps: list[int] = []

    def stepped(self, done: int) -> None:
        self.steps.append(done)

    def denoised(self, latents: mx.array) -> None:
        pass


@pytest.fixture(scope="module")
def start() -> Pixels:
    return np.random.default_rng(0).integers(0, 255, (40, 80, 3), dtype=np.uint8)


def by_mflux(base: Base, start: Pixels, strength: float, folder: Path) -> NDArray[np.uint8]:
    """What `generate_image` makes of the same model and a file."""
    Image.fromarray(start).save(folder / "start.png")
    with contextlib.redirect_stderr(io.StringIO()):
        picture = flux_of(base).generate_image(
            seed=SPEC.seed,
            prompt=SPEC.prompt,
            num_inference_steps=SPEC.steps,
            width=SPEC.width,
            height=SPEC.height,
            guidance=SPEC.guidance,
            image_path=folder / "start.png",
            image_strength=strength,
        )
    return np.asarray(picture.image)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_a_picture_is_mfluxs_own_to_the_last_bit(base: Base, start: Pixels, strength: float, tmp_path: Path) -> None:
    heard = Heard()
    spec = msgspec.structs.replace(SPEC, strength=strength)
    mine = as_numpy(base.generate_from(start, spec, heard)).astype(np.uint8)
    assert np.array_equal(mine, by_mflux(base, start, strength, tmp_path))
    assert heard.steps == list(range(first_step(spec.steps, strength), spec.steps))
    if not strength:
        assert np.array_equal(mine, as_numpy(base.generate(spec, Heard())).astype(np.uint8))


def test_what_it_starts_from_changes_the_picture(base: Base, start: Pixels) -> None:
    one, other = (as_numpy(base.generate_from(each, SPEC, Heard())) for each in (start, 255 - start))
    assert np.abs(one - other).mean() > 1


def test_a_base_without_what_encodes_pictures_says_so(base: Base, start: Pixels) -> None:
    vae = flux_of(base).vae
    encoder = vae.encoder
    del vae.encoder
    try:
        with pytest.raises(BaseUnavailable, match="holds nothing that encodes pictures"):
            base.generate_from(start, SPEC, Heard())
    finally:
        vae.encoder = encoder


def test_its_latents_stand_where_the_picture_has_them(base: Base) -> None:
    assert placed_at(base) == (0, 2)
