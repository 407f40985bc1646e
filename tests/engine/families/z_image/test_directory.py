"""Z-Image from a directory: whole in small dimensions, as mflux and as diffusers save it, held and painted."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.z_image.variants.z_image import ZImage
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.compute import precision
from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.origins import find_origin
from kilnmark.engine.run.saver import Painting
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from tests.engine.families.standins import PROMPT, Followed, picture, read_tensors, render, uncompiled
from tests.engine.families.z_image.small import TARGETS, small_z_image, write_as_diffusers, write_as_mflux
from tests.keymaps.pictures.shown import colours


@pytest.fixture(scope="module")
def turbo() -> ZImage:
    return small_z_image(ModelConfig.z_image_turbo())


@pytest.fixture(scope="module")
def saved(turbo: ZImage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_as_mflux(turbo, tmp_path_factory.mktemp("z-image") / "mflux")


@pytest.fixture(scope="module")
def held(saved: Path) -> Base:
    return load_base(str(saved), None)


def pixels(base: Base, **more: object) -> NDArray[np.uint8]:
    return np.asarray(base.generate(picture(base, **more), Followed()))


def painted(image: ZImage, **more: object) -> NDArray[np.uint8]:
    with uncompiled():
        made = image.generate_image(seed=1, prompt=PROMPT, num_inference_steps=2, height=32, width=32, **more)
    return np.asarray(made.image)


@pytest.fixture(scope="module")
def ours(held: Base) -> NDArray[np.uint8]:
    return pixels(held)


def test_one_that_mflux_saved_is_held_as_wide_as_it_is_and_paints_what_mflux_paints(
    held: Base, turbo: ZImage, ours: NDArray[np.uint8]
) -> None:
    assert (held.info.target_count, held.info.quantize, held.variant.name) == (TARGETS, None, "z-image-turbo")
    assert held.shapes["layers.1.feed_forward.w1"] == (512, 192)
    assert np.array_equal(ours, painted(turbo))


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_one_starts_from_a_picture_as_mflux_does(
    held: Base, turbo: ZImage, ours: NDArray[np.uint8], tmp_path: Path, strength: float
) -> None:
    colours(80, 40).save(tmp_path / "start.png")
    spec = picture(held, start="c" * 64, strength=strength)
    mine = np.asarray(held.generate_from(np.asarray(colours(80, 40)), spec, Followed()))
    assert np.array_equal(mine, painted(turbo, image_path=tmp_path / "start.png", image_strength=strength))
    assert np.array_equal(mine, ours) == (not strength)


def test_one_that_cannot_encode_pictures_paints_without_them_and_says_so(tmp_path: Path) -> None:
    image = small_z_image(ModelConfig.z_image_turbo(), sees=False)
    base = load_base(str(write_as_mflux(image, tmp_path)), None)
    assert np.array_equal(pixels(base), painted(image))
    with pytest.raises(BaseUnavailable, match=r"holds nothing that encodes pictures \(vae/encoder\); save the model"):
        base.generate_from(np.asarray(colours()), picture(base, start="c" * 64, strength=0.5), Followed())


def test_one_of_diffusers_is_the_same_base(turbo: ZImage, held: Base, ours: NDArray[np.uint8], tmp_path: Path) -> None:
    base = load_base(str(write_as_diffusers(turbo, tmp_path)), None)
    assert base.shapes == held.shapes
    assert np.array_equal(pixels(base), ours)


def test_its_memory_is_declared_before_it_is_loaded(held: Base, saved: Path) -> None:
    declared = find_origin("mine", str(saved)).nbytes(None, precision().size)
    assert declared == pytest.approx(held.info.memory_bytes, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [3, 4, 5, 6, 8])
def test_it_is_quantized_and_an_adapter_on_packed_layers_engages(saved: Path, tmp_path: Path, bits: int) -> None:
    base = load_base(str(saved), bits)
    assert base.info.quantize == bits
    assert isinstance(base.slots["layers.0.attention.to_q"].linear, nn.QuantizedLinear)
    before = base.predict()
    outcome = render(base, make_adapter(tmp_path / "a.safetensors", shapes=base.shapes, rank=4, strength=2e-2))
    assert isinstance(outcome, Painting)
    (report,) = outcome.trail.loras
    assert (report.verdict, report.applied_target_count) == (Verdict.ENGAGED, TARGETS - 6)
    assert bool(mx.array_equal(base.predict(), before))


@pytest.mark.slow
def test_the_model_that_turbo_comes_from_is_guided_as_mflux_guides_it(saved: Path) -> None:
    guided = load_base("z-image", None, str(saved))
    image = small_z_image(ModelConfig.z_image())
    assert (guided.variant.guided, guided.variant.guidance) == (True, 4.0)
    plain = pixels(guided)
    assert np.array_equal(plain, painted(image, guidance=4.0))
    rain = pixels(guided, negative_prompt="rain")
    assert np.array_equal(rain, painted(image, guidance=4.0, negative_prompt="rain"))
    assert not np.array_equal(rain, plain)
    assert np.array_equal(pixels(guided, guidance=1.0), painted(image, guidance=1.0))


def test_turbo_never_sees_a_negative_prompt(held: Base) -> None:
    assert held.encode(PROMPT, "rain") is held.encode(PROMPT)
    assert len(held.encode(PROMPT)) == 1


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("transformer", "noise_refiner.0.attention.to_out.0.weight"),
        ("transformer", "cap_pad_token"),
        ("text_encoder", "layers.1.mlp.up_proj.weight"),
        ("vae", "decoder.conv_out.conv.bias"),
    ],
)
def test_one_that_lacks_a_tensor_is_refused_by_its_name(turbo: ZImage, tmp_path: Path, folder: str, name: str) -> None:
    file = write_as_mflux(turbo, tmp_path) / folder / "0.safetensors"
    tensors = read_tensors(file)
    del tensors[name]
    mx.save_safetensors(str(file), tensors, {"mflux_version": "0.24.0", "quantization_level": "None"})
    with pytest.raises(BaseUnavailable, match=rf"{folder} lacks 1 weights, first '{name}'; save the model again"):
        load_base(str(tmp_path), None)
