"""The blocks of FLUX.1 as functions of their layers and of what streams through them.

Nothing here reaches for a weight but through the layers it is given, so that a block can be traced with any others of
the same form. The residual stream is float32, `(1, tokens, width)`; modulations are float32, `(kinds, width)`.
"""

from collections.abc import Callable
from typing import NamedTuple

import mlx.core as mx
from mflux.models.flux.model.flux_transformer.joint_transformer_block import JointTransformerBlock
from mflux.models.flux.model.flux_transformer.single_transformer_block import SingleTransformerBlock
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mlx import nn

from kilnmark.engine.families.flux1.forward.rotary import Turning, rotated
from kilnmark.engine.families.flux1.quick import activation_of
from kilnmark.engine.stack.fast import Parts, parts_of, shared_parts

__all__ = [
    "Heads",
    "JointLayers",
    "SideLayers",
    "SingleLayers",
    "joint_block",
    "joint_layers",
    "last_block",
    "shared_inputs",
    "single_block",
    "single_layers",
]

LAYER_NORM_EPS = 1e-6
"""Of all of FLUX.1's, whose scales and shifts come from the modulation."""


_Attending = tuple[mx.array, mx.array, mx.array]
"""Queries, keys and values."""

_QUERIES = ("to_q", "to_k", "to_v"), ("add_q_proj", "add_k_proj", "add_v_proj")
"""What the picture's stream goes into, which is also the only one's of a single block, and what the text's does."""


class Heads(NamedTuple):
    """How attention is split, and the type of products.

    Attributes:
        number: How many.
        dtype: What every product is computed in.
    """

    number: int
    dtype: mx.Dtype


class Queries(NamedTuple):
    """What makes queries, keys and values of one stream."""

    to_q: nn.Module
    to_k: nn.Module
    to_v: nn.Module
    norm_q: nn.Module
    norm_k: nn.Module


class SideLayers(NamedTuple):
    """What a joint block does to one of its two streams."""

    queries: Queries
    out: nn.Module
    up: nn.Module
    activation: Callable[[mx.array], mx.array]
    down: nn.Module


class JointLayers(NamedTuple):
    """Of a joint block: text and picture attend to each other, and each is fed forward by itself."""

    text: SideLayers
    picture: SideLayers


class SingleLayers(NamedTuple):
    """Of a single block: one stream, attention and feed-forward beside each other."""

    queries: Queries
    up: nn.Module
    activation: Callable[[mx.array], mx.array]
    out: nn.Module


def joint_layers(block: JointTransformerBlock) -> JointLayers:
    """As they are on the base now."""
    attention, text, picture = block.attn, block.ff_context, block.ff
    return JointLayers(
        text=SideLayers(
            Queries(
                attention.add_q_proj,
                attention.add_k_proj,
                attention.add_v_proj,
                attention.norm_added_q,
                attention.norm_added_k,
            ),
            attention.to_add_out,
            text.linear1,
            text.activation_function,
            text.linear2,
        ),
        picture=SideLayers(
            Queries(attention.to_q, attention.to_k, attention.to_v, attention.norm_q, attention.norm_k),
            attention.to_out[0],
            picture.linear1,
            picture.activation_function,
            picture.linear2,
        ),
    )


def single_layers(block: SingleTransformerBlock) -> SingleLayers:
    """As they are on the base now."""
    attention = block.attn
    queries = Queries(attention.to_q, attention.to_k, attention.to_v, attention.norm_q, attention.norm_k)
    return SingleLayers(queries, block.proj_mlp, activation_of(block), block.proj_out)


def shared_inputs(transformer: Transformer) -> list[list[str]]:
    """Paths of layers that a block gives one and the same input, group by group."""
    joint, single = (
        [f"{blocks}.{place}" for place in range(len(transformer[blocks]))]
        for blocks in ("transformer_blocks", "single_transformer_blocks")
    )
    return [
        *([f"{block}.attn.{name}" for name in names] for block in joint for names in _QUERIES),
        *([*(f"{block}.attn.{name}" for name in _QUERIES[0]), f"{block}.proj_mlp"] for block in single),
    ]


