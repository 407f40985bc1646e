"""Families by mflux's classes from a directory: small whole models, as mflux and as diffusers save them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.compute import precision
from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.origins import find_origin
from kilnmark.engine.run.saver import Painting
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from tests.engine.families.flux3.small import SMALL as FLUX3
from tests.engine.families.krea2.small import SMALL as KREA2
from tests.engine.families.qwen_image.small import SMALL as QWEN_IMAGE
from tests.engine.families.small import Small, painted_by_mflux, without, write_as_mflux
from tests.engine.families.standins import PROMPT, Followed, picture, read_tensors, render
from tests.keymaps.pictures.shown import colours

MODELS = (KREA2, FLUX3, QWEN_IMAGE)
BY_VARIANT = {small.variant: small for small in MODELS}


@dataclass(frozen=True)
class Held:
    """A small model of mflux's, the directory that it was saved in, and the base that was read from there."""

    small: Small
    made: Any
    path: Path
    base: Base


@pytest.fixture(scope="module")
def hold(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Held]:
    """What holds the one of a variant, each once, however often tests come back to it."""

    def held(variant: str) -> Held:
        small = BY_VARIANT[variant]
        made = small.made(False)
        path = write_as_mflux(made, tmp_path_factory.mktemp(variant) / "mflux")
        return Held(small, made, path, load_base(str(path), None))

    return cache(held)


@pytest.fixture(scope="module", params=MODELS, ids=str)
def held(request: pytest.FixtureRequest, hold: Callable[[str], Held]) -> Held:
    small: Small = request.param
    return hold(small.variant)


def pixels(base: Base, **more: object) -> NDArray[np.uint8]:
    return np.asarray(base.generate(picture(base, **more), Followed()))


def test_one_that_mflux_saved_is_held_as_wide_as_it_is_and_paints_what_mflux_paints(held: Held) -> None:
    info = held.base.info
    assert (info.target_count, info.quantize, held.base.variant.name) == (held.small.targets, None, held.small.variant)
    assert np.array_equal(pixels(held.base), painted_by_mflux(held.made))


@pytest.mark.parametrize("strength", [pytest.param(0.0, marks=pytest.mark.slow), 0.5, 1.0])
def test_one_starts_from_a_picture_as_mflux_does_or_says_that_it_cannot(
    held: Held, tmp_path: Path, strength: float
) -> None:
    colours(80, 40).save(tmp_path / "start.png")
    start, spec = np.asarray(colours(80, 40)), picture(held.base, start="c" * 64, strength=strength)
    if held.small.blind is None:
        assert not held.base.variant.init_image
        with pytest.raises(BaseUnavailable, match=r"cannot start from a picture; leave init_image out"):
            held.base.generate_from(start, spec, Followed())
        return
    mine = np.asarray(held.base.generate_from(start, spec, Followed()))
    theirs = painted_by_mflux(held.made, image_path=tmp_path / "start.png", image_strength=strength)
    assert np.array_equal(mine, theirs)
    assert np.array_equal(mine, pixels(held.base)) == (not strength)


@pytest.mark.slow
def test_one_that_cannot_encode_pictures_paints_without_them_and_says_so(held: Held, tmp_path: Path) -> None:
    if held.small.blind is None:
        assert not held.base.variant.init_image
        return
    made = held.small.blind()
    base = load_base(str(write_as_mflux(made, tmp_path)), None)
    assert np.array_equal(pixels(base), painted_by_mflux(made))
    with pytest.raises(BaseUnavailable, match=r"holds nothing that encodes pictures \(vae/encoder\); save the model"):
        base.generate_from(np.asarray(colours()), picture(base, start="c" * 64, strength=0.5), Followed())


def test_one_of_diffusers_is_the_same_base(held: Held, tmp_path: Path) -> None:
    base = load_base(str(held.small.as_diffusers(held.made, tmp_path)), None)
    assert base.shapes == held.base.shapes
    assert np.array_equal(pixels(base), pixels(held.base))
    if held.small.blind is not None:
        spec, start = picture(base, steps=1, start="c" * 64, strength=1.0), np.asarray(colours())
        mine, theirs = (np.asarray(each.generate_from(start, spec, Followed())) for each in (base, held.base))
        assert np.array_equal(mine, theirs)


def test_its_memory_is_declared_before_it_is_loaded(held: Held) -> None:
    declared = find_origin("mine", str(held.path)).nbytes(None, precision().size)
    assert declared + held.small.beside == pytest.approx(held.base.info.memory_bytes, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [3, 4, 5, 6, 8])
def test_it_is_quantized_and_an_adapter_on_packed_layers_engages(held: Held, tmp_path: Path, bits: int) -> None:
    base = load_base(str(held.path), bits)
    assert base.info.quantize == bits
    assert isinstance(base.slots[held.small.layer].linear, nn.QuantizedLinear)
    declared = find_origin("mine", str(held.path)).nbytes(bits, precision().size)
    assert declared + held.small.beside == pytest.approx(base.info.memory_bytes, rel=0.1)
    before = base.predict()
    outcome = render(base, make_adapter(tmp_path / "a.safetensors", shapes=base.shapes, rank=4, strength=2e-2))
    assert isinstance(outcome, Painting)
    (report,) = outcome.trail.loras
    assert report.verdict is Verdict.ENGAGED, report.reason
    assert report.applied_target_count == held.small.targets - held.small.around
    assert bool(mx.array_equal(base.predict(), before))


@pytest.mark.slow
def test_the_variant_that_is_guided_is_guided_as_mflux_guides_it(held: Held, tmp_path: Path) -> None:
    made = held.small.made(True)
    path = write_as_mflux(made, tmp_path) if held.small.apart else held.path
    guided = load_base(held.small.guided, None, str(path))
    told = max(guided.variant.guidance, 2.5)
    plain = pixels(guided, guidance=told)
    assert guided.variant.guided
    assert np.array_equal(plain, painted_by_mflux(made, guidance=told))
    assert np.array_equal(pixels(guided, guidance=1.0), painted_by_mflux(made, guidance=1.0))
    rain = pixels(guided, guidance=told, negative_prompt="rain")
    if guided.variant.negative_prompt:
        theirs = painted_by_mflux(made, guidance=told, negative_prompt="rain")
        # Mflux compiles what it guides with, and guiding multiplies what compiling rounds otherwise.
        assert np.abs(rain.astype(int) - theirs.astype(int)).max() <= 1
        assert np.mean(rain != theirs) < 0.01
    assert np.array_equal(rain, plain) is not guided.variant.negative_prompt


def test_a_negative_prompt_is_read_by_who_takes_one_alone(held: Held) -> None:
    alone, both = held.base.encode(PROMPT), held.base.encode(PROMPT, "rain")
    assert len(alone) == 1
    assert (both is alone, len(both)) == ((False, 2) if held.base.variant.negative_prompt else (True, 1))


LACKING: list[tuple[Small, str, str]] = [(small, *each) for small in MODELS for each in small.lacking]


@pytest.mark.parametrize(("held", "folder", "name"), LACKING, indirect=["held"], scope="module", ids=str)
def test_one_that_lacks_a_tensor_is_refused_by_its_name(held: Held, folder: str, name: str, tmp_path: Path) -> None:
    copytree(held.path, tmp_path, copy_function=os.link, dirs_exist_ok=True)
    file = held.small.file(tmp_path, folder)
    tensors = read_tensors(file)
    file.unlink()
    without(file, name, tensors)
    with pytest.raises(BaseUnavailable, match=rf"{file.parent} lacks 1 weights, first '{name}'; save the model again"):
        load_base(str(tmp_path), None)
