"""FLUX.1's transformer as this engine runs it: what the steps of a picture share is computed first, and then each."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import mlx.core as mx
from mflux.models.flux.model.flux_transformer.transformer import Transformer

from kilnmark.engine.families.flux1.forward.blocks import (
    Heads,
    joint_block,
    joint_layers,
    last_block,
    single_block,
    single_layers,
)
from kilnmark.engine.families.flux1.forward.conditioning import Modulations, modulations
from kilnmark.engine.families.flux1.forward.rotary import Turning, turn_of
from kilnmark.engine.families.flux1.forward.worth import is_worth_compiling
from kilnmark.engine.families.traces import Shared, Traces
from kilnmark.engine.stack.fast import parts_of
from kilnmark.protocol.picture.numerics import AskedCompiling

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
        reference: Latents of a picture of the same size that is read beside it and not painted, `(1, rows * columns,
            64)`; None for none.
    """

    sigmas: Sequence[float]
    guidance: float
    text: mx.array
    pooled: mx.array
    rows: int
    columns: int
    reference: mx.array | None = None


class FastTransformer:
    """Runs mflux's transformer by our own formulas.

    Args:
        transformer: With whatever stack is on it; nothing of it is written to.
        dtype: What every product is computed in.
        compiling: Whether its blocks are compiled; `auto` leaves that to a measurement.

    Attributes:
        traces: Of its blocks.
    """

    def __init__(self, transformer: Transformer, dtype: mx.Dtype, compiling: AskedCompiling = "off") -> None:
        self._transformer = transformer
        self._dtype = dtype
        self._compiled = None if compiling == "auto" else compiling == "on"
        self.traces = Traces()
        heads = self._heads = Heads(transformer.transformer_blocks[0].attn.num_heads, dtype)
        self._joint = Shared(partial(joint_block, heads), self.traces)
        self._single = Shared(partial(single_block, heads), self.traces)
        self._last = partial(last_block, heads)

    @property
    def compiled(self) -> bool:
        """Whether its blocks are; where it is not said, that is measured when it is first asked for."""
        if self._compiled is None:
            self._compiled = is_worth_compiling(self._transformer, self._heads)
        return self._compiled

    def begin(self, asked: Asked) -> "Steps":
        """Compute all that the steps of one picture share; they keep the stack that is on the base now."""
        own, dtype, compiled = self._transformer, self._dtype, self.compiled
        embedder, proj_out = own.x_embedder, own.proj_out
        references = [] if asked.reference is None else [asked.reference]
        shared = _Ready(
            modulations(own, [1000.0 * sigma for sigma in asked.sigmas], asked.guidance, asked.pooled, dtype),
            parts_of(own.context_embedder, asked.text.astype(dtype)).total(),
            turn_of(own.pos_embed, asked.text.shape[1], asked.rows, asked.columns, 1 + len(references)),
            [parts_of(embedder, each.astype(dtype)).total() for each in references],
        )
        mx.eval(shared)
        return Steps(
            shared,
            first=lambda latents: parts_of(embedder, latents.astype(dtype)).total(),
            joint=[self._joint.bound(joint_layers(each), compiled=compiled) for each in own.transformer_blocks],
            single=[
                self._single.bound(single_layers(each), compiled=compiled) for each in own.single_transformer_blocks
            ],
            last=partial(self._last, proj_out),
        )


class _Ready(NamedTuple):
    """What the steps of a picture share: modulations, the text's stream, where tokens stand, and a reference's stream.

    Of the last there is one or none.
    """

    by: Modulations
    text: mx.array
    turning: Turning
    references: list[mx.array]


class Steps:
    """The steps of one picture, with the stack that was on the base when they began.

    Args:
        shared: By all of them.
        first: From latents to the picture's stream.
        joint: The joint blocks: from both streams, their modulations, and where tokens stand, to both streams.
        single: The single blocks, for one stream.
        last: From the picture's stream and a modulation to the noise.
    """

    def __init__(
        self,
        shared: _Ready,
        *,
        first: Callable[[mx.array], mx.array],
        joint: Sequence[Callable[..., tuple[mx.array, mx.array]]],
        single: Sequence[Callable[..., mx.array]],
        last: Callable[[mx.array, mx.array], mx.array],
    ) -> None:
        self._shared = shared
        self._first, self._joint, self._single, self._last = first, joint, single, last

    def noise(self, step: int, latents: mx.array) -> mx.array:
        """The noise in a step's latents, lazily.

        Args:
            step: Which, from 0.
            latents: `(1, rows * columns, 64)`.

        Returns:
            The same shape, float32.
        """
        by, text, turning, references = self._shared
        picture = mx.concatenate([self._first(latents), *references], axis=1)
        for joint, of_text, of_picture in zip(self._joint, by.text, by.picture, strict=True):
            text, picture = joint((text, picture), (of_text[step], of_picture[step]), turning)
        stream = mx.concatenate([text, picture], axis=1)
        for single, modulation in zip(self._single, by.single, strict=True):
            stream = single(stream, modulation[step], turning)
        begin = text.shape[1]
        return self._last(stream[:, begin : begin + latents.shape[1]], by.last[step])
