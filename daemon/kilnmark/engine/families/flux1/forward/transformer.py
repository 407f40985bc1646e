"""FLUX.1's transformer as this engine runs it: what the steps of a picture share is computed first, and then each."""

from collections.abc import Sequence
from typing import NamedTuple

import mlx.core as mx
from mflux.models.flux.model.flux_transformer.transformer import Transformer

from kilnmark.engine.families.flux1.forward.blocks import (
    Heads,
    JointLayers,
    SingleLayers,
    joint_block,
    joint_layers,
    last_block,
    single_block,
    single_layers,
)
from kilnmark.engine.families.flux1.forward.conditioning import modulations
from kilnmark.engine.families.flux1.forward.parts import summed
from kilnmark.engine.families.flux1.forward.rotary import turn_of

__all__ = ["Asked", "FastTransformer", "Steps"]


class Asked(NamedTuple):
    """What a picture asks of the transformer, from its first step to its last.

    Attributes:
        sigmas: How much of each step's latents is noise, 1 for all.
        guidance: 3.5 or so; ignored by a transformer without an embedder for it.
        text: The prompt as T5 gives it, `(1, tokens, 4096)`.
        pooled: The prompt as CLIP gives it, `(1, 768)`.
        rows: Of the picture's tokens, each of 16 pixels.
        columns: The same.
    """

    sigmas: Sequence[float]
    guidance: float
    text: mx.array
    pooled: mx.array
    rows: int
    columns: int


class FastTransformer:
    """Runs mflux's transformer by our own formulas.

    Args:
        transformer: With whatever stack is on it; nothing of it is written to.
        dtype: What every product is computed in.
    """

    def __init__(self, transformer: Transformer, dtype: mx.Dtype) -> None:
        self._transformer = transformer
        self._dtype = dtype

    def begin(self, asked: Asked) -> "Steps":
        """Compute all that the steps of one picture share, with the stack that is on the base; evaluated."""
        return Steps(self._transformer, self._dtype, asked)


class Steps:
    """The steps of one picture. A stack that is put on the base meanwhile must be off again before the next of them.

    Args:
        transformer: As `FastTransformer` has it.
        dtype: The same.
        asked: By the picture.
    """

    def __init__(self, transformer: Transformer, dtype: mx.Dtype, asked: Asked) -> None:
        self._transformer = transformer
        self._dtype = dtype
        self._heads = Heads(transformer.transformer_blocks[0].attn.num_heads, dtype)
        times = [1000.0 * sigma for sigma in asked.sigmas]
        self._by = modulations(transformer, times, asked.guidance, asked.pooled, dtype)
        self._text = summed(transformer.context_embedder, asked.text.astype(dtype)).astype(mx.float32)
        self._turn = turn_of(transformer.pos_embed, asked.text.shape[1], asked.rows, asked.columns)
        self._joint: Sequence[JointLayers] = [joint_layers(block) for block in transformer.transformer_blocks]
        self._single: Sequence[SingleLayers] = [single_layers(each) for each in transformer.single_transformer_blocks]
        mx.eval(self._by, self._text, self._turn)

    def noise(self, step: int, latents: mx.array) -> mx.array:
        """The noise in a step's latents, lazily.

        Args:
            step: Which, from 0.
            latents: `(1, rows * columns, 64)`.

        Returns:
            The same shape, float32.
        """
        embedder = self._transformer.x_embedder
        picture = summed(embedder, latents.astype(self._dtype)).astype(mx.float32)
        text = self._text
        for layers, of_text, of_picture in zip(self._joint, self._by.text, self._by.picture, strict=True):
            by = of_text[step], of_picture[step]
            text, picture = joint_block(self._heads, layers, (text, picture), by, self._turn)
        stream = mx.concatenate([text, picture], axis=1)
        for single, modulation in zip(self._single, self._by.single, strict=True):
            stream = single_block(self._heads, single, stream, modulation[step], self._turn)
        return last_block(self._heads, self._transformer.proj_out, stream[:, text.shape[1] :], self._by.last[step])
