"""Pictures that a FLUX.1 directory paints from another picture: bit for bit those of mflux's class on the same files.

Their latents are compared, too: a reference moves few pixels of so small a model.
"""

import contextlib
import hashlib
import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.engine.compute import precision
from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import Watcher
from kilnmark.engine.families.references import Reference
from tests.engine.arrays import as_numpy
from tests.engine.families.standins import picture
from tests.engine.tiny_flux import BLOCKS, write_tiny_flux
from tests.keymaps.pictures.shown import colours

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux.variants.kontext.flux_kontext import Flux1Kontext
from mflux.models.flux.variants.txt2img.flux import Flux1

pytestmark = pytest.mark.slow

SIZE = {"width": 48, "height": 32}
OWN = (80, 40)
"""Of the picture that is given, which is scaled."""


class Denoised:
    """A watcher of ours and a callback of mflux's: keeps the latents that are decoded."""

    def __init__(self) -> None:
        self.latents: NDArray[np.float32] | None = None

    def stepped(self, done: int) -> None:
        pass

    def denoised(self, latents: mx.array) -> None:
        self.latents = as_numpy(latents)

    def call_after_loop(self, latents: mx.array, **_: object) -> None:
        self.denoised(latents)


@dataclass(frozen=True)
class Painted:
    """A picture and the latents that it was decoded from."""

    latents: NDArray[np.float32]
    pixels: NDArray[np.uint8]

    def is_like(self, other: "Painted") -> bool:
        """To the last bit."""
        return np.array_equal(self.latents, other.latents) and np.array_equal(self.pixels, other.pixels)


def painted(paint: Callable[[Watcher], mx.array]) -> Painted:
    """Ours."""
    watcher = Denoised()
    pixels = np.asarray(paint(watcher))
    assert watcher.latents is not None
    return Painted(watcher.latents, pixels)


@dataclass(frozen=True)
class Both:
    """A directory as we hold it and as mflux's own class reads it."""

    base: Base
    flux: Flux1 | Flux1Kontext

    def by_mflux(self, **more: object) -> Painted:
        spec = picture(self.base)
        said = {"seed": spec.seed, "prompt": spec.prompt, "num_inference_steps": spec.steps, "guidance": spec.guidance}
        callback = Denoised()
        self.flux.callbacks.register(callback)
        with contextlib.redirect_stderr(io.StringIO()):
            image = self.flux.generate_image(**said, **SIZE, **more).image
        assert callback.latents is not None
        return Painted(callback.latents, np.asarray(image))

    def without(self) -> Painted:
        """Ours of the prompt alone."""
        return painted(partial(self.base.generate, picture(self.base, **SIZE)))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = write_tiny_flux(tmp_path_factory.mktemp("tiny") / "flux")
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def both(request: pytest.FixtureRequest, directory: Path) -> Both:
    """Of a variant; one at a time, for each takes 8 GB.

    mflux fills blocks that were not saved with random values, and computes in what is stored where we compute in what
    the back end is quick at: the one is cut off and the other cast, and nothing else of its object is changed.
    """
    base = load_base(request.param, None, str(directory), numerics="exact")
    flux = (
        Flux1Kontext(model_path=str(directory))
        if request.param == "kontext-dev"
        else Flux1(model_path=str(directory), model_config=ModelConfig.dev())
    )
    flux.t5_text_encoder.t5_blocks = flux.t5_text_encoder.t5_blocks[:BLOCKS]
    clip = flux.clip_text_encoder.text_model.encoder
    clip.layers = clip.layers[:BLOCKS]
    for module in (flux.transformer, flux.t5_text_encoder, flux.clip_text_encoder, flux.vae):
        module.apply(lambda array: array.astype(precision()) if mx.issubdtype(array.dtype, mx.floating) else array)
    return Both(base, flux)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("given") / "given.png"
    colours(*OWN).save(path)
    return path


@pytest.mark.parametrize("both", ["dev"], indirect=True)
@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_one_starts_from_a_picture_as_mflux_does(both: Both, file: Path, strength: float) -> None:
    spec = picture(both.base, **SIZE, start="c" * 64, strength=strength)
    mine = painted(partial(both.base.generate_from, np.asarray(colours(*OWN)), spec))
    assert mine.is_like(both.by_mflux(image_path=file, image_strength=strength))
    assert mine.is_like(both.without()) == (not strength)


@pytest.mark.parametrize("both", ["kontext-dev"], indirect=True)
def test_one_of_kontext_looks_at_a_reference_as_mflux_does(both: Both, file: Path) -> None:
    reference = Reference(hashlib.sha256(file.read_bytes()).hexdigest(), np.asarray(colours(*OWN)))
    mine = painted(partial(both.base.generate_beside, [reference], picture(both.base, **SIZE)))
    assert mine.is_like(both.by_mflux(image_path=file))
    assert not mine.is_like(both.without())
