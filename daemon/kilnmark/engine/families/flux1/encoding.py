"""T5 as it is published to run, over mflux's modules: products in the base's type, what lies between them in float32.

mflux's own norms give float32 on, so that all that follows them is computed in float32 with copies of the weights.
CLIP needs nothing of the kind.
"""

import math
from functools import cache

import mlx.core as mx
import numpy as np
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_dense_relu_dense import T5DenseReluDense
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_encoder import T5Encoder
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_layer_norm import T5LayerNorm
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_self_attention import T5SelfAttention

from kilnmark.engine.families.flux1.quick import activation_of
from kilnmark.engine.stack.fast import parts_of

__all__ = ["fast_t5"]

_HEAD_SIZE = 64
_DISTANCES = 32
"""Kinds of distances that have a bias of their own, half of them for each direction."""
_FARTHEST = 128
"""Tokens; all that are farther apart are of one kind."""


def fast_t5(encoder: T5Encoder, tokens: mx.array, dtype: mx.Dtype) -> mx.array:
    """What T5 makes of a prompt, `(1, tokens, 4096)`, in `dtype`, lazily.

    Args:
        encoder: With whatever stack is on it.
        tokens: Their numbers, `(1, tokens)`.
        dtype: What every product is computed in.
    """
    stream = encoder.shared(tokens).astype(mx.float32)
    for block in encoder.t5_blocks:
        stream += _attended(block.attention.SelfAttention, _normed(block.attention.layer_norm, stream, dtype))
        stream += _fed_forward(block.ff.DenseReluDense, _normed(block.ff.layer_norm, stream, dtype))
    return _normed(encoder.final_layer_norm, stream, dtype)


def _normed(norm: T5LayerNorm, stream: mx.array, dtype: mx.Dtype) -> mx.array:
    scale = norm.weight.astype(mx.float32)
    return mx.fast.rms_norm(stream, scale, norm.variance_epsilon).astype(dtype)


def _attended(layers: T5SelfAttention, x: mx.array) -> mx.array:
    """Attention of all tokens to all, with a bias by how far they are apart; T5 does not scale it."""
    count = x.shape[1]
    query, key, value = (
        layer(x).reshape(1, count, -1, _HEAD_SIZE).swapaxes(1, 2) for layer in (layers.q, layers.k, layers.v)
    )
    far = layers.relative_attention_bias(_apart(count)).transpose(2, 0, 1)[None].astype(x.dtype)
    attended = mx.fast.scaled_dot_product_attention(query, key, value, scale=1.0, mask=far)
    return parts_of(layers.o, attended.swapaxes(1, 2).reshape(1, count, -1)).total()


def _fed_forward(layers: T5DenseReluDense, x: mx.array) -> mx.array:
    gate, up = parts_of(layers.wi_0, x, moved=False).total(), parts_of(layers.wi_1, x).total()
    return parts_of(layers.wo, (activation_of(layers)(gate) * up).astype(x.dtype)).total()


@cache
def _apart(count: int) -> mx.array:
    """The kind of distance from each token to each, `(count, count)` (Raffel et al., 2020, section 2.1).

    Near ones have a kind each, farther ones share one by the logarithm, in float32 as the model was trained with.
    """
    places = np.arange(count)
    distance = places[None] - places[:, None]
    half, near = _DISTANCES // 2, _DISTANCES // 4
    size = np.abs(distance)
    steps = np.log(np.maximum(size, 1).astype(np.float32) / near) / math.log(_FARTHEST / near) * (half - near)
    far = np.minimum(near + np.floor(steps).astype(np.int32), half - 1)
    return mx.array(np.where(size < near, size, far) + half * (distance > 0))
