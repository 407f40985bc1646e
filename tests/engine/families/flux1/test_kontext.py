"""FLUX.1-Kontext on its standin: painted from a reference as mflux's `Flux1Kontext` does, with adapters of FLUX.1."""

import contextlib
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.references import Reference
from kilnmark.engine.stack.stack import Member
from kilnmark.keymaps.adapter import Adapter
from kilnmark.protocol.picture.numerics import Numerics
from tests.engine.arrays import allowed
from tests.engine.families.standins import PROMPT, Followed, picture
from tests.engine.flux import flux_of
from tests.engine.short import short_standin

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.flux.variants.kontext.flux_kontext import Flux1Kontext

WIDTH, HEIGHT = 48, 32
OWN = (40, 50)
"""Of the reference, which is stretched."""


@pytest.fixture(scope="module")
def kontext() -> Base:
    return short_standin("standin:kontext-dev")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kontext") / "reference.png"
    colours = np.random.default_rng(4).integers(0, 256, (*OWN[::-1], 3), dtype=np.uint8)
    Image.fromarray(colours).save(path)
    return path


def painted(base: Base, *files: Path) -> NDArray[np.uint8]:
    references = [
        Reference(hashlib.sha256(file.read_bytes()).hexdigest(), np.asarray(Image.open(file))) for file in files
    ]
    spec = picture(base, width=WIDTH, height=HEIGHT)
    if not references:
        return np.asarray(base.generate(spec, Followed()))
    return np.asarray(base.generate_beside(references, spec, Followed()))


def by_mflux(base: Base, file: Path) -> NDArray[np.uint8]:
    flux = flux_of(base)
    assert type(flux) is Flux1Kontext
    with contextlib.redirect_stderr(io.StringIO()):
        image = flux.generate_image(
            seed=1, prompt=PROMPT, num_inference_steps=2, width=WIDTH, height=HEIGHT, guidance=2.5, image_path=file
        )
    return np.asarray(image.image)


def test_a_picture_with_a_reference_is_mfluxs_own_to_the_last_bit(kontext: Base, file: Path) -> None:
    mine = painted(kontext, file)
    assert np.array_equal(mine, by_mflux(kontext, file))
    assert not np.array_equal(mine, painted(kontext))


def test_a_picture_without_a_reference_is_that_of_dev(kontext: Base, base: Base) -> None:
    spec = picture(kontext, width=WIDTH, height=HEIGHT)
    assert np.array_equal(painted(kontext), np.asarray(base.generate(spec, Followed())))


@pytest.mark.parametrize("numerics", [pytest.param("exact", marks=pytest.mark.slow), "fast"])
def test_an_adapter_moves_it_and_leaves_no_trace(
    kontext: Base, file: Path, healthy: Adapter, numerics: Numerics
) -> None:
    base = kontext if numerics == "exact" else short_standin("standin:kontext-dev", numerics="fast")
    before = painted(base, file)
    assert np.abs(before.astype(int) - painted(kontext, file)).max() <= allowed(1, bfloat16=32)
    base.stacker.switch([Member(healthy, 1.0)])
    moved = painted(base, file)
    base.stacker.switch([])
    assert not np.array_equal(moved, before)
    assert np.array_equal(painted(base, file), before)


def test_its_reference_is_encoded_anew_for_another_size_alone(kontext: Base, file: Path) -> None:
    kontext.let_go()
    painted(kontext, file)
    held = kontext.references.nbytes
    painted(kontext, file)
    assert kontext.references.nbytes == held == (WIDTH // 16) * (HEIGHT // 16) * (64 + 3) * 4
    assert mx.get_active_memory() > held
