"""A Z-Image in memory: encoding, predicting and painting with mflux's `ZImage`, whose types go no further."""

from collections.abc import Callable

import mlx.core as mx
from mflux.models.common.config.config import Config
from mflux.models.common.latent_creator.latent_creator import Img2Img, LatentCreator
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.z_image.latent_creator import ZImageLatentCreator
from mflux.models.z_image.model.z_image_text_encoder.prompt_encoder import PromptEncoder
from mlx import nn
from PIL import Image

from kilnmark.engine.families.family import Encoded, Pixels, Watcher
from kilnmark.engine.families.library.latents import packed_by, spread
from kilnmark.engine.families.library.model import LibraryModel, painted
from kilnmark.engine.families.pixels import pixels_of
from kilnmark.engine.families.qwen3 import QWEN3, read_by_picture
from kilnmark.protocol.picture.spec import PictureSize, PictureSpec

__all__ = ["ZImageModel"]

PREDICTED_SIDE = 32
"""Pixels; four tokens, which Z-Image fills up to 32 as it does the prompt's."""

_PREDICTED_TOKENS = 16
_SCHEDULERS = {True: "flow_match_euler_discrete", False: "linear"}
"""mflux's choice, by whether a variant is guided."""


class ZImageModel(LibraryModel):
    """A `Model` of Z-Image."""

    @property
    def roots(self) -> dict[str, nn.Module]:
        """The transformer, and the layers of Qwen3 but for the last."""
        return {"": self.made.transformer, QWEN3: read_by_picture(self.made.text_encoder.layers[:-1])}

    @property
    def held(self) -> list[nn.Module]:
        """Nothing reads what the text encoder's last layer and norm give.

        The angles of its rotary embedding are no weights: they stay in float32.
        """
        encoder, vae = self.made.text_encoder, self.made.vae
        seeing = [vae.encoder] if self.sees else []
        return [self.made.transformer, encoder.embed_tokens, *encoder.layers[:-1], vae.decoder, *seeing]

    @property
    def sees(self) -> bool:
        """Unless its directory has nothing that encodes pictures."""
        return "encoder" in self.made.vae

    def encoded(self, prompt: str) -> mx.array:
        """What the last layer but one makes of it, `(tokens, width)`."""
        encoded: mx.array = PromptEncoder.encode_prompt(
            prompt=prompt, tokenizer=self.made.tokenizers["z_image"], text_encoder=self.made.text_encoder
        )
        return encoded

    def predict(self, encoded: Encoded) -> mx.array:
        """`(16, 1, 4, 4)`."""
        latents = ZImageLatentCreator.create_noise(0, PREDICTED_SIDE, PREDICTED_SIDE)
        noise = self._noise((encoded[0][:_PREDICTED_TOKENS],), mx.array([1.0, 0.0]))
        return noise(0, latents).astype(mx.float32)

    def generate(self, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """As mflux's own `generate_image`, whose parts these are, up to the pixels."""
        return self._painted(spec, encoded, watcher)

    def generate_from(self, pixels: Pixels, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """The same as mflux does it with an `image_path` and an `image_strength`."""
        return self._painted(spec, encoded, watcher, Image.fromarray(pixels))

    def clean_latents(self, pixels: Pixels) -> mx.array:
        """`(16, 1, rows, columns)`."""
        return packed_by(ZImageLatentCreator, self.made.vae, pixels)

    def grid(self, latents: mx.array, size: PictureSize) -> mx.array:
        """16 channels for every 8 by 8 pixels."""
        return spread(ZImageLatentCreator.unpack_latents(latents, size.height, size.width))

    def _painted(
        self, spec: PictureSpec, encoded: Encoded, watcher: Watcher, start: Image.Image | None = None
    ) -> mx.array:
        config = Config(
            model_config=self.made.model_config,
            num_inference_steps=spec.steps,
            height=spec.height,
            width=spec.width,
            guidance=spec.guidance,
            scheduler=_SCHEDULERS[self.guided],
            image_path=start,  # which mflux opens, unless it is open already
            image_strength=spec.strength or 0.0,
        )
        scheduler = config.scheduler
        latents = self._latents(config, spec.seed)
        noise = self._noise(encoded if spec.guidance > 1 else encoded[:1], scheduler.sigmas, spec.guidance)

        def stepped(step: int, latents: mx.array) -> mx.array:
            moved: mx.array = scheduler.step(noise=noise(step, latents), timestep=step, latents=latents)
            return moved

        latents = painted(spec.steps, latents, stepped, watcher, sigmas=scheduler.sigmas, first=config.init_time_step)
        unpacked = ZImageLatentCreator.unpack_latents(latents, config.height, config.width)
        return pixels_of(VAEUtil.decode(vae=self.made.vae, latent=unpacked))

    def _latents(self, config: Config, seed: int) -> mx.array:
        """Noise, or a picture with as much noise in it as the first step that is painted expects; lazily."""
        start = Img2Img(
            vae=self.made.vae,
            latent_creator=ZImageLatentCreator,
            sigmas=config.scheduler.sigmas,
            init_time_step=config.init_time_step,
            image_path=config.image_path,
        )
        latents: mx.array = LatentCreator.create_for_txt2img_or_img2img(seed, config.height, config.width, start)
        return latents

    def _noise(self, encoded: Encoded, sigmas: mx.array, guidance: float = 1.0) -> Callable[[int, mx.array], mx.array]:
        """What tells the noise in a step's latents, lazily, with the stack that is on the base when it is asked.

        Args:
            encoded: The prompt; and, to be guided away from, the negative one.
            sigmas: The share of noise before each step, and 0.
            guidance: How far to go beyond the noise of the prompt, away from that of the negative one, as a multiple of
                what lies between them.
        """
        transformer = self.made.transformer

        def predicted(step: int, latents: mx.array) -> mx.array:
            sigma = sigmas[step].reshape((1,))
            time = mx.ones_like(sigma) - sigma
            wanted, *unwanted = (
                transformer(timestep=time, x=latents, cap_feats=text, sigmas=sigmas) for text in encoded
            )
            noise: mx.array = wanted + guidance * (wanted - unwanted[0]) if unwanted else wanted
            return noise

        return predicted
