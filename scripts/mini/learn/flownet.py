"""The transformer as a PyTorch module whose parameters are named as those of mflux's `Flux2Transformer`.

mflux pads every prompt to 512 tokens and its transformer attends to all of them. Padding is alike, so that a few
padding tokens stand for all here: each counts for `weights` of its kind in every softmax.
Sources: `mflux/models/flux2/model/flux2_transformer` of mflux 0.24.0.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from scripts.mini.sizes import SHOWN, TOKEN, TransformerSize

__all__ = ["FlowNet", "Text"]

Pair = tuple[torch.Tensor, torch.Tensor]
Modulation = tuple[torch.Tensor, ...]
THETA = 2000.0
"""Of mflux's rotations."""
FREQUENCIES = 256
EPSILON = 1e-6
"""Of the norms of tokens; those of queries and keys have 1e-5."""


@dataclass(frozen=True, slots=True)
class Text:
    """Encoded prompts.

    Args:
        states: (batch, tokens, 3 x width of the encoder).
        weights: (batch, tokens): how many tokens each stands for; 0 for one that is not there.
    """

    states: torch.Tensor
    weights: torch.Tensor

    def to(self, device: torch.device) -> "Text":
        """The same on a device."""
        return Text(self.states.to(device), self.weights.to(device))


def plain(before: int, after: int) -> nn.Linear:
    """A matrix without a bias, as all of FLUX.2's are."""
    return nn.Linear(before, after, bias=False)


class Times(nn.Module):
    """A level of noise as a vector."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = plain(FREQUENCIES, wide), plain(wide, wide)

    def forward(self, times: torch.Tensor) -> torch.Tensor:
        """(batch,) from 0 to 1000 to (batch, width)."""
        half = FREQUENCIES // 2
        scales = torch.exp(-math.log(10000.0) * torch.arange(half, device=times.device) / half)
        angles = times[:, None] * scales
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1)
        told: torch.Tensor = self.linear_2(functional.silu(self.linear_1(waves)))
        return told


class Modulated(nn.Module):
    """Shifts, scales and gates from a vector of the time."""

    def __init__(self, wide: int, sets: int) -> None:
        super().__init__()
        self.sets = sets
        self.linear = plain(wide, 3 * sets * wide)

    def forward(self, time: torch.Tensor) -> tuple[Modulation, ...]:
        """One triple for each set, (batch, 1, width) each."""
        parts = self.linear(functional.silu(time))[:, None].chunk(3 * self.sets, dim=-1)
        return tuple(parts[3 * number : 3 * number + 3] for number in range(self.sets))


class Ended(nn.Module):
    """The last norm's scale and shift, in this order."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.linear = plain(wide, 2 * wide)

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, width) under a vector (batch, width)."""
        scale, shift = self.linear(functional.silu(time))[:, None].chunk(2, dim=-1)
        told: torch.Tensor = normed(x) * (1 + scale) + shift
        return told


class Fed(nn.Module):
    """A gated feed-forward."""

    def __init__(self, size: TransformerSize, wide: int) -> None:
        super().__init__()
        inner = int(wide * size.mlp_ratio)
        self.linear_in, self.linear_out = plain(wide, 2 * inner), plain(inner, wide)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, width) to the same."""
        gate, up = self.linear_in(x).chunk(2, dim=-1)
        told: torch.Tensor = self.linear_out(functional.silu(gate) * up)
        return told


