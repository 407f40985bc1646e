"""What a step takes beside its weights, at its peak: never as much as one weight in float32, so that none is copied."""

import numpy as np
import pytest

from kilnmark.engine.families.flux1.forward.transformer import Asked, FastTransformer
from kilnmark.engine.stack.stack import Member
from tests.engine.arrays import as_numpy
from tests.engine.small_flux import Sizes, inputs_for, small_flux
from tests.engine.small_stack import pairs_on_all, stacker_of

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mlx import nn

SIZES = Sizes(joint=1, single=1, heads=8, axes=(8, 28, 28), text=64, pooled=64)
INPUTS = inputs_for(SIZES, rows=2, columns=2, tokens=3)
LEAST_COPY = 4 * SIZES.width**2
"""Of the smallest matrix of a block in float32, in bytes."""


def beside_weights(transformer: Transformer) -> int:
    """The most that MLX held at once during one step, beyond what it held before; in bytes."""
    given = INPUTS.text, INPUTS.pooled, INPUTS.latents
    text, pooled, latents = (mx.array(array.astype(np.float32)) for array in given)
    asked = Asked([1.0, 0.5], 3.5, text[None], pooled[None], INPUTS.rows, INPUTS.columns)
    mx.eval(asked.text, asked.pooled, latents)
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    noise = FastTransformer(transformer, mx.bfloat16).begin(asked).noise(1, latents[None])
    assert np.isfinite(as_numpy(noise)).all()
    return mx.get_peak_memory() - before


@pytest.mark.parametrize("bits", [None, 8, 4], ids=["bf16", "q8", "q4"])
def test_no_weight_is_copied_without_a_stack_nor_with_one(bits: int | None) -> None:
    transformer = small_flux(SIZES, dtype=mx.bfloat16)
    if bits is not None:
        nn.quantize(transformer, 64, bits)
        mx.eval(transformer.parameters())
    assert beside_weights(transformer) < LEAST_COPY
    stacker_of(transformer).switch([Member(pairs_on_all(transformer, 4, seed=1), 0.5)])
    mx.eval(transformer.parameters())
    assert beside_weights(transformer) < LEAST_COPY


class _Copying(nn.Module):
    """A layer that computes with a copy of its weight in float32."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.linear = linear

    def __call__(self, x: mx.array) -> mx.array:
        return (x.astype(mx.float32) @ self.linear.weight.astype(mx.float32).T).astype(x.dtype)


def test_a_layer_that_copied_its_weight_would_be_found() -> None:
    transformer = small_flux(SIZES, dtype=mx.bfloat16)
    attention = transformer.single_transformer_blocks[0].attn
    attention.to_q = _Copying(attention.to_q)
    assert beside_weights(transformer) >= LEAST_COPY


@pytest.mark.parametrize(("bits", "most"), [(None, 1.01), (8, 0.05), (4, 0.05)], ids=["bf16", "q8", "q4"])
def test_a_float32_stream_as_exact_has_it_copies_a_whole_weight_and_no_packed_one(
    bits: int | None, most: float
) -> None:
    """What `exact` costs beside `fast`: one copy at a time of a weight in bf16; of a packed one, its scales."""
    width = 1024
    linear: nn.Module = nn.Linear(width, width, bias=False)
    linear.set_dtype(mx.bfloat16)
    if bits is not None:
        linear = nn.QuantizedLinear.from_linear(linear, 64, bits)
    stream = mx.ones((1, width))
    mx.eval(linear.parameters(), stream)
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    mx.eval(linear(stream))
    share = (mx.get_peak_memory() - before) / (4 * width**2)
    assert most - 0.05 < share < most
