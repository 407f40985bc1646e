"""A Z-Image in memory: encoding, predicting and painting with mflux's `ZImage`, whose types go no further.

All of it runs as mflux runs it, but that mflux compiles its step anew for every picture; here nothing is, so that a
flip of stacks traces nothing. No adapter reaches it through mflux's loader.
"""

from collections.abc import Callable, Sequence

import mlx.core as mx
from mflux.models.common.config.config import Config
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.z_image.latent_creator import ZImageLatentCreator
from mflux.models.z_image.model.z_image_text_encoder.prompt_encoder import PromptEncoder
from mflux.models.z_image.variants.z_image import ZImage
from mlx import nn

from kilnmark.engine.families.family import Encoded, Watcher
from kilnmark.engine.families.pixels import pixels_of
from kilnmark.engine.families.qwen3 import QWEN3, read_by_picture
from kilnmark.protocol.picture.spec import PictureSpec

__all__ = ["ZImageModel"]

PREDICTED_SIDE = 32
"""Pixels; four tokens, which Z-Image fills up to 32 as it does the prompt's."""

_PREDICTED_TOKENS = 16
_NOTHING = " "
"""What mflux guides away from where there is no negative prompt."""
_SCHEDULERS = {True: "flow_match_euler_discrete", False: "linear"}
"""mflux's choice, by whether a variant is guided."""


class ZImageModel:
    """A `Model` of Z-Image.

    Args:
        image: The object of mflux itself.
        fingerprint: Names its weights.
        guided: Whether its pictures are guided away from a negative prompt, which costs a second pass a step.
    """

    compiled = False
    shared_inputs: Sequence[Sequence[str]] = ()

    def __init__(self, image: ZImage, fingerprint: str, *, guided: bool) -> None:
        self.image = image
        self.fingerprint = fingerprint
        self._guided = guided

    @property
    def bits(self) -> int | None:
        """Those that mflux found stored, or quantized it to."""
        bits: int | None = self.image.bits
        return bits

    @property
    def roots(self) -> dict[str, nn.Module]:
        """The transformer, and the layers of Qwen3 but for the last."""
        return {"": self.image.transformer, QWEN3: read_by_picture(self.image.text_encoder.layers[:-1])}

    @property
    def held(self) -> list[nn.Module]:
        """Nothing here encodes pictures, and nothing reads what the text encoder's last layer and norm give.

        The angles of its rotary embedding are no weights: they stay in float32.
        """
        image = self.image
        encoder = image.text_encoder
        return [image.transformer, encoder.embed_tokens, *encoder.layers[:-1], image.vae.decoder]

    def encode(self, prompt: str, negative_prompt: str | None) -> Encoded:
        """What the last layer but one makes of it, `(tokens, width)`; and of the negative prompt."""
        wanted = self._encoded(prompt)
        if not self._guided:
            return (wanted,)
        unwanted = negative_prompt if negative_prompt and negative_prompt.strip() else _NOTHING
        return wanted, self._encoded(unwanted)

    def _encoded(self, prompt: str) -> mx.array:
        encoded: mx.array = PromptEncoder.encode_prompt(
            prompt=prompt, tokenizer=self.image.tokenizers["z_image"], text_encoder=self.image.text_encoder
        )
        return encoded

    def predict(self, encoded: Encoded) -> mx.array:
        """`(16, 1, 4, 4)`."""
        latents = ZImageLatentCreator.create_noise(0, PREDICTED_SIDE, PREDICTED_SIDE)
        noise = self._noise((encoded[0][:_PREDICTED_TOKENS],), mx.array([1.0, 0.0]))
        return noise(0, latents).astype(mx.float32)

    def generate(self, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """As mflux's own `generate_image`, whose parts these are, up to the pixels."""
        config = Config(
            model_config=self.image.model_config,
            num_inference_steps=spec.steps,
            height=spec.height,
            width=spec.width,
            guidance=spec.guidance,
            scheduler=_SCHEDULERS[self._guided],
        )
        scheduler = config.scheduler
        latents = ZImageLatentCreator.create_noise(spec.seed, config.height, config.width)
        noise = self._noise(encoded if spec.guidance > 1 else encoded[:1], scheduler.sigmas, spec.guidance)
        for step in range(spec.steps):
            latents = scheduler.step(noise=noise(step, latents), timestep=step, latents=latents)
            watcher.stepped(step)
            mx.eval(latents)
        watcher.denoised(latents)
        unpacked = ZImageLatentCreator.unpack_latents(latents, config.height, config.width)
        return pixels_of(VAEUtil.decode(vae=self.image.vae, latent=unpacked))

    def _noise(self, encoded: Encoded, sigmas: mx.array, guidance: float = 1.0) -> Callable[[int, mx.array], mx.array]:
        """What tells the noise in a step's latents, lazily, with the stack that is on the base when it is asked.

        Args:
            encoded: The prompt; and, to be guided away from, the negative one.
            sigmas: The share of noise before each step, and 0.
            guidance: How far to go beyond the noise of the prompt, away from that of the negative one, as a multiple of
                what lies between them.
        """
        transformer = self.image.transformer

        def predicted(step: int, latents: mx.array) -> mx.array:
            sigma = sigmas[step].reshape((1,))
            time = mx.ones_like(sigma) - sigma
            wanted, *unwanted = (
                transformer(timestep=time, x=latents, cap_feats=text, sigmas=sigmas) for text in encoded
            )
            noise: mx.array = wanted + guidance * (wanted - unwanted[0]) if unwanted else wanted
            return noise

        return predicted
