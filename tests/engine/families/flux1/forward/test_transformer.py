"""Our own forward pass of FLUX.1, against mflux's in float32 and against one in float64."""

import numpy as np
import pytest

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.flux1.forward.transformer import Asked, FastTransformer
from tests.engine.arrays import PRECISION, allowed, as_float64, given
from tests.engine.flux import flux_of
from tests.engine.forward64 import Array64, Inputs64, forward64
from tests.engine.small_flux import SMALL, inputs_for, small_flux

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.config.config import Config
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux.model.flux_transformer.transformer import Transformer


def fast(transformer: Transformer, inputs: Inputs64) -> Array64:
    asked = Asked(
        sigmas=[1.0, inputs.sigma],
        guidance=inputs.guidance,
        text=given(inputs.text)[None],
        pooled=given(inputs.pooled)[None],
        rows=inputs.rows,
        columns=inputs.columns,
    )
    steps = FastTransformer(transformer, PRECISION).begin(asked)
    noise = steps.noise(1, mx.array(inputs.latents.astype(np.float32))[None])
    assert noise.dtype == mx.float32
    return np.asarray(as_float64(noise)[0])


def distance(one: Array64, other: Array64) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


@pytest.mark.parametrize("guided", [True, False], ids=["dev", "schnell"])
def test_it_is_as_near_to_float64_as_its_type_allows(*, guided: bool) -> None:
    transformer, inputs = small_flux(guided=guided, dtype=PRECISION), inputs_for()
    truth = forward64(transformer, inputs, head_count=SMALL.heads)
    assert distance(fast(transformer, inputs), truth) < allowed(2e-6, bfloat16=1e-2)


@pytest.mark.parametrize("step", [0, 3])
def test_in_float32_it_is_mflux_own(base: Base, step: int) -> None:
    flux = flux_of(base)
    text, pooled = base.encode("a kiln in the rain")
    config = Config(model_config=ModelConfig.dev(), num_inference_steps=4, height=64, width=96, guidance=3.5)
    latents = mx.random.normal((1, 24, 64), key=mx.random.key(3))
    asked = Asked(config.scheduler.sigmas.tolist()[:-1], 3.5, text, pooled, 4, 6)
    ours = FastTransformer(flux.transformer, PRECISION).begin(asked).noise(step, latents)
    theirs = flux.transformer(
        t=step, config=config, hidden_states=latents, prompt_embeds=text, pooled_prompt_embeds=pooled
    )
    assert distance(as_float64(ours), as_float64(theirs)) < allowed(1e-5, bfloat16=3e-2)