class JointAttention(nn.Module):
    """Attention of text and picture to each other, with weights of their own."""

    def __init__(self, size: TransformerSize, wide: int) -> None:
        super().__init__()
        self.heads = size.num_attention_heads
        for name in ("to_q", "to_k", "to_v", "to_out", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"):
            self.add_module(name, plain(wide, wide))
        for name in ("norm_q", "norm_k", "norm_added_q", "norm_added_k"):
            self.add_module(name, nn.RMSNorm(size.attention_head_dim, eps=1e-5))

    def forward(self, words: torch.Tensor, picture: torch.Tensor, turn: Pair, mask: torch.Tensor) -> Pair:
        """What text and picture are given, (batch, tokens, width) each."""
        query = (self.norm_added_q(self._split(self.add_q_proj(words))), self.norm_q(self._split(self.to_q(picture))))
        key = (self.norm_added_k(self._split(self.add_k_proj(words))), self.norm_k(self._split(self.to_k(picture))))
        value = (self._split(self.add_v_proj(words)), self._split(self.to_v(picture)))
        mixed = attended(torch.cat(query, dim=2), torch.cat(key, dim=2), torch.cat(value, dim=2), turn, mask)
        count = words.shape[1]
        return self.to_add_out(mixed[:, :count]), self.to_out(mixed[:, count:])

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Joint(nn.Module):
    """A block whose text and picture have weights of their own and attend to each other."""

    def __init__(self, size: TransformerSize, wide: int) -> None:
        super().__init__()
        self.attn = JointAttention(size, wide)
        self.ff, self.ff_context = Fed(size, wide), Fed(size, wide)

    def forward(
        self,
        words: torch.Tensor,
        picture: torch.Tensor,
        modulations: tuple[tuple[Modulation, ...], tuple[Modulation, ...]],
        seen: Pair,
        mask: torch.Tensor,
    ) -> Pair:
        """Text and picture, each (batch, tokens, width), moved on; modulations of text come first."""
        for_words, for_picture = modulations
        told, shown = self.attn(moved(words, for_words[0]), moved(picture, for_picture[0]), seen, mask)
        words, picture = words + for_words[0][2] * told, picture + for_picture[0][2] * shown
        words = words + for_words[1][2] * self.ff_context(moved(words, for_words[1]))
        return words, picture + for_picture[1][2] * self.ff(moved(picture, for_picture[1]))


class ParallelAttention(nn.Module):
    """Attention and feed-forward at once, with one set of weights for all tokens."""

    def __init__(self, size: TransformerSize, wide: int) -> None:
        super().__init__()
        self.heads, self.wide, self.inner = size.num_attention_heads, wide, int(wide * size.mlp_ratio)
        self.to_qkv_mlp_proj = plain(wide, 3 * wide + 2 * self.inner)
        self.norm_q = nn.RMSNorm(size.attention_head_dim, eps=1e-5)
        self.norm_k = nn.RMSNorm(size.attention_head_dim, eps=1e-5)
        self.to_out = plain(wide + self.inner, wide)

    def forward(self, both: torch.Tensor, turn: Pair, mask: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, width) to the same."""
        query, key, value, gate, up = self.to_qkv_mlp_proj(both).split([*[self.wide] * 3, *[self.inner] * 2], dim=-1)
        query, key, value = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (query, key, value))
        mixed = attended(self.norm_q(query), self.norm_k(key), value, turn, mask)
        told: torch.Tensor = self.to_out(torch.cat([mixed, functional.silu(gate) * up], dim=-1))
        return told


class Single(nn.Module):
    """The block around it."""

    def __init__(self, size: TransformerSize, wide: int) -> None:
        super().__init__()
        self.attn = ParallelAttention(size, wide)

    def forward(self, both: torch.Tensor, modulation: Modulation, turn: Pair, mask: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, width) moved on."""
        told: torch.Tensor = both + modulation[2] * self.attn(moved(both, modulation), turn, mask)
        return told


class FlowNet(nn.Module):
    """The velocity from picture to noise."""

    def __init__(self, size: TransformerSize) -> None:
        super().__init__()
        wide = size.num_attention_heads * size.attention_head_dim
        self.axes = size.axes_dims_rope
        self.time_guidance_embed = Times(wide)
        self.double_stream_modulation_img, self.double_stream_modulation_txt = Modulated(wide, 2), Modulated(wide, 2)
        self.single_stream_modulation = Modulated(wide, 1)
        self.x_embedder, self.context_embedder = plain(TOKEN, wide), plain(size.joint_attention_dim, wide)
        self.transformer_blocks = nn.ModuleList(Joint(size, wide) for _ in range(size.num_layers))
        self.single_transformer_blocks = nn.ModuleList(Single(size, wide) for _ in range(size.num_single_layers))
        self.norm_out, self.proj_out = Ended(wide), plain(wide, TOKEN)
        self._begin()

    def _begin(self) -> None:
        """At first the blocks and the end give nothing, and what carries no picture is not seen."""
        gates = (self.double_stream_modulation_img, self.double_stream_modulation_txt, self.single_stream_modulation)
        for linear in (*(gate.linear for gate in gates), self.norm_out.linear, self.proj_out):
            linear.weight.data.zero_()
        self.x_embedder.weight.data[:, SHOWN:] = 0

    def forward(self, latents: torch.Tensor, text: Text, sigma: torch.Tensor) -> torch.Tensor:
        """What leads from picture to noise.

        Args:
            latents: (batch, side x side, 64 or 128); of 128 the second half carries no picture and is not looked at.
            text: The prompts.
            sigma: (batch,), 0 for the picture and 1 for noise.

        Returns:
            (batch, side x side, 128).
        """
        time = self.time_guidance_embed(1000.0 * sigma)
        words = self.context_embedder(text.states)
        picture = functional.linear(latents[..., :SHOWN], self.x_embedder.weight[:, :SHOWN])
        count, side = words.shape[1], math.isqrt(latents.shape[1])
        turn = rotations(self.axes, count, side, latents.device)
        weights = torch.cat([text.weights, torch.ones_like(latents[..., 0])], dim=1)
        mask = weights.clamp_min(1e-9).log()[:, None, None, :]
        modulations = self.double_stream_modulation_txt(time), self.double_stream_modulation_img(time)
        for block in self.transformer_blocks:
            words, picture = block(words, picture, modulations, turn, mask)
        both = torch.cat([words, picture], dim=1)
        (modulation,) = self.single_stream_modulation(time)
        for block in self.single_transformer_blocks:
            both = block(both, modulation, turn, mask)
        told: torch.Tensor = self.proj_out(self.norm_out(both[:, count:], time))
        return told


def normed(x: torch.Tensor) -> torch.Tensor:
    """Mean 0 and variance 1 over the width."""
    return functional.layer_norm(x, x.shape[-1:], eps=EPSILON)


def moved(x: torch.Tensor, modulation: Modulation) -> torch.Tensor:
    """Normed, scaled and shifted."""
    return (1 + modulation[1]) * normed(x) + modulation[0]


def rotations(axes: tuple[int, ...], words: int, side: int, device: torch.device) -> Pair:
    """Cosines and sines, (tokens, half of a head), text before picture."""
    numbers = torch.arange(side, device=device)
    places = torch.zeros(words + side * side, len(axes), device=device)
    places[:words, 3] = torch.arange(words, device=device)
    places[words:, 1], places[words:, 2] = numbers.repeat_interleave(side), numbers.repeat(side)
    angles = [
        places[:, axis, None] * THETA ** -(torch.arange(0, wide, 2, device=device) / wide)
        for axis, wide in enumerate(axes)
        if wide
    ]
    whole = torch.cat(angles, dim=-1)
    return whole.cos(), whole.sin()


def turned(x: torch.Tensor, turn: Pair) -> torch.Tensor:
    """Pairs of neighbours turned by their place."""
    cos, sin = (part.to(x.dtype) for part in turn)
    real, imaginary = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([real * cos - imaginary * sin, imaginary * cos + real * sin], dim=-1).flatten(-2)


def attended(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, turn: Pair, mask: torch.Tensor
) -> torch.Tensor:
    """(batch, heads, tokens, head) each to (batch, tokens, heads x head)."""
    query, key = turned(query, turn).to(value.dtype), turned(key, turn).to(value.dtype)
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    mixed = (scores.float() + mask).softmax(dim=-1).to(value.dtype) @ value
    return mixed.transpose(1, 2).flatten(2)
