"""Our own forward pass of FLUX.1, against mflux's in float32 and against one in float64."""

import dataclasses

import numpy as np
import pytest

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.flux1.forward.transformer import Asked, FastTransformer
from kilnmark.engine.stack.build import Member
from tests.engine.arrays import PRECISION, allowed, as_float64
from tests.engine.flux import flux_of
from tests.engine.forward64 import Array64, Inputs64, forward64
from tests.engine.small_flux import SMALL, inputs_for, small_flux
from tests.engine.small_stack import changes, pairs_on_all, stacker_of

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.config.config import Config
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mlx import nn

ROUNDING = {mx.float32: 2.0**-20, mx.bfloat16: 2.0**-9}
"""A step's relative size: of products in float32, which add up hundreds of numbers, some more than a number's."""

ASKED = Asked([1.0], 3.5, mx.ones((1, 7, SMALL.text)), mx.ones((1, SMALL.pooled)), 4, 6)


def fast(transformer: Transformer, inputs: Inputs64, dtype: mx.Dtype) -> Array64:
    asked = Asked(
        sigmas=[1.0, inputs.sigma],
        guidance=inputs.guidance,
        text=mx.array(inputs.text.astype(np.float32)).astype(dtype)[None],
        pooled=mx.array(inputs.pooled.astype(np.float32)).astype(dtype)[None],
        rows=inputs.rows,
        columns=inputs.columns,
        reference=None if inputs.reference is None else mx.array(inputs.reference.astype(np.float32))[None],
    )
    noise = FastTransformer(transformer, dtype).begin(asked).noise(1, mx.array(inputs.latents.astype(np.float32))[None])
    assert noise.dtype == mx.float32
    return np.asarray(as_float64(noise)[0])


def distance(one: Array64, other: Array64) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


