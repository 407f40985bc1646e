"""A FLUX.2-klein in memory: encoding, predicting and painting with mflux's `Flux2Klein`, whose types go no further.

All of it runs as mflux runs it, but that mflux compiles its step anew for every picture; here nothing is, so that a
flip of stacks traces nothing. No adapter reaches it through mflux's loader.
"""

from collections.abc import Callable, Sequence

import mlx.core as mx
from mflux.models.common.config.config import Config
from mflux.models.flux2.latent_creator.flux2_latent_creator import Flux2LatentCreator
from mflux.models.flux2.model.flux2_text_encoder.prompt_encoder import Flux2PromptEncoder
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein
from mlx import nn

from kilnmark.engine.families.family import Encoded, Watcher
from kilnmark.engine.families.pixels import pixels_of
from kilnmark.protocol.picture.spec import PictureSpec

__all__ = ["READ_LAYERS", "Flux2Model"]

READ_LAYERS = (9, 18, 27)
"""The layers of Qwen3 whose output is what the transformer reads; those after the last of them compute nothing."""

PREDICTED_SIDE = 32
"""Pixels; four tokens."""

_PREDICTED_TOKENS = 16
_SCHEDULER = "flow_match_euler_discrete"


class Flux2Model:
    """A `Model` of FLUX.2-klein.

    Args:
        klein: The object of mflux itself, its text encoder without the layers that compute nothing.
        fingerprint: Names its weights.
    """

    compiled = False
    shared_inputs: Sequence[Sequence[str]] = ()

    def __init__(self, klein: Flux2Klein, fingerprint: str) -> None:
        self.klein = klein
        self.fingerprint = fingerprint

    @property
    def bits(self) -> int | None:
        """Those that mflux found stored, or quantized it to."""
        bits: int | None = self.klein.bits
        return bits

    @property
    def roots(self) -> dict[str, nn.Module]:
        """The transformer."""
        return {"": self.klein.transformer}

    @property
    def held(self) -> list[nn.Module]:
        """Nothing here encodes pictures, and the angles of rotary embedding are no weights: they stay in float32."""
        klein = self.klein
        encoder, vae = klein.text_encoder, klein.vae
        return [
            klein.transformer,
            encoder.embed_tokens,
            *encoder.layers,
            vae.decoder,
            vae.post_quant_conv,
            vae.bn,
        ]

    def encode(self, prompt: str, negative_prompt: str | None) -> Encoded:  # noqa: ARG002 - the variant takes none
        """What the layers read of it, beside each other: `(1, tokens, 3 x width)`."""
        return (self._encoded(prompt),)

    def _encoded(self, prompt: str) -> mx.array:
        embeds: mx.array
        embeds, _ = Flux2PromptEncoder.encode_prompt(
            prompt=prompt,
            tokenizer=self.klein.tokenizers["qwen3"],
            text_encoder=self.klein.text_encoder,
            text_encoder_out_layers=READ_LAYERS,
        )
        return embeds

    def predict(self, encoded: Encoded) -> mx.array:
        """`(1, 4, 128)`. Fewer tokens than prompts are padded to cost less."""
        latents, places, *_ = Flux2LatentCreator.prepare_packed_latents(0, PREDICTED_SIDE, PREDICTED_SIDE, 1)
        few = tuple(embeds[:, :_PREDICTED_TOKENS] for embeds in encoded)
        return self._noise(few, places)(latents, mx.array(1000.0)).astype(mx.float32)

    def generate(self, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """As mflux's own `generate_image`, whose parts these are, up to the pixels."""
        config = Config(
            model_config=self.klein.model_config,
            num_inference_steps=spec.steps,
            height=spec.height,
            width=spec.width,
            scheduler=_SCHEDULER,
        )
        scheduler = config.scheduler
        latents, places, rows, columns = Flux2LatentCreator.prepare_packed_latents(
            spec.seed, config.height, config.width, 1
        )
        noise = self._noise(encoded, places)
        for step in range(spec.steps):
            predicted = noise(latents, scheduler.timesteps[step])
            latents = scheduler.step(noise=predicted, timestep=step, latents=latents, sigmas=scheduler.sigmas)
            watcher.stepped(step)
            mx.eval(latents)
        watcher.denoised(latents)
        return self._decoded(latents.reshape(1, rows, columns, -1).transpose(0, 3, 1, 2))

    def _decoded(self, packed: mx.array) -> mx.array:
        return pixels_of(self.klein.vae.decode_packed_latents(packed))

    def _noise(self, encoded: Encoded, places: mx.array) -> Callable[[mx.array, mx.array], mx.array]:
        """What tells the noise in latents at a time, lazily, with the stack that is on the base when it is asked."""
        transformer, (embeds, *_) = self.klein.transformer, encoded
        text_places = Flux2PromptEncoder.prepare_text_ids(embeds)

        def predicted(latents: mx.array, time: mx.array) -> mx.array:
            noise: mx.array = transformer(
                hidden_states=latents,
                encoder_hidden_states=embeds,
                timestep=time,
                img_ids=places,
                txt_ids=text_places,
            )
            return noise

        return predicted
