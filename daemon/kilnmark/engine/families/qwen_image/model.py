"""A Qwen-Image-2.1 in memory: encoding, predicting and painting with mflux's `QwenImage21`, whose types go no further.

What the transformer makes of a prompt is the same at every step. mflux keeps it between pictures, by the prompt alone;
here it is made for every picture, since a stack changes it, and the transformer itself keeps nothing.
"""

from collections.abc import Callable
from copy import copy

import mlx.core as mx
from mflux.models.common.config.config import Config
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.latent_creator.latent_creator import Img2Img, LatentCreator
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.qwen21.latent_creator.qwen21_latent_creator import Qwen21LatentCreator
from mflux.models.qwen21.model.qwen21_text_encoder.qwen21_prompt_encoder import Qwen21PromptEncoder
from mlx import nn
from PIL import Image

from kilnmark.engine.families.family import Encoded, Pixels, Watcher
from kilnmark.engine.families.library.latents import packed_by, spread
from kilnmark.engine.families.library.model import LibraryModel, painted
from kilnmark.engine.families.pixels import pixels_of
from kilnmark.protocol.picture.spec import PictureSize, PictureSpec

__all__ = ["QwenImageModel"]

PREDICTED_SIDE = 32
"""Pixels; four tokens."""

_PREDICTED_TOKENS = 16
_SIDE = 16
"""Pixels of a token's edge."""
_ALONE = 1.0
"""Up to this guidance mflux computes no second pass."""


class QwenImageModel(LibraryModel):
    """A `Model` of Qwen-Image-2.1, which is guided only away from a negative prompt that was asked for."""

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
            encoder.norm,
            vae.decoder,
            vae.post_quant_conv,
            *seeing,
        ]

    @property
    def sees(self) -> bool:
        """Unless its directory has nothing that encodes pictures."""
        return "encoder" in self.made.vae

    def encode(self, prompt: str, negative_prompt: str | None) -> Encoded:
        """What the text encoder makes of the prompt, and of the negative one if there is one."""
        return tuple(self.encoded(each) for each in (prompt, negative_prompt) if each is prompt or each)

    def encoded(self, prompt: str) -> mx.array:
        """What the last layer makes of it, without the words that mflux puts before it: `(1, tokens, width)`."""
        encoded: mx.array
        encoded, _ = Qwen21PromptEncoder.encode_prompt(
            prompt=prompt,
            prompt_cache={},
            tokenizer=self.made.tokenizers["qwen21"],
            text_encoder=self.made.text_encoder,
        )
        return encoded

    def predict(self, encoded: Encoded) -> mx.array:
        """`(1, 4, 64)`. Of a prompt the last tokens, which have read the others."""
        latents = Qwen21LatentCreator.create_noise(0, PREDICTED_SIDE, PREDICTED_SIDE)
        noise = self._noise((encoded[0][:, -_PREDICTED_TOKENS:],), PREDICTED_SIDE, PREDICTED_SIDE)
        return noise(latents, mx.array([1.0])).astype(mx.float32)

    def generate(self, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """As mflux's own `generate_image`, whose parts these are, up to the pixels."""
        return self._painted(spec, encoded, watcher)

    def generate_from(self, pixels: Pixels, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """The same as mflux does it with an `image_path` and an `image_strength`."""
        return self._painted(spec, encoded, watcher, Image.fromarray(pixels))

    def clean_latents(self, pixels: Pixels) -> mx.array:
        """`(1, tokens, 64)`."""
        return packed_by(Qwen21LatentCreator, self.made.vae, pixels)

    def grid(self, latents: mx.array, size: PictureSize) -> mx.array:
        """64 channels for every 16 by 16 pixels."""
        return spread(Qwen21LatentCreator.unpack_latents(latents, size.height, size.width))

    def _painted(
        self, spec: PictureSpec, encoded: Encoded, watcher: Watcher, start: Image.Image | None = None
    ) -> mx.array:
        config = Config(
            model_config=_scheduled(self.made.model_config, spec.steps),
            num_inference_steps=spec.steps,
            height=spec.height,
            width=spec.width,
            guidance=spec.guidance,
            image_path=start,  # which mflux opens, unless it is open already
            image_strength=spec.strength or 0.0,
        )
        scheduler = config.scheduler
        texts = encoded if spec.guidance > _ALONE else encoded[:1]
        noise = self._noise(texts, config.height, config.width, spec.guidance)

        def stepped(step: int, latents: mx.array) -> mx.array:
            velocity = noise(latents, scheduler.sigmas[step].reshape(1))
            moved: mx.array = scheduler.step(noise=velocity, timestep=step, latents=latents)
            return moved

        latents = painted(
            spec.steps,
            self._latents(config, spec.seed),
            stepped,
            watcher,
            sigmas=scheduler.sigmas,
            first=config.init_time_step,
        )
        unpacked = Qwen21LatentCreator.unpack_latents(latents, config.height, config.width)
        return pixels_of(VAEUtil.decode(vae=self.made.vae, latent=unpacked))

    def _latents(self, config: Config, seed: int) -> mx.array:
        """Noise, or a picture with as much noise in it as the first step that is painted expects; lazily."""
        start = Img2Img(
            vae=self.made.vae,
            latent_creator=Qwen21LatentCreator,
            sigmas=config.scheduler.sigmas,
            init_time_step=config.init_time_step,
            image_path=config.image_path,
        )
        latents: mx.array = LatentCreator.create_for_txt2img_or_img2img(seed, config.height, config.width, start)
        return latents.astype(ModelConfig.precision)

    def _noise(
        self, encoded: Encoded, height: int, width: int, guidance: float = _ALONE
    ) -> Callable[[mx.array, mx.array], mx.array]:
        """What tells the velocity of latents at a time, lazily, with the stack that is on the base now, and stays.

        Args:
            encoded: The prompt; and, to be guided away from, the negative one.
            height, width: Of the picture, in pixels.
            guidance: How far to go from what the negative prompt gives to what the prompt does, as a multiple.
        """
        prompts = [self._prompted(text, height // _SIDE, width // _SIDE) for text in encoded]

        def predicted(latents: mx.array, time: mx.array) -> mx.array:
            wanted, *unwanted = (prompted(latents, time) for prompted in prompts)
            velocity: mx.array = unwanted[0] + guidance * (wanted - unwanted[0]) if unwanted else wanted
            return velocity

        return predicted

    def _prompted(self, text: mx.array, rows: int, columns: int) -> Callable[[mx.array, mx.array], mx.array]:
        """The same of one prompt, for so many tokens; what the blocks make of the prompt is made at once."""
        transformer, tokens = self.made.transformer, text.shape[1]
        cosines, sines = transformer.pos_embed(tokens, rows, columns)
        read = transformer._build_text_cache(text, cosines, sines, (tokens, rows, columns))  # noqa: SLF001 - see above
        keys_and_values = read["text_kvs"]

        def predicted(latents: mx.array, time: mx.array) -> mx.array:
            velocity: mx.array = transformer._image_forward(  # noqa: SLF001 - its call compiles and keeps
                latents, time, keys_and_values, cosines[tokens:], sines[tokens:]
            )
            return velocity

        return predicted


def _scheduled(config: ModelConfig, steps: int) -> ModelConfig:
    """Mflux's, by which the last step begins at a noise of 0.02: where it is the first as well, at 1, or at 0 by 0."""
    if steps > 1:
        return config
    alone = copy(config)
    alone.sigma_shift_terminal = None
    return alone