def cosine(one: Array64, other: Array64) -> float:
    return float((one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("guided", [True, False], ids=["dev", "schnell"])
@pytest.mark.parametrize("dtype", ROUNDING)
def test_it_is_as_near_to_float64_as_its_type_allows(dtype: mx.Dtype, *, guided: bool) -> None:
    """Five blocks, each of about a dozen roundings of which half a step, 2^-9 in bf16, is the most."""
    transformer, inputs = small_flux(guided=guided, dtype=dtype), inputs_for()
    truth = forward64(transformer, inputs, head_count=SMALL.heads)
    assert distance(fast(transformer, inputs, dtype), truth) < 4 * ROUNDING[dtype]


@pytest.mark.parametrize("dtype", ROUNDING)
def test_a_reference_is_read_a_layer_behind_the_picture_whose_noise_is_told(dtype: mx.Dtype) -> None:
    transformer, inputs = small_flux(dtype=dtype), inputs_for()
    shown = dataclasses.replace(inputs, reference=inputs_for(seed=6).latents)
    truth, blind = (forward64(transformer, each, head_count=SMALL.heads) for each in (shown, inputs))
    assert distance(fast(transformer, shown, dtype), truth) < 4 * ROUNDING[dtype] < distance(blind, truth) / 4


@pytest.mark.parametrize("kind", ["as published", "of the standin"])
def test_each_block_has_its_own_activation(kind: str) -> None:
    transformer, inputs = small_flux(), inputs_for()
    truths = [forward64(transformer, inputs, head_count=SMALL.heads)]
    for block in transformer.transformer_blocks:
        block.ff.activation_function = nn.gelu_approx if kind == "as published" else nn.relu
    truths.append(forward64(transformer, inputs, head_count=SMALL.heads))
    near, far = (distance(fast(transformer, inputs, mx.float32), truth) for truth in reversed(truths))
    assert near < 4 * ROUNDING[mx.float32] < far


@pytest.mark.parametrize(("strength", "least"), [(0.1, 0.998), (0.3, 0.9995)])
@pytest.mark.parametrize("seed", range(2))
def test_adapters_move_the_noise_in_bf16_by_the_vector_by_which_they_do_in_float64(
    seed: int, strength: float, least: float
) -> None:
    transformer = small_flux(dtype=mx.bfloat16)
    inputs = inputs_for(seed=seed, rows=8, columns=10, tokens=16)
    stacker = stacker_of(transformer)
    members = [Member(pairs_on_all(transformer, 8, seed=seed, strength=strength), scale) for scale in (1.5, -0.5)]
    bare, moved = (forward64(transformer, inputs, what, head_count=SMALL.heads) for what in ({}, changes(members)))
    before = fast(transformer, inputs, mx.bfloat16)
    stacker.switch(members)
    by = fast(transformer, inputs, mx.bfloat16) - before
    assert cosine(by, moved - bare) > least
    assert np.linalg.norm(by) == pytest.approx(np.linalg.norm(moved - bare), rel=0.01)


def test_a_faint_adapter_arrives_with_its_whole_share() -> None:
    """One of a hundredth of the weights, below the grid of bf16 on most layers; summed over pictures."""
    transformer, along, whole = small_flux(dtype=mx.bfloat16), 0.0, 0.0
    stacker = stacker_of(transformer)
    members = [Member(pairs_on_all(transformer, 8, seed=1, strength=0.01), 1.0)]
    for picture in range(3):
        inputs = inputs_for(seed=picture, rows=8, columns=10, tokens=16)
        stacker.switch([])
        before = fast(transformer, inputs, mx.bfloat16)
        truth = -forward64(transformer, inputs, head_count=SMALL.heads)
        truth += forward64(transformer, inputs, changes(members), head_count=SMALL.heads)
        stacker.switch(members)
        along += float(((fast(transformer, inputs, mx.bfloat16) - before) * truth).sum())
        whole += float((truth * truth).sum())
    assert along / whole == pytest.approx(1.0, abs=0.05)


def test_what_no_step_changes_is_computed_once_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modulations, what they are made of, and the text's stream; a step calls what it streams through, and no more."""
    given: list[nn.Linear] = []
    own = nn.Linear.__call__

    def counted(layer: nn.Linear, x: mx.array) -> mx.array:
        given.append(layer)
        gives: mx.array = own(layer, x)
        return gives

    monkeypatch.setattr(nn.Linear, "__call__", counted)
    steps = FastTransformer(small_flux(), mx.float32).begin(ASKED)
    counts = [len(given)]
    for _ in range(2):
        given.clear()
        steps.noise(0, mx.zeros((1, 24, SMALL.channels)))
        counts.append(len(given))
    modulations, embedders = 2 * SMALL.joint + SMALL.single + 1, 6
    streamed = 12 * SMALL.joint + 5 * SMALL.single + 2
    assert counts == [modulations + embedders + 1, streamed, streamed]


def test_a_step_is_the_same_whichever_others_its_picture_has() -> None:
    fast, latents = FastTransformer(small_flux(), mx.float32), mx.ones((1, 24, SMALL.channels))
    alone = as_float64(fast.begin(ASKED._replace(sigmas=[0.5])).noise(0, latents))
    among = as_float64(fast.begin(ASKED._replace(sigmas=[1.0, 0.7, 0.5, 0.1])).noise(2, latents))
    other = as_float64(fast.begin(ASKED._replace(sigmas=[0.7])).noise(0, latents))
    assert distance(among, alone) < 1e-6 < distance(other, alone)


@pytest.mark.parametrize("step", [0, 3])
def test_in_float32_it_is_mflux_own(base: Base, step: int) -> None:
    """In bf16 it cannot be near: four numbers are all that passes between the factors of a layer of the standin."""
    flux = flux_of(base)
    text, pooled = base.encode("a kiln in the rain")
    config = Config(model_config=ModelConfig.dev(), num_inference_steps=4, height=64, width=96, guidance=3.5)
    latents = mx.random.normal((1, 24, 64), key=mx.random.key(3))
    asked = Asked(config.scheduler.sigmas.tolist()[:-1], 3.5, text, pooled, 4, 6)
    ours = FastTransformer(flux.transformer, PRECISION).begin(asked).noise(step, latents)
    theirs = flux.transformer(
        t=step, config=config, hidden_states=latents, prompt_embeds=text, pooled_prompt_embeds=pooled
    )
    assert distance(as_float64(ours), as_float64(theirs)) < allowed(1e-5, bfloat16=0.15)
