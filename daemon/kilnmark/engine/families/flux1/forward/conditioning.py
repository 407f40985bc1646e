"""What time, strength and the pooled prompt do to every block: its modulation, of all steps of a picture at once.

The layers that make them are 30 % of FLUX.1's weights, and nothing that changes from step to step goes into them but
the time, which is known before the first: so that they are read once a picture.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import mlx.core as mx
import numpy as np
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mlx import nn

from kilnmark.engine.stack.fast import parts_of

__all__ = ["Modulations", "modulations"]

_WAVES = 256
"""Sines and cosines that a time is told in."""
_PERIOD = 10_000
"""The slowest of them."""

_JOINT, _SINGLE, _LAST = 6, 3, 2


class Modulations(NamedTuple):
    """Of every block and step, float32.

    Attributes:
        text: A joint block's of the text: `(steps, 6, width)` each.
        picture: The same of the picture.
        single: Of the single blocks: `(steps, 3, width)` each.
        last: `(steps, 2, width)`.
    """

    text: list[mx.array]
    picture: list[mx.array]
    single: list[mx.array]
    last: mx.array


def modulations(
    transformer: Transformer, times: Sequence[float], strength: float, pooled: mx.array, dtype: mx.Dtype
) -> Modulations:
    """All of a picture's, lazily.

    Args:
        transformer: mflux's own, with whatever stack is on it.
        times: Of every step, 1000 at the first and going down to 0.
        strength: With which the prompt is followed, 3.5 or so; only a transformer with an embedder for it reads it.
        pooled: Of the prompt, `(1, 768)`.
        dtype: What products are computed in.
    """
    embed = transformer.time_text_embed
    told = _embedded(embed.timestep_embedder, _waves(times), dtype)
    if embed.guidance_embedder is not None:
        told = told + _embedded(embed.guidance_embedder, _waves([strength * 1000.0]), dtype)
    told = nn.silu(told + _embedded(embed.text_embedder, pooled, dtype)).astype(dtype)

    def of(linear: nn.Module, kinds: int) -> mx.array:
        return parts_of(linear, told).total().reshape(len(times), kinds, -1)

    joint, single = transformer.transformer_blocks, transformer.single_transformer_blocks
    return Modulations(
        text=[of(block.norm1_context.linear, _JOINT) for block in joint],
        picture=[of(block.norm1.linear, _JOINT) for block in joint],
        single=[of(block.norm.linear, _SINGLE) for block in single],
        last=of(transformer.norm_out.linear, _LAST),
    )


def _embedded(embedder: nn.Module, x: mx.array, dtype: mx.Dtype) -> mx.array:
    """Through the two layers of an embedder: `(rows, width)`, float32."""
    silu: Callable[[mx.array], mx.array] = nn.silu
    thin = silu(parts_of(embedder.linear_1, x.astype(dtype)).total())
    return parts_of(embedder.linear_2, thin.astype(dtype)).total()


def _waves(times: Sequence[float]) -> mx.array:
    """Times in cosines, then sines, of half as many periods: `(rows, 256)`, float32 (Vaswani et al., 2017).

    On the host in float64, since a strength of 3.5 is an angle of 3500, of which float32 would keep four decimals.
    """
    half = _WAVES // 2
    angles = np.outer(times, np.exp(-math.log(_PERIOD) / half * np.arange(half)))
    return mx.array(np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
