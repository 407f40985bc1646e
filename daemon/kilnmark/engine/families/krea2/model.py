"""A Krea 2 in memory: encoding, predicting and painting with mflux's `Krea2`, whose types go no further."""

from collections import deque
from collections.abc import Callable

import mlx.core as mx
from mflux.models.common.config.config import Config
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.krea2.latent_creator.krea2_latent_creator import Krea2LatentCreator
from mflux.models.krea2.model.krea2_sampler import Krea2Sampler
from mflux.models.krea2.model.krea2_text_encoder.prompt_encoder import Krea2PromptEncoder
from mlx import nn
from PIL import Image

from kilnmark.engine.families.family import Encoded, Pixels, Watcher
from kilnmark.engine.families.library.latents import packed_by, spread
from kilnmark.engine.families.library.model import LibraryModel, painted
from kilnmark.engine.families.pixels import pixels_of
from kilnmark.protocol.picture.spec import PictureSize, PictureSpec

__all__ = ["Krea2Model"]

PREDICTED_SIDE = 32
"""Pixels; four tokens."""

_PREDICTED_TOKENS = 16
_SAMPLER = "er_sde"
"""mflux's choice; it adds noise at every step but the last, which the seed decides."""
_ALONE = 1.0
"""At this guidance mflux computes no second pass."""


class Krea2Model(LibraryModel):
    """A `Model` of Krea 2, whose text encoder is without the layers that compute nothing."""

    @property
    def roots(self) -> dict[str, nn.Module]:
        """The transformer; nobody trains its text encoder."""
        return {"": self.made.transformer}

    @property
    def held(self) -> list[nn.Module]:
        """The angles of rotary embedding are no weights: they stay in float32."""
        encoder, vae = self.made.text_encoder, self.made.vae
        seeing = [vae.encoder, vae.quant_conv] if self.sees else []
        return [
            self.made.transformer,
            encoder.embed_tokens,
            *encoder.layers,
            vae.decoder,
            vae.post_quant_conv,
            *seeing,
        ]

    @property
    def sees(self) -> bool:
        """Unless its directory has nothing that encodes pictures."""
        return "encoder" in self.made.vae

    def encoded(self, prompt: str) -> mx.array:
        """What twelve layers make of it, beside each other: `(1, tokens, 12 x width)`."""
        encoded: mx.array = Krea2PromptEncoder.encode_prompt(
            prompt, self.made.tokenizers["qwen3vl"], self.made.text_encoder
        )
        return encoded

    def predict(self, encoded: Encoded) -> mx.array:
        """`(1, 16, 4, 4)`. Of a prompt the last tokens, which have read the others."""
        latents = Krea2LatentCreator.create_noise(0, PREDICTED_SIDE, PREDICTED_SIDE)
        noise = self._noise((encoded[0][:, -_PREDICTED_TOKENS:],))
        return noise(latents, mx.array([1.0])).astype(mx.float32)

    def generate(self, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """As mflux's own `generate_image`, whose parts these are, up to the pixels."""
        return self._painted(spec, encoded, watcher)

    def generate_from(self, pixels: Pixels, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """The same as mflux does it with an `image_path` and an `image_strength`."""
        return self._painted(spec, encoded, watcher, Image.fromarray(pixels))

    def clean_latents(self, pixels: Pixels) -> mx.array:
        """`(1, 16, rows, columns)`."""
        return packed_by(Krea2LatentCreator, self.made.vae, pixels)

    def grid(self, latents: mx.array, size: PictureSize) -> mx.array:
        """16 channels for every 8 by 8 pixels."""
        return spread(Krea2LatentCreator.unpack_latents(latents, size.height, size.width))

    def _painted(
        self, spec: PictureSpec, encoded: Encoded, watcher: Watcher, start: Image.Image | None = None
    ) -> mx.array:
        config = Config(
            model_config=self.made.model_config,
            num_inference_steps=spec.steps,
            height=spec.height,
            width=spec.width,
            guidance=spec.guidance,
            scheduler=_SAMPLER,
            image_path=start,  # which mflux opens, unless it is open already
            image_strength=spec.strength or 0.0,
        )
        sigmas = config.scheduler.sigmas
        sampler = Krea2Sampler.make_stepper(_SAMPLER, sigmas, spec.seed)
        noise = self._noise(encoded if spec.guidance != _ALONE else encoded[:1], spec.guidance)

        seen: deque[mx.array] = deque(maxlen=1)  # its steps add noise, so that none leads straight to its end

        def stepped(step: int, latents: mx.array) -> mx.array:
            velocity = noise(latents, sigmas[step].reshape(1))
            seen.append(latents - sigmas[step] * velocity)
            moved: mx.array = sampler.step(step, latents, velocity, seen[-1])
            return moved

        latents = self.made._prepare_latents(seed=spec.seed, config=config)  # noqa: SLF001 - mflux has its way into latents nowhere else
        latents = painted(
            spec.steps, latents, stepped, watcher, sigmas=sigmas, first=config.init_time_step, clean=lambda: seen[-1]
        )
        return pixels_of(VAEUtil.decode(vae=self.made.vae, latent=latents))

    def _noise(self, encoded: Encoded, guidance: float = _ALONE) -> Callable[[mx.array, mx.array], mx.array]:
        """What tells the velocity of latents at a time, lazily, with the stack that is on the base when it is asked.

        Args:
            encoded: The prompt; and, to be guided away from, the negative one.
            guidance: How far to go from what the negative prompt gives to what the prompt does, as a multiple.
        """
        transformer = self.made.transformer

        def predicted(latents: mx.array, time: mx.array) -> mx.array:
            wanted, *unwanted = (transformer(latents, time, embeds) for embeds in encoded)
            velocity: mx.array = unwanted[0] + guidance * (wanted - unwanted[0]) if unwanted else wanted
            return velocity

        return predicted
