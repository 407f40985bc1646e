"""A FLUX.1 in memory: encoding, predicting and painting with the `Flux1` or `Flux1Kontext` of mflux.

Their types go no further. In `exact` all of it runs as mflux runs it; in `fast` by the formulas of `forward` and
`encoding`, and latents have the base's type before they are decoded. No adapter reaches it through mflux's loader.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import mlx.core as mx
from mflux.models.common.config.config import Config
from mflux.models.common.latent_creator.latent_creator import Img2Img, LatentCreator
from mflux.models.flux.latent_creator.flux_latent_creator import FluxLatentCreator
from mflux.models.flux.model.flux_text_encoder.prompt_encoder import PromptEncoder
from mflux.models.flux.variants.kontext.flux_kontext import Flux1Kontext
from mflux.models.flux.variants.kontext.kontext_util import KontextUtil
from mflux.models.flux.variants.txt2img.flux import Flux1
from mlx import nn
from PIL import Image

from kilnmark.engine.compute import precision
from kilnmark.engine.families.family import Encoded, Pixels, Watcher, tell_glimpse, tell_schedule
from kilnmark.engine.families.flux1.decoding import FastDecoding, decoded
from kilnmark.engine.families.flux1.encoding import fast_t5
from kilnmark.engine.families.flux1.forward.blocks import shared_inputs
from kilnmark.engine.families.flux1.forward.transformer import Asked, FastTransformer
from kilnmark.engine.families.library.latents import packed_by, spread, straight_end
from kilnmark.protocol.picture.spec import PictureSize, PictureSpec

__all__ = ["Flux1Model"]

PREDICTED_SIDE = 32
"""Pixels; four tokens."""

_PREDICTED_TOKENS = 4
_PREDICTED_GUIDANCE = 3.5


class Flux1Model:
    """A `Model` of FLUX.1.

    Args:
        flux: The object of mflux itself.
        fingerprint: Names its weights.
        fast: Runs the transformer of `flux` in `fast`; None for `exact`, as mflux does.
    """

    def __init__(self, flux: Flux1 | Flux1Kontext, fingerprint: str, fast: FastTransformer | None = None) -> None:
        self.flux = flux
        self.fingerprint = fingerprint
        self._fast = fast

    @property
    def bits(self) -> int | None:
        """Those that mflux found stored, or quantized it to."""
        bits: int | None = self.flux.bits
        return bits

    @property
    def compiled(self) -> bool:
        """In `fast`, where it is asked for or was measured to be quicker."""
        return self._fast is not None and self._fast.compiled

    @property
    def traces(self) -> int:
        """Times that some of it was traced to be compiled, so far."""
        decoding = self._decoded.traces if isinstance(self._decoded, FastDecoding) else 0
        return decoding if self._fast is None else decoding + self._fast.traces.made

    @property
    def roots(self) -> dict[str, nn.Module]:
        """The transformer and both text encoders."""
        flux = self.flux
        return {
            "": flux.transformer,
            "clip_text_encoder": flux.clip_text_encoder,
            "t5_text_encoder": flux.t5_text_encoder,
        }

    @property
    def shared_inputs(self) -> list[list[str]]:
        """Queries, keys and values of each stream; in a single block what feeds forward, too."""
        return shared_inputs(self.flux.transformer)

    @property
    def held(self) -> list[nn.Module]:
        """Of the VAE its decoder, and its encoder where there is one."""
        vae = self.flux.vae
        return [*self.roots.values(), vae.decoder, *([vae.encoder] if self.sees else [])]

    @property
    def sees(self) -> bool:
        """Unless its directory has nothing that encodes pictures."""
        return "encoder" in self.flux.vae

    def encode(self, prompt: str, negative_prompt: str | None) -> Encoded:  # noqa: ARG002 - FLUX.1 takes none
        """T5 `(1, tokens, 4096)` and pooled CLIP `(1, 768)`."""
        flux = self.flux
        if self._fast is not None:
            t5, clip = (flux.tokenizers[name].tokenize(prompt).input_ids for name in ("t5", "clip"))
            return fast_t5(flux.t5_text_encoder, t5, precision()), flux.clip_text_encoder(clip)
        encoded: Encoded = PromptEncoder.encode_prompt(
            prompt=prompt,
            prompt_cache={},
            t5_tokenizer=flux.tokenizers["t5"],
            clip_tokenizer=flux.tokenizers["clip"],
            t5_text_encoder=flux.t5_text_encoder,
            clip_text_encoder=flux.clip_text_encoder,
        )
        return encoded

    def predict(self, encoded: Encoded) -> mx.array:
        """`(1, 4, 64)`. Fewer tokens than T5 pads to cost less, and what changes T5 changes its first ones too."""
        side = PREDICTED_SIDE
        embeds, pooled = encoded
        config = Config(
            model_config=self.flux.model_config,
            num_inference_steps=1,
            height=side,
            width=side,
            guidance=_PREDICTED_GUIDANCE,
        )
        latents = mx.random.normal((1, (side // 16) ** 2, 64), dtype=precision(), key=mx.random.key(0))
        return self._noise(config, (embeds[:, :_PREDICTED_TOKENS], pooled))(0, latents).astype(mx.float32)

    def generate(self, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """As mflux's own `generate_image`, whose parts these are, up to the pixels."""
        return self._painted(spec, encoded, watcher)

    def generate_from(self, pixels: Pixels, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """The same as mflux does it with an `image_path` and an `image_strength`."""
        return self._painted(spec, encoded, watcher, Image.fromarray(pixels))

    def refer(self, pixels: Pixels, asked: PictureSize) -> Encoded:
        """Its latents at the size that is asked for, `(1, tokens, 64)`, and where they stand, `(1, tokens, 3)`.

        By Kontext's own way, which takes an open picture where it says a path.
        """
        encoded: Encoded = KontextUtil.create_image_conditioning_latents(
            vae=self.flux.vae, height=asked.height, width=asked.width, image_path=Image.fromarray(pixels)
        )
        return encoded

    def generate_beside(
        self, references: Sequence[Encoded], spec: PictureSpec, encoded: Encoded, watcher: Watcher
    ) -> mx.array:
        """The same as mflux's `Flux1Kontext` does it with an `image_path`: beside one reference."""
        (reference,) = references
        return self._painted(spec, encoded, watcher, reference=reference)

    def clean_latents(self, pixels: Pixels) -> mx.array:
        """`(1, tokens, 64)`."""
        return packed_by(FluxLatentCreator, self.flux.vae, pixels)

    def grid(self, latents: mx.array, size: PictureSize) -> mx.array:
        """16 channels for every 8 by 8 pixels."""
        return spread(FluxLatentCreator.unpack_latents(latents, size.height, size.width))

    def _painted(
        self,
        spec: PictureSpec,
        encoded: Encoded,
        watcher: Watcher,
        start: Image.Image | None = None,
        reference: Encoded | None = None,
    ) -> mx.array:
        config = Config(
            model_config=self.flux.model_config,
            num_inference_steps=spec.steps,
            height=spec.height,
            width=spec.width,
            guidance=spec.guidance,
            image_path=start,  # which mflux opens, unless it is open already
            image_strength=spec.strength or 0.0,
        )
        noise = self._noise(config, encoded, reference)
        latents = self._latents(config, spec.seed)
        tell_schedule(watcher, config.scheduler.sigmas)
        for step in range(config.init_time_step, spec.steps):
            before, latents = latents, config.scheduler.step(noise=noise(step, latents), timestep=step, latents=latents)
            watcher.stepped(step)
            mx.eval(latents)
            tell_glimpse(watcher, partial(straight_end, before, latents, config.scheduler.sigmas, step))
        watcher.denoised(latents)
        return self._decoded(FluxLatentCreator.unpack_latents(latents, config.height, config.width))

    def _latents(self, config: Config, seed: int) -> mx.array:
        """Noise, or a picture with as much noise in it as the first step that is painted expects; lazily."""
        start = Img2Img(
            vae=self.flux.vae,
            latent_creator=FluxLatentCreator,
            sigmas=config.scheduler.sigmas,
            init_time_step=config.init_time_step,
            image_path=config.image_path,
        )
        latents: mx.array = LatentCreator.create_for_txt2img_or_img2img(seed, config.height, config.width, start)
        return latents

    @cached_property
    def _decoded(self) -> Callable[[mx.array], mx.array]:
        """Made once its weights are held: whether it is compiled is measured with them."""
        vae = self.flux.vae
        return partial(decoded, vae) if self._fast is None else FastDecoding(vae, precision(), compiled=self.compiled)

    def _noise(
        self, config: Config, encoded: Encoded, reference: Encoded | None = None
    ) -> Callable[[int, mx.array], mx.array]:
        """What tells the noise in a step's latents, lazily, as long as the stack that is on the base stays."""
        if self._fast is None:
            return self._noise_by_mflux(config, encoded, reference)
        embeds, pooled = encoded
        asked = Asked(
            sigmas=config.scheduler.sigmas.tolist()[:-1],
            guidance=config.guidance,
            text=embeds,
            pooled=pooled,
            rows=config.height // 16,
            columns=config.width // 16,
            reference=reference[0] if reference else None,
        )
        return self._fast.begin(asked).noise

    def _noise_by_mflux(
        self, config: Config, encoded: Encoded, reference: Encoded | None
    ) -> Callable[[int, mx.array], mx.array]:
        embeds, pooled = encoded
        beside, places = reference or (None, None)
        transformer = self.flux.transformer

        def predicted(step: int, latents: mx.array) -> mx.array:
            noise: mx.array = transformer(
                t=step,
                config=config,
                hidden_states=latents if beside is None else mx.concatenate([latents, beside], axis=1),
                prompt_embeds=embeds,
                pooled_prompt_embeds=pooled,
                kontext_image_ids=places,
            )
            return noise[:, : latents.shape[1]]

        return predicted
