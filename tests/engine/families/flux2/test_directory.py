"""FLUX.2-klein from a directory: whole in small dimensions, as mflux and as diffusers save it, held and painted."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.compute import precision
from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable, Origin
from kilnmark.engine.families.flux2.loading import load
from kilnmark.engine.families.origins import find_origin
from kilnmark.engine.run.saver import Painting
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.catalog import VARIANTS
from kilnmark.protocol.picture.report import Verdict
from tests.engine.families.flux2.small import TARGETS, small_klein, write_as_diffusers, write_as_mflux
from tests.engine.families.standins import PROMPT, Followed, picture, read_tensors, render, uncompiled
from tests.keymaps.pictures.shown import colours


@pytest.fixture(scope="module")
def klein() -> Flux2Klein:
    return small_klein()


@pytest.fixture(scope="module")
def saved(klein: Flux2Klein, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_as_mflux(klein, tmp_path_factory.mktemp("klein") / "mflux")


@pytest.fixture(scope="module")
def held(saved: Path) -> Base:
    return load_base(str(saved), None)


def pixels(base: Base, **more: object) -> NDArray[np.uint8]:
    return np.asarray(base.generate(picture(base, **more), Followed()))


def painted(klein: Flux2Klein, guidance: float = 1.0, **more: object) -> NDArray[np.uint8]:
    with uncompiled():
        image = klein.generate_image(
            seed=1, prompt=PROMPT, num_inference_steps=2, height=32, width=32, guidance=guidance, **more
        )
    return np.asarray(image.image)


@pytest.fixture(scope="module")
def ours(held: Base) -> NDArray[np.uint8]:
    return pixels(held)


@pytest.fixture(scope="module")
def theirs(klein: Flux2Klein) -> NDArray[np.uint8]:
    return painted(klein)


def test_one_that_mflux_saved_is_held_as_wide_as_it_is_and_paints_what_mflux_paints(
    held: Base, ours: NDArray[np.uint8], theirs: NDArray[np.uint8]
) -> None:
    assert (held.info.target_count, held.info.quantize, held.variant.name) == (TARGETS, None, "flux2-klein-4b")
    assert held.shapes["transformer_blocks.1.ff.linear_in"] == (384, 64)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_one_starts_from_a_picture_as_mflux_does(
    held: Base, klein: Flux2Klein, ours: NDArray[np.uint8], tmp_path: Path, strength: float
) -> None:
    colours(80, 40).save(tmp_path / "start.png")
    spec = picture(held, start="c" * 64, strength=strength)
    mine = np.asarray(held.generate_from(np.asarray(colours(80, 40)), spec, Followed()))
    assert np.array_equal(mine, painted(klein, image_path=tmp_path / "start.png", image_strength=strength))
    assert np.array_equal(mine, ours) == (not strength)


def test_one_of_diffusers_is_the_same_base(
    klein: Flux2Klein, held: Base, ours: NDArray[np.uint8], tmp_path: Path
) -> None:
    base = load_base(str(write_as_diffusers(klein, tmp_path)), None)
    assert base.shapes == held.shapes
    assert np.array_equal(pixels(base), ours)


def test_its_memory_is_declared_before_it_is_loaded(held: Base, saved: Path) -> None:
    declared = find_origin("mine", str(saved)).nbytes(None, precision().size)
    assert declared == pytest.approx(held.info.memory_bytes, rel=0.01)


@pytest.mark.parametrize(
    "bits", [pytest.param(3, marks=pytest.mark.slow), 4, *(pytest.param(n, marks=pytest.mark.slow) for n in (5, 6, 8))]
)
def test_it_is_quantized_and_an_adapter_on_packed_layers_engages(saved: Path, tmp_path: Path, bits: int) -> None:
    base = load_base(str(saved), bits)
    assert base.info.quantize == bits
    assert isinstance(base.slots["transformer_blocks.0.attn.to_q"].linear, nn.QuantizedLinear)
    assert find_origin("mine", str(saved)).nbytes(bits, precision().size) == pytest.approx(
        base.info.memory_bytes, rel=0.1
    )
    before = base.predict()
    outcome = render(base, make_adapter(tmp_path / "a.safetensors", shapes=base.shapes, rank=4, strength=2e-2))
    assert isinstance(outcome, Painting)
    (report,) = outcome.trail.loras
    assert (report.verdict, report.applied_target_count) == (Verdict.ENGAGED, TARGETS - 9)
    assert bool(mx.array_equal(base.predict(), before))


@pytest.fixture(scope="module")
def guided(saved: Path) -> Base:
    """The same weights under the name of what the distilled variant comes from."""
    return load_base("flux2-klein-base-4b", None, str(saved))


def test_the_model_that_was_distilled_is_guided_as_mflux_guides_it(
    guided: Base, klein: Flux2Klein, theirs: NDArray[np.uint8]
) -> None:
    assert (guided.variant.guided, guided.variant.guidance) == (True, 4.0)
    assert np.array_equal(pixels(guided), painted(klein, guidance=4.0))
    assert np.array_equal(pixels(guided, guidance=1.0), theirs)


@pytest.mark.slow
def test_it_takes_a_negative_prompt_and_a_blank_one_is_none(guided: Base) -> None:
    plain = pixels(guided, steps=1)
    assert not np.array_equal(pixels(guided, steps=1, negative_prompt="rain"), plain)
    assert np.array_equal(pixels(guided, steps=1, negative_prompt="  "), plain)


def test_a_distilled_one_never_sees_a_negative_prompt(held: Base) -> None:
    assert held.encode(PROMPT, "rain") is held.encode(PROMPT)
    assert len(held.encode(PROMPT)) == 1


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("transformer", "single_transformer_blocks.0.attn.to_qkv_mlp_proj.weight"),
        ("text_encoder", "layers.3.mlp.up_proj.weight"),
        ("vae", "bn.running_var"),
        ("vae", "decoder.conv_out.bias"),
    ],
)
def test_one_that_lacks_a_tensor_is_refused_by_its_name(
    klein: Flux2Klein, tmp_path: Path, folder: str, name: str
) -> None:
    path = write_as_mflux(klein, tmp_path)
    file = path / folder / "0.safetensors"
    tensors = read_tensors(file)
    del tensors[name]
    mx.save_safetensors(str(file), tensors, {"mflux_version": "0.24.0", "quantization_level": "None"})
    with pytest.raises(BaseUnavailable, match=rf"{folder} lacks 1 weights, first '{name}'; save the model again"):
        load_base(str(path), None)


def test_a_text_encoder_that_is_too_short_is_refused_with_the_layer_that_is_read(
    klein: Flux2Klein, tmp_path: Path
) -> None:
    path = write_as_mflux(klein, tmp_path)
    file = path / "text_encoder" / "0.safetensors"
    stored = read_tensors(file).items()
    kept = {name: array for name, array in stored if not name.startswith(("layers.26", "layers.27"))}
    mx.save_safetensors(str(file), kept, {"mflux_version": "0.24.0"})
    with pytest.raises(BaseUnavailable, match=r"text_encoder has 26 layers and FLUX\.2 reads the output of layer 27"):
        load_base(str(path), None)


def test_the_number_of_single_blocks_tells_4b_from_9b(tmp_path: Path) -> None:
    path = write_as_mflux(small_klein(single=21), tmp_path)
    assert find_origin("mine", str(path)).variant is VARIANTS["flux2-klein-9b"]
    said = "has more than 20 single blocks, so it is no flux2-klein-4b; name it flux2-klein-9b"
    with pytest.raises(BaseUnavailable, match=said):
        find_origin("flux2-klein-4b", str(path))


def test_a_name_that_cannot_be_fetched_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        BaseUnavailable, match=r"could not load black-forest-labs/FLUX.2-klein-4B: .*; check the network"
    ):
        load(Origin("flux2-klein-4b", VARIANTS["flux2-klein-4b"]), None, "exact", "auto")