def joint_block(
    heads: Heads,
    layers: JointLayers,
    streams: tuple[mx.array, mx.array],
    modulations: tuple[mx.array, mx.array],
    turning: Turning,
) -> tuple[mx.array, mx.array]:
    """Text and picture through one joint block.

    Args:
        heads: How attention is split.
        layers: The block's.
        streams: Of the text and of the picture.
        modulations: Of the same, each `(6, width)`: shift, scale and gate around attention, then around feed-forward.
        turning: Of all tokens, the text's first.
    """
    normed = [_modulated(heads, x, by[1], by[0]) for x, by in zip(streams, modulations, strict=True)]
    split = streams[0].shape[1]
    of_text, of_picture = Turning(*(each[:split] for each in turning)), Turning(*(each[split:] for each in turning))
    made = [
        _queries(heads, side.queries, x, by)[0]
        for side, x, by in zip(layers, normed, (of_text, of_picture), strict=True)
    ]
    query, key, value = (mx.concatenate(list(each), axis=1) for each in zip(*made, strict=True))
    attended = _attended((query, key, value))
    return (
        _fed_forward(heads, layers.text, streams[0], attended[:, :split], modulations[0]),
        _fed_forward(heads, layers.picture, streams[1], attended[:, split:], modulations[1]),
    )


def single_block(
    heads: Heads, layers: SingleLayers, stream: mx.array, modulation: mx.array, turning: Turning
) -> mx.array:
    """Text and picture as one stream through one single block; `modulation` is `(3, width)`: shift, scale and gate."""
    shift, scale, gate = modulation
    normed = _modulated(heads, stream, scale, shift)
    made, (up,) = _queries(heads, layers.queries, normed, turning, layers.up)
    attended = _attended(made)
    fed = layers.activation(up).astype(heads.dtype)
    return _gated(stream, gate, parts_of(layers.out, mx.concatenate([attended, fed], axis=-1)))


def last_block(heads: Heads, proj_out: nn.Module, stream: mx.array, modulation: mx.array) -> mx.array:
    """The picture's stream to the noise in it, float32; `modulation` is `(2, width)`: scale and shift."""
    scale, shift = modulation
    return parts_of(proj_out, _modulated(heads, stream, scale, shift)).total()


def _modulated(heads: Heads, stream: mx.array, scale: mx.array, shift: mx.array) -> mx.array:
    """Layer norm whose scales and shifts are those of the modulation: one operation in float32, rounded once."""
    return mx.fast.layer_norm(stream, 1 + scale, shift, LAYER_NORM_EPS).astype(heads.dtype)


def _queries(
    heads: Heads, layers: Queries, x: mx.array, turning: Turning, *others: nn.Module
) -> tuple[_Attending, list[mx.array]]:
    """Queries, keys and values of some tokens, `(1, tokens, heads, size)`; and what others give of `x`, in float32.

    A norm and a rotation move all numbers off the grid that a layer's output lies on; values and activations do not.
    Each number of a query or key is rounded once.
    """
    moved = [True, True, False, *(False for _ in others)]
    query, key, value, *given = shared_parts([layers.to_q, layers.to_k, layers.to_v, *others], x, moved)
    split = (1, x.shape[1], heads.number, -1)
    turned_query, turned_key = (
        rotated(norm(each.total().reshape(split)), turning).astype(heads.dtype)
        for norm, each in ((layers.norm_q, query), (layers.norm_k, key))
    )
    plain = value.given if value.added is None else value.total()
    return (turned_query, turned_key, plain.astype(heads.dtype).reshape(split)), [each.total() for each in given]


def _attended(made: _Attending) -> mx.array:
    """Attention of all tokens to all: `(1, tokens, width)`."""
    query, key, value = (each.swapaxes(1, 2) for each in made)
    attended = mx.fast.scaled_dot_product_attention(query, key, value, scale=query.shape[-1] ** -0.5)
    return attended.swapaxes(1, 2).reshape(1, query.shape[2], -1)


def _fed_forward(
    heads: Heads, layers: SideLayers, stream: mx.array, attended: mx.array, modulation: mx.array
) -> mx.array:
    """What attention and feed-forward add to one stream."""
    _, _, attention_gate, shift, scale, gate = modulation
    stream = _gated(stream, attention_gate, parts_of(layers.out, attended))
    up = parts_of(layers.up, _modulated(heads, stream, scale, shift), moved=False).total()
    fed = layers.activation(up).astype(heads.dtype)
    return _gated(stream, gate, parts_of(layers.down, fed))


def _gated(stream: mx.array, gate: mx.array, parts: Parts) -> mx.array:
    return stream + gate * parts.total()
