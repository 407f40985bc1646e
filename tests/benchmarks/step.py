"""One denoise step at a fixed small size, without text encoders, scheduler or VAE: what a stack's layers cost."""

import mlx.core as mx
import numpy as np
from mflux.models.common.config.config import Config
from numpy.typing import NDArray

from kilnmark.engine.families.base import Base
from tests.engine.flux import flux_of

__all__ = ["PIXELS", "STANDIN_TEXT_TOKENS", "TEXT_TOKENS", "OneStep"]

PIXELS = 64
TEXT_TOKENS = 48
"""With the 16 of the picture 64 tokens in all: enough that products, not calls, are what costs."""
STANDIN_TEXT_TOKENS = 16
"""Its base has no products to speak of, and what it spends per token on a CPU is activation functions."""


class OneStep:
    """The first step of two on one base, on the same numbers each time."""

    def __init__(self, base: Base) -> None:
        self._flux = flux_of(base)
        self._config = Config(
            model_config=self._flux.model_config, num_inference_steps=2, height=PIXELS, width=PIXELS, guidance=3.5
        )
        tokens = (PIXELS // 16) ** 2
        text = STANDIN_TEXT_TOKENS if base.info.variant == "standin" else TEXT_TOKENS
        self._latents, self._text, self._pooled = (
            mx.random.normal(shape, key=mx.random.key(place))
            for place, shape in enumerate([(1, tokens, 64), (1, text, 4096), (1, 768)])
        )
        mx.eval(self._latents, self._text, self._pooled)

    def __call__(self) -> mx.array:
        """The predicted noise `(1, tokens, 64)`, evaluated."""
        noise: mx.array = self._flux.transformer(
            t=0,
            config=self._config,
            hidden_states=self._latents,
            prompt_embeds=self._text,
            pooled_prompt_embeds=self._pooled,
        )
        mx.eval(noise)
        return noise

    def numbers(self) -> NDArray[np.float32]:
        """The same, for comparisons."""
        return np.array(self())
