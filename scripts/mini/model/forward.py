"""A forward pass over mflux's transformer for training: the same numbers from the same weights, for many pictures at
once, with some of its text tokens counting for several.

mflux pads every prompt to 512 tokens and its transformer attends to all of them. Padding is alike, so that a few
padding tokens stand for all here: each counts for `weights` of its kind in every softmax.
"""

import math
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
from mlx import nn

__all__ = ["Text", "predict"]

Pair = tuple[mx.array, mx.array]


@dataclass(frozen=True, slots=True)
class Text:
    """Encoded prompts.

    Args:
        states: (batch, tokens, 3 x width of the encoder).
        weights: (batch, tokens): how many tokens each stands for; 0 for one that is not there.
    """

    states: mx.array
    weights: mx.array


def predict(model: Any, latents: mx.array, text: Text, sigma: mx.array, side: int) -> mx.array:
    """The velocity from picture to noise.

    Args:
        model: mflux's `Flux2Transformer`.
        latents: (batch, side x side, 128).
        text: The prompts.
        sigma: (batch,), 0 for the picture and 1 for noise.
        side: Tokens along one side of the picture.

    Returns:
        (batch, side x side, 128).
    """
    time = model.time_guidance_embed(1000.0 * sigma, None)
    words, picture = model.context_embedder(text.states), model.x_embedder(latents)
    count = words.shape[1]
    turn = _rotations(model, count, side)
    ones = mx.ones((latents.shape[0], side * side))
    mask = mx.log(mx.maximum(mx.concatenate([text.weights, ones], axis=1), 1e-9))[:, None, None, :]
    for_picture, for_words = model.double_stream_modulation_img(time), model.double_stream_modulation_txt(time)
    for block in model.transformer_blocks:
        words, picture = _joint(block, words, picture, for_words, for_picture, (turn, mask))
    both = mx.concatenate([words, picture], axis=1)
    (modulation,) = model.single_stream_modulation(time)
    for block in model.single_transformer_blocks:
        both = _single(block, both, modulation, turn, mask)
    return model.proj_out(model.norm_out(both[:, count:], time))  # type: ignore[no-any-return]


def _rotations(model: Any, count: int, side: int) -> Pair:
    """Cosines and sines, (1, 1, tokens, half of a head), text before picture."""
    rows = mx.repeat(mx.arange(side), side)
    columns = mx.tile(mx.arange(side), (side,))
    nothing = mx.zeros_like(rows)
    places = mx.stack([nothing, rows, columns, nothing], axis=1)
    numbers = mx.arange(count)
    none = mx.zeros_like(numbers)
    cos, sin = model.pos_embed(mx.concatenate([mx.stack([none, none, none, numbers], axis=1), places]))
    return cos[None, None], sin[None, None]


def _normed(x: mx.array) -> mx.array:
    return mx.fast.layer_norm(x, None, None, 1e-6)


def _modulated(x: mx.array, modulation: tuple[mx.array, ...]) -> mx.array:
    return (1 + modulation[1]) * _normed(x) + modulation[0]


def _heads(x: mx.array, count: int) -> mx.array:
    batch, tokens, width = x.shape
    return x.reshape(batch, tokens, count, width // count).transpose(0, 2, 1, 3)


def _turned(x: mx.array, turn: Pair) -> mx.array:
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    real, imaginary = pairs[..., 0], pairs[..., 1]
    cos, sin = turn
    turned = mx.stack([real * cos - imaginary * sin, imaginary * cos + real * sin], axis=-1)
    return turned.reshape(x.shape)


def _attended(query: mx.array, key: mx.array, value: mx.array, turn: Pair, mask: mx.array) -> mx.array:
    scale = 1.0 / math.sqrt(query.shape[-1])
    mixed = mx.fast.scaled_dot_product_attention(
        _turned(query, turn), _turned(key, turn), value, scale=scale, mask=mask
    )
    batch, heads, tokens, width = mixed.shape
    return mixed.transpose(0, 2, 1, 3).reshape(batch, tokens, heads * width)


def _joint(
    block: Any,
    words: mx.array,
    picture: mx.array,
    for_words: tuple[tuple[mx.array, ...], ...],
    for_picture: tuple[tuple[mx.array, ...], ...],
    seen: tuple[Pair, mx.array],
) -> tuple[mx.array, mx.array]:
    """A block whose text and picture have weights of their own and attend to each other."""
    layer = block.attn
    inner, outer = _modulated(picture, for_picture[0]), _modulated(words, for_words[0])
    query = mx.concatenate(
        [
            layer.norm_added_q(_heads(layer.add_q_proj(outer), layer.heads)),
            layer.norm_q(_heads(layer.to_q(inner), layer.heads)),
        ],
        axis=2,
    )
    key = mx.concatenate(
        [
            layer.norm_added_k(_heads(layer.add_k_proj(outer), layer.heads)),
            layer.norm_k(_heads(layer.to_k(inner), layer.heads)),
        ],
        axis=2,
    )
    value = mx.concatenate(
        [_heads(layer.add_v_proj(outer), layer.heads), _heads(layer.to_v(inner), layer.heads)], axis=2
    )
    mixed = _attended(query, key, value, *seen)
    count = words.shape[1]
    words = words + for_words[0][2] * layer.to_add_out(mixed[:, :count])
    picture = picture + for_picture[0][2] * layer.to_out(mixed[:, count:])
    words = words + for_words[1][2] * block.ff_context(_modulated(words, for_words[1]))
    picture = picture + for_picture[1][2] * block.ff(_modulated(picture, for_picture[1]))
    return words, picture


def _single(block: Any, both: mx.array, modulation: tuple[mx.array, ...], turn: Pair, mask: mx.array) -> mx.array:
    """A block that attends and feeds forward at once, with one set of weights for all tokens."""
    layer = block.attn
    wide = layer.to_qkv_mlp_proj(_modulated(both, modulation))
    inner = layer.inner_dim
    query, key, value = (_heads(wide[..., n * inner : (n + 1) * inner], layer.heads) for n in range(3))
    mixed = _attended(layer.norm_q(query), layer.norm_k(key), value, turn, mask)
    gate, up = mx.split(wide[..., 3 * inner :], 2, axis=-1)
    moved: mx.array = both + modulation[2] * layer.to_out(mx.concatenate([mixed, nn.silu(gate) * up], axis=-1))
    return moved
