"""A FLUX.3-klein in memory: encoding, predicting and painting with mflux's `Flux3Klein`, whose types go no further."""

from collections.abc import Callable

import mlx.core as mx
from mflux.models.flux3.latent_creator.flux3_latent_creator import Flux3LatentCreator
from mflux.models.flux3.model.flux3_scheduler import Flux3FlowMapScheduler
from mflux.models.flux3.model.flux3_text_encoder.prompt_encoder import Flux3PromptEncoder
from mlx import nn

from kilnmark.engine.families.family import Encoded, Watcher
from kilnmark.engine.families.library.model import LibraryModel, painted
from kilnmark.engine.families.pixels import pixels_of
from kilnmark.protocol.picture.spec import PictureSpec

__all__ = ["Flux3Model"]

PREDICTED_SIDE = 32
"""Pixels; four tokens."""

_PREDICTED_TOKENS = 16
_SIDE = Flux3LatentCreator.DOWNSAMPLING_RATIO


class Flux3Model(LibraryModel):
    """A `Model` of FLUX.3-klein. The distilled one is told the time that a step goes to, the other one is guided."""

    nothing = ""

    @property
    def roots(self) -> dict[str, nn.Module]:
        """The transformer; nobody trains its text encoder."""
        return {"": self.made.transformer}

    @property
    def held(self) -> list[nn.Module]:
        """Nothing here encodes pictures, and the angles of rotary embedding are no weights: they stay in float32."""
        encoder, vae = self.made.text_encoder, self.made.vae
        return [
            self.made.transformer,
            encoder.embed_tokens,
            *encoder.layers,
            vae.decoder,
            vae.post_quant_conv,
            vae.bn,
        ]

    def encoded(self, prompt: str) -> mx.array:
        """What eight layers make of it, beside each other: `(1, tokens, 8 x width)` in bf16, as mflux has it."""
        embeds: mx.array
        embeds, _ = Flux3PromptEncoder.encode_prompt(prompt, self.made.tokenizers["qwen3_vl"], self.made.text_encoder)
        return embeds

    def predict(self, encoded: Encoded) -> mx.array:
        """`(1, 4, 128)`, of a picture's only step. Fewer tokens than prompts are padded to cost less."""
        latents = Flux3LatentCreator.create_noise(0, PREDICTED_SIDE, PREDICTED_SIDE)
        noise = self._noise((encoded[0][:, :_PREDICTED_TOKENS],), PREDICTED_SIDE, PREDICTED_SIDE)
        return noise(latents, mx.array([1.0]), mx.array([0.0])).astype(mx.float32)

    def generate(self, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """As mflux's own `generate_image`, whose parts these are, up to the pixels."""
        scheduler = Flux3FlowMapScheduler(num_inference_steps=spec.steps)
        times = scheduler.timesteps
        noise = self._noise(encoded, spec.height, spec.width, spec.guidance)

        def stepped(step: int, latents: mx.array) -> mx.array:
            velocity = noise(latents, times[step : step + 1], times[step + 1 : step + 2])
            moved: mx.array = scheduler.step(latents=latents, velocity=velocity, step=step)
            return moved

        latents = Flux3LatentCreator.create_noise(spec.seed, spec.height, spec.width)
        latents = painted(spec.steps, latents, stepped, watcher, sigmas=times)
        rows, columns = Flux3LatentCreator.latent_shape(spec.height, spec.width)
        return pixels_of(Flux3LatentCreator.decode_tokens(self.made.vae, latents, rows, columns))

    def _noise(
        self, encoded: Encoded, height: int, width: int, guidance: float = 1.0
    ) -> Callable[[mx.array, mx.array, mx.array], mx.array]:
        """What tells the velocity of latents from a time to another, lazily, with the stack that is on the base then.

        Args:
            encoded: The prompt; and, to be guided away from, an empty one.
            height, width: Of the picture, in pixels.
            guidance: How far to go from what the empty prompt gives to what the prompt does, as a multiple.
        """
        transformer = self.made.transformer
        places = Flux3LatentCreator.prepare_ids(height // _SIDE, width // _SIDE)
        texts = [(embeds, Flux3PromptEncoder.prepare_text_ids(embeds.shape[1])) for embeds in encoded]

        def predicted(latents: mx.array, time: mx.array, target: mx.array) -> mx.array:
            wanted, *unwanted = (
                transformer(
                    hidden_states=latents,
                    img_ids=places,
                    encoder_hidden_states=embeds,
                    txt_ids=text_places,
                    timestep=time,
                    target_timestep=target if transformer.flow_map else None,
                )
                for embeds, text_places in texts
            )
            if not unwanted:
                return wanted  # type: ignore[no-any-return]  # mflux has no types
            away = unwanted[0].astype(mx.float32)
            velocity: mx.array = away + guidance * (wanted.astype(mx.float32) - away)
            return velocity

        return predicted
