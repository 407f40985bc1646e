"""Pictures from prompts by mflux's own ways: its prompt encoder with all its padding, its noise, levels and decoder.

What is judged is what a user would get, so nothing of the training's forward pass is used here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from mflux.models.common.schedulers.flow_match_euler_discrete_scheduler import FlowMatchEulerDiscreteScheduler
from mflux.models.flux2.latent_creator.flux2_latent_creator import Flux2LatentCreator
from mflux.models.flux2.model.flux2_text_encoder.prompt_encoder import Flux2PromptEncoder

from scripts.mini.model.parts import Parts

__all__ = ["STEPS", "Painter", "sigmas"]

Pictures = npt.NDArray[np.uint8]
AT_ONCE = 8
STEPS = 4
"""Steps of the distilled model."""


def sigmas(tokens: int, steps: int = STEPS) -> list[float]:
    """Levels of noise from 1 to 0, as mflux's scheduler for FLUX.2 gives them for a picture of so many tokens."""
    levels: list[float] = FlowMatchEulerDiscreteScheduler.get_timesteps_and_sigmas(tokens, steps)[1].tolist()
    return levels


@dataclass(frozen=True, slots=True)
class Painter:
    """Paints with parts and a tokenizer.

    Args:
        parts: What it paints with.
        tokenizer: As mflux's loader gives it.
        steps: From noise to the picture.
        guidance: How far it goes beyond what no prompt gives; 1.0 is not at all, as a distilled model wants it.
    """

    parts: Parts
    tokenizer: Any
    steps: int = STEPS
    guidance: float = 1.0

    def pictures(self, prompts: Sequence[str], seeds: Sequence[int], size: int = 128) -> Pictures:
        """One for each prompt, (count, size, size, 3) of bytes."""
        return np.concatenate(list(self._painted(prompts, seeds, size)))

    def _painted(self, prompts: Sequence[str], seeds: Sequence[int], size: int) -> Iterator[Pictures]:
        for start in range(0, len(prompts), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            yield self._batch(list(prompts[some]), seeds[some], size)

    def _batch(self, prompts: list[str], seeds: Sequence[int], size: int) -> Pictures:
        told = self._encoded(prompts)
        silent = None if self.guidance == 1.0 else self._encoded([" "] * len(prompts))
        started = [Flux2LatentCreator.prepare_packed_latents(seed, size, size, 1) for seed in seeds]
        latents = mx.concatenate([noise for noise, *_ in started]).astype(mx.float32)
        places, side = started[0][1], size // 16
        for now, after in pairwise(sigmas(side * side, self.steps)):
            velocity = self._predicted(latents, told, places, now)
            if silent is not None:
                without = self._predicted(latents, silent, places, now)
                velocity = without + self.guidance * (velocity - without)
            latents = latents + (after - now) * velocity
            mx.eval(latents)
        packed = latents.reshape(len(prompts), side, side, -1).transpose(0, 3, 1, 2)
        vae: Any = self.parts.vae
        pixels = mx.clip(127.5 * (vae.decode_packed_latents(packed) + 1.0), 0, 255)
        if pixels.ndim == 5:  # noqa: PLR2004 - with an axis of time
            pixels = pixels[:, :, 0]
        return np.array(mx.round(pixels.transpose(0, 2, 3, 1))).astype(np.uint8)

    def _encoded(self, prompts: list[str]) -> tuple[mx.array, mx.array]:
        states, places = Flux2PromptEncoder.encode_prompt(prompts, self.tokenizer, self.parts.encoder)
        mx.eval(states)
        return states, places

    def _predicted(
        self, latents: mx.array, told: tuple[mx.array, mx.array], places: mx.array, sigma: float
    ) -> mx.array:
        transformer: Any = self.parts.transformer
        result: mx.array = transformer(
            hidden_states=latents,
            encoder_hidden_states=told[0],
            timestep=mx.array(1000.0 * sigma),
            img_ids=places,
            txt_ids=told[1],
            guidance=None,
        )
        return result
