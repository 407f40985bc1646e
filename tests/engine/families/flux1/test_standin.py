"""The standin whole: FLUX.1-dev's own classes and shapes, the same values at every build."""

import mlx.core as mx
import numpy as np
import pytest
from mflux.models.flux.model.flux_text_encoder.clip_encoder.clip_encoder import CLIPEncoder
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_encoder import T5Encoder
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mflux.models.flux.model.flux_vae.vae import VAE
from mflux.models.flux.variants.txt2img.flux import Flux1
from mlx import nn
from mlx.utils import tree_flatten

from kilnmark.engine.compute import backend
from kilnmark.engine.families.base import Base, load_base
from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.flux1.standin import build_standin
from kilnmark.engine.stack.slots import find_slots
from kilnmark.keymaps.names.shapes import load_shapes
from tests.engine.arrays import as_numpy
from tests.engine.flux import flux_of
from tests.engine.forward import noise


def test_it_is_made_of_mflux_classes(whole: Base) -> None:
    flux = flux_of(whole)
    assert type(flux) is Flux1
    assert type(flux.transformer) is Transformer
    assert type(flux.vae) is VAE
    assert type(flux.t5_text_encoder) is T5Encoder
    assert type(flux.clip_text_encoder) is CLIPEncoder


def test_its_blocks_have_494_targets(whole: Base) -> None:
    assert whole.info.target_count == 494


def test_every_linear_layer_has_flux1_devs_true_shape(whole: Base) -> None:
    assert whole.shapes == dict(load_shapes("dev"))


@pytest.mark.parametrize(("encoder", "shapes"), [("clip_text_encoder", "clip_l"), ("t5_text_encoder", "t5_xxl")])
def test_the_text_encoders_have_their_true_shapes(whole: Base, encoder: str, shapes: str) -> None:
    model: nn.Module = flux_of(whole)[encoder]
    assert {path: slot.shape for path, slot in find_slots(model).items()} == dict(load_shapes(shapes))


def numbers_of(flux: Flux1) -> dict[str, mx.array]:
    held: dict[str, mx.array] = {}
    models: list[nn.Module] = [flux.transformer, flux.t5_text_encoder, flux.clip_text_encoder, flux.vae.decoder]
    tree_flatten([model.parameters() for model in models], destination=held)
    return held


@pytest.fixture(scope="module")
def builds(whole: Base) -> tuple[Flux1, Flux1]:
    """That of the whole, and one made by itself."""
    return flux_of(whole), build_standin()


def test_two_builds_hold_the_same_numbers_bit_for_bit(builds: tuple[Flux1, Flux1]) -> None:
    one, other = map(numbers_of, builds)
    assert one.keys() == other.keys()
    assert all(mx.array_equal(one[name], other[name]) for name in one)


def test_two_builds_predict_the_same_noise(builds: tuple[Flux1, Flux1]) -> None:
    """To the last bit on a CPU; a GPU takes its kernels by where arrays happen to lie."""
    one, other = map(noise, builds)
    allowed = 0.0 if backend() == "cpu" else 1e-2
    assert np.linalg.norm(one - other) <= allowed * np.linalg.norm(one)
    assert np.linalg.norm(one - noise(builds[0], seed=2)) > 0.1 * np.linalg.norm(one)


def test_the_prompt_matters(whole: Base) -> None:
    assert not np.array_equal(noise(flux_of(whole), "red"), noise(flux_of(whole), "blue"))


def test_a_word_beyond_the_77_tokens_of_clip_still_matters(whole: Base) -> None:
    long = "a kiln " * 11  # each letter is a token
    (red, _), (tan, _) = whole.encode(f"{long}red"), whole.encode(f"{long}tan")
    assert red.shape == tan.shape
    assert not np.array_equal(as_numpy(red), as_numpy(tan))


def test_it_is_small_and_says_how_large(whole: Base) -> None:
    assert 50e6 < whole.info.memory_bytes < 400e6


def test_it_refuses_to_be_quantized() -> None:
    with pytest.raises(BaseUnavailable, match="leave quantize out"):
        load_base("standin", 4)


def test_a_directory_without_weights_is_refused_with_its_path() -> None:
    with pytest.raises(BaseUnavailable, match="nowhere/transformer holds no safetensors"):
        load_base("/nowhere", None)
