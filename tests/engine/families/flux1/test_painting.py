"""Painting a FLUX.1: the same bytes as mflux's own loop, told step by step, decoded when it is asked for."""

import contextlib
import io

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base
from kilnmark.protocol.picture.spec import PictureSpec
from tests.engine.arrays import as_numpy
from tests.engine.flux import flux_of

SPEC = PictureSpec(
    prompt="a kiln", negative_prompt=None, variant="standin", seed=5, steps=2, guidance=3.5, width=48, height=32
)


class Unmoved:
    """Watches, and says nothing."""

    def stepped(self, done: int) -> None:
        pass

    def denoised(self, latents: mx.array) -> None:
        pass


@pytest.fixture(scope="module")
def painted(base: Base) -> NDArray[np.uint8]:
    return as_numpy(base.generate(SPEC, Unmoved())).astype(np.uint8)


def by_mflux(base: Base) -> NDArray[np.uint8]:
    """What `generate_image` makes of the same model."""
    with contextlib.redirect_stderr(io.StringIO()):
        picture = flux_of(base).generate_image(
            seed=SPEC.seed,
            prompt=SPEC.prompt,
            num_inference_steps=SPEC.steps,
            width=SPEC.width,
            height=SPEC.height,
            guidance=SPEC.guidance,
        )
    return np.asarray(picture.image)


def test_a_picture_is_mfluxs_own_to_the_last_bit(base: Base, painted: NDArray[np.uint8]) -> None:
    theirs = by_mflux(base)
    assert theirs.shape == (SPEC.height, SPEC.width, 3)
    assert np.array_equal(painted, theirs)
    assert len(np.unique(theirs)) > 16
