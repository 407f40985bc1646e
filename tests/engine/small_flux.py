"""A small FLUX.1 transformer of mflux's own modules, with whole weights: every layer of the real one, narrower.

mflux's blocks cannot run it, since they split modulations at FLUX.1's width; ours and the one in float64 can.
"""

from dataclasses import dataclass

import numpy as np

from kilnmark.engine.stack.slots import find_slots
from tests.engine.arrays import given
from tests.engine.forward64 import Array64, Inputs64

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mlx import nn

__all__ = ["SMALL", "Sizes", "inputs_for", "small_flux"]


@dataclass(frozen=True)
class Sizes:
    """Of a small FLUX.1; `axes` are the channels that rotary embedding turns, for each of three axes."""

    joint: int = 2
    single: int = 3
    heads: int = 4
    axes: tuple[int, int, int] = (8, 12, 12)
    text: int = 96
    pooled: int = 64
    channels: int = 64

    @property
    def width(self) -> int:
        return self.heads * sum(self.axes)


SMALL = Sizes()


def small_flux(
    sizes: Sizes = SMALL, *, guided: bool = True, seed: int = 3, dtype: mx.Dtype = mx.float32
) -> Transformer:
    """Build one whose streams have about the magnitudes of the real one's: weights of mean 0, all biases, norms near 1.

    Args:
        sizes: Of it.
        guided: dev, with the embedder that reads guidance; without it, schnell.
        seed: Of its weights.
        dtype: Of its weights.
    """
    config = ModelConfig.dev() if guided else ModelConfig.schnell()
    transformer = Transformer(config, sizes.joint, sizes.single)
    transformer.pos_embed.axes_dim = list(sizes.axes)
    rng = np.random.default_rng(seed)
    for block in [*transformer.transformer_blocks, *transformer.single_transformer_blocks]:
        block.attn.num_heads, block.attn.head_dimension = sizes.heads, sum(sizes.axes)
    for path, slot in find_slots(transformer).items():
        if isinstance(slot.linear, nn.RMSNorm):
            slot.linear.weight = mx.array(1 + 0.1 * rng.standard_normal(sum(sizes.axes)).astype("f4"))
            continue
        out, into = (_scaled(number, sizes) for number in slot.shape)
        out, into = _ends(path, out, into, sizes)
        layer = nn.Linear(into, out)
        layer.weight = mx.array(rng.standard_normal((out, into)).astype("f4") * into**-0.5)
        layer.bias = mx.array(0.05 * rng.standard_normal(out).astype("f4"))
        slot.put(layer)
    transformer.apply(lambda array: array.astype(dtype))
    mx.eval(transformer.parameters())
    return transformer


def inputs_for(sizes: Sizes = SMALL, *, seed: int = 5, rows: int = 4, columns: int = 6, tokens: int = 7) -> Inputs64:
    """Normal numbers, as the tests' precision holds them, so that no pass is charged for rounding its inputs."""
    rng = np.random.default_rng(seed)

    def drawn(*shape: int) -> Array64:
        return np.array(given(rng.standard_normal(shape)).astype(mx.bfloat16).astype(mx.float32)).astype(np.float64)

    return Inputs64(
        latents=drawn(rows * columns, sizes.channels),
        text=drawn(tokens, sizes.text),
        pooled=drawn(sizes.pooled),
        sigma=0.75,
        guidance=3.5,
        rows=rows,
        columns=columns,
    )


def _scaled(number: int, sizes: Sizes) -> int:
    """A multiple of the real width becomes the same multiple of the small one."""
    return number // 3072 * sizes.width if number % 3072 == 0 else number


def _ends(path: str, out: int, into: int, sizes: Sizes) -> tuple[int, int]:
    match path:
        case "x_embedder":
            return out, sizes.channels
        case "context_embedder":
            return out, sizes.text
        case "time_text_embed.text_embedder.linear_1":
            return out, sizes.pooled
        case "proj_out":
            return sizes.channels, into
    return out, into
