"""Decoding in `fast`: the same pixels but for the type's rounding, one trace a size, and nobody held alive by it."""

import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.flux1.decoding import FastDecoding, decoded
from tests.engine.arrays import PRECISION, as_numpy
from tests.engine.flux import flux_of

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux.model.flux_vae.vae import VAE
from mlx import nn

Call = Callable[[Any, mx.array], mx.array]


def latents(height: int = 4, width: int = 6, seed: int = 1) -> mx.array:
    return mx.random.normal((1, 16, height, width), key=mx.random.key(seed))


def pixels(array: mx.array) -> NDArray[np.int64]:
    assert array.dtype == mx.uint8
    return as_numpy(array).astype(np.int64)


@pytest.fixture(scope="module")
def vae(base: Base) -> VAE:
    vae: VAE = flux_of(base).vae
    return vae


def test_the_pixels_are_those_of_mflux(vae: VAE) -> None:
    ours, theirs = pixels(FastDecoding(vae, PRECISION, compiled=False)(latents())), pixels(decoded(vae, latents()))
    assert ours.shape == (32, 48, 3)
    assert np.abs(ours - theirs).max() <= (1 if PRECISION is mx.float32 else 8)
    assert len(np.unique(theirs)) > 16


def short_vae(vae: VAE) -> VAE:
    """A copy whose decoder has only its ends: compiling all of it for a CPU takes a minute."""
    vae = copy.deepcopy(vae)
    decoder, width = vae.decoder, vae.decoder.conv_in.conv2d.weight.shape[0]
    decoder.mid_block, decoder.up_blocks = nn.Identity(), []
    decoder.conv_norm_out.norm = nn.GroupNorm(32, width, eps=1e-6, pytorch_compatible=True)
    decoder.conv_out.conv2d = nn.Conv2d(width, 3, 3, padding=1)
    decoder.apply(lambda array: array.astype(PRECISION))
    return vae


def test_compiled_they_are_the_same(vae: VAE) -> None:
    short = short_vae(vae)
    ours, theirs = (pixels(FastDecoding(short, PRECISION, compiled=yes)(latents())) for yes in (True, False))
    assert np.abs(ours - theirs).max() <= (1 if PRECISION is mx.float32 else 8)
    assert len(np.unique(theirs)) > 16


def test_a_size_is_traced_once(vae: VAE) -> None:
    decode = FastDecoding(short_vae(vae), PRECISION, compiled=True)
    first = pixels(decode(latents()))
    assert np.array_equal(pixels(decode(latents())), first)
    assert not np.array_equal(pixels(decode(latents(seed=2))), first)
    assert decode.traces == 1
    decode(latents(6, 6))
    assert decode.traces == 2


def test_weights_are_given_to_the_trace_and_not_part_of_it(vae: VAE) -> None:
    short = short_vae(vae)
    decode = FastDecoding(short, PRECISION, compiled=True)
    before = pixels(decode(latents()))
    short.decoder.conv_out.conv2d.weight *= 2
    assert not np.array_equal(pixels(decode(latents())), before)
    assert decode.traces == 1


def test_a_trace_holds_no_vae_alive(vae: VAE) -> None:
    short = short_vae(vae)
    decode = FastDecoding(short, PRECISION, compiled=True)
    mx.eval(decode(latents()))
    decoder = weakref.ref(short.decoder)
    del short, decode
    gc.collect()
    assert decoder() is None


def test_no_product_is_given_float32_where_the_base_has_bf16(vae: VAE, monkeypatch: pytest.MonkeyPatch) -> None:
    vae = copy.deepcopy(vae)
    vae.decoder.apply(lambda array: array.astype(mx.bfloat16))
    monkeypatch.setattr(ModelConfig, "precision", mx.bfloat16)
    given: list[mx.Dtype] = []
    for kind in (nn.Conv2d, nn.Linear):
        monkeypatch.setattr(kind, "__call__", seeing(kind.__call__, given))
    mx.eval(FastDecoding(vae, mx.bfloat16, compiled=False)(latents(2, 2)))
    assert len(given) > 20
    assert set(given) == {mx.bfloat16}


def seeing(call: Call, given: list[mx.Dtype]) -> Call:
    """The same, which writes down what type its input is of."""

    def seen(module: object, x: mx.array) -> mx.array:
        given.append(x.dtype)
        return call(module, x)

    return seen
