"""What a step on FLUX.1-dev takes in memory beside its weights, by proportion, and that no weight is copied for it.

A small FLUX.1 of whole weights is measured at two lengths. What grows with them goes by tokens and width; what does not
would be copies of weights, which go by the square of the width.
"""

import numpy as np
import pytest

from kilnmark.engine.families.flux1.forward.transformer import Asked, FastTransformer
from kilnmark.protocol.picture.catalog import VARIANTS
from tests.benchmarks.figures import Figure, Headline, tell
from tests.engine.arrays import as_numpy
from tests.engine.small_flux import Sizes, inputs_for, small_flux

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mlx import nn

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]

PART = "peak"
SIZES = Sizes(joint=1, single=2, heads=4, axes=(16, 56, 56), text=64, pooled=64)
DEV_WIDTH, DEV_TOKENS = 3072, 4096 + 512
"""Of FLUX.1-dev, and of a picture of 1024x1024 with its prompt."""
WIDER = DEV_WIDTH / SIZES.width
LEAST_COPY = 4 * SIZES.width**2
"""Of the smallest matrix of a block in float32, in bytes."""


def beside_weights(transformer: Transformer, side: int, tokens: int) -> int:
    """The most that MLX held at once during a step, beyond what it held before; in bytes."""
    made = inputs_for(SIZES, rows=side, columns=side, tokens=tokens)
    given = made.text, made.pooled, made.latents
    text, pooled, latents = (mx.array(array.astype(np.float32)).astype(mx.bfloat16) for array in given)
    asked = Asked([1.0, 0.5], 3.5, text[None], pooled[None], side, side)
    mx.eval(text, pooled, latents)
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    noise = FastTransformer(transformer, mx.bfloat16).begin(asked).noise(1, latents[None])
    assert np.isfinite(as_numpy(noise)).all()
    return mx.get_peak_memory() - before


def fitted(transformer: Transformer) -> tuple[float, float]:
    """What a step takes a token, and what it takes whatever their number; in bytes."""
    (few, short), (many, long) = ((beside_weights(transformer, *at), at[0] ** 2 + at[1]) for at in ((1, 3), (8, 16)))
    a_token = (many - few) / (long - short)
    return a_token, few - short * a_token


class Copying(nn.Module):
    """A layer that computes with a copy of its weight in float32."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.linear = linear

    def __call__(self, x: mx.array) -> mx.array:
        return (x.astype(mx.float32) @ self.linear.weight.astype(mx.float32).T).astype(x.dtype)


def test_one_copy_of_the_smallest_weight_would_be_found() -> None:
    transformer = small_flux(SIZES, dtype=mx.bfloat16)
    attention = transformer.single_transformer_blocks[0].attn
    attention.to_q = Copying(attention.to_q)
    assert fitted(transformer)[1] > LEAST_COPY / 2


@pytest.mark.parametrize("bits", [None, 8], ids=["bf16", "q8"])
def test_what_a_step_of_dev_takes(bits: int | None) -> None:
    transformer = small_flux(SIZES, dtype=mx.bfloat16)
    if bits is not None:
        nn.quantize(transformer, 64, bits)
        mx.eval(transformer.parameters())
    a_token, constant = fitted(transformer)
    assert constant < LEAST_COPY / 2
    growing, fixed = DEV_TOKENS * a_token * WIDER, max(constant, 0.0) * WIDER**2
    weights = VARIANTS["dev"].numbers.nbytes(bits, 2)
    peak = weights + growing + fixed
    name = "bf16" if bits is None else f"q{bits}"
    show(name, "a step of dev at 1024x1024, beside its weights", (growing + fixed) / 2**20, "MiB")
    show(name, "the same with all weights of dev", peak / 2**30, "GiB")
    show(name, "of which does not grow with tokens", fixed / 2**20, "MiB", constant / LEAST_COPY, "a copied weight")
    if bits is not None:
        tell(Headline(name="peak_dev_q8_gib", value=peak / 2**30))
        tell(Headline(name="fixed_dev_q8_mib", value=fixed / 2**20))


def show(base: str, what: str, value: float, unit: str, ratio: float | None = None, against: str = "") -> None:
    told = Figure(
        part=PART,
        base=base,
        what=what,
        who="kilnmark, fast",
        value=value,
        unit=unit,
        ratio=ratio,
        against=against,
    )
    tell(told)
