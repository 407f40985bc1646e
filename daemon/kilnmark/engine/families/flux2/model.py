"""A FLUX.2-klein in memory: encoding, predicting and painting with mflux's `Flux2Klein`, whose types go no further."""

from collections.abc import Callable, Sequence

import mlx.core as mx
from mflux.models.common.config.config import Config
from mflux.models.flux2.latent_creator.flux2_latent_creator import Flux2LatentCreator
from mflux.models.flux2.model.flux2_text_encoder.prompt_encoder import Flux2PromptEncoder
from mlx import nn
from PIL import Image

from kilnmark.engine.families.family import Encoded, Pixels, Watcher
from kilnmark.engine.families.flux2.parts import READ_LAYERS
from kilnmark.engine.families.flux2.references import encoded_reference, placed
from kilnmark.engine.families.library.latents import spread
from kilnmark.engine.families.library.model import LibraryModel, painted
from kilnmark.engine.families.pixels import pixels_of
from kilnmark.engine.families.qwen3 import QWEN3, read_by_picture
from kilnmark.protocol.picture.spec import PictureSize, PictureSpec

__all__ = ["Flux2Model"]

PREDICTED_SIDE = 32
"""Pixels; four tokens."""

_PREDICTED_TOKENS = 16
_PREDICTED_TIME = 1000.0
_SCHEDULER = "flow_match_euler_discrete"


class Flux2Model(LibraryModel):
    """A `Model` of FLUX.2-klein, whose text encoder is without the layers that compute nothing."""

    @property
    def roots(self) -> dict[str, nn.Module]:
        """The transformer, and the layers of Qwen3 up to the last that is read."""
        return {"": self.made.transformer, QWEN3: read_by_picture(self.made.text_encoder.layers)}

    @property
    def held(self) -> list[nn.Module]:
        """The angles of rotary embedding are no weights: they stay in float32."""
        encoder, vae = self.made.text_encoder, self.made.vae
        sight = [vae.encoder, vae.quant_conv] if self.sees else []
        return [
            self.made.transformer,
            encoder.embed_tokens,
            *encoder.layers,
            vae.decoder,
            vae.post_quant_conv,
            vae.bn,
            *sight,
        ]

    @property
    def sees(self) -> bool:
        """Unless its directory has nothing that encodes pictures."""
        return "encoder" in self.made.vae

    def encoded(self, prompt: str) -> mx.array:
        """What three layers make of it, beside each other: `(1, tokens, 3 x width)`."""
        embeds: mx.array
        embeds, _ = Flux2PromptEncoder.encode_prompt(
            prompt=prompt,
            tokenizer=self.made.tokenizers["qwen3"],
            text_encoder=self.made.text_encoder,
            text_encoder_out_layers=READ_LAYERS,
        )
        return embeds

    def predict(self, encoded: Encoded) -> mx.array:
        """`(1, 4, 128)`. Fewer tokens than prompts are padded to cost less."""
        latents, places, *_ = Flux2LatentCreator.prepare_packed_latents(0, PREDICTED_SIDE, PREDICTED_SIDE, 1)
        wanted = encoded[0][:, :_PREDICTED_TOKENS]
        return self._noise((wanted,), places)(latents, mx.array(_PREDICTED_TIME)).astype(mx.float32)

    def refer(self, pixels: Pixels, asked: PictureSize) -> Encoded:  # noqa: ARG002 - it keeps its own size
        """`(1, 128, rows, columns)`."""
        return encoded_reference(self.made.vae, pixels)

    def generate(self, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """As mflux's own `generate_image`, whose parts these are, up to the pixels."""
        return self._painted(spec, encoded, watcher)

    def generate_from(self, pixels: Pixels, spec: PictureSpec, encoded: Encoded, watcher: Watcher) -> mx.array:
        """The same as mflux does it with an `image_path` and an `image_strength`."""
        return self._painted(spec, encoded, watcher, start=Image.fromarray(pixels))

    def generate_beside(
        self, references: Sequence[Encoded], spec: PictureSpec, encoded: Encoded, watcher: Watcher
    ) -> mx.array:
        """The same as mflux's `Flux2KleinEdit` does it with `image_paths`."""
        return self._painted(spec, encoded, watcher, references)

    def clean_latents(self, pixels: Pixels) -> mx.array:
        """`(1, tokens, 128)`."""
        (latents,) = encoded_reference(self.made.vae, pixels)
        packed: mx.array = Flux2LatentCreator.pack_latents(latents)
        return packed

    def grid(self, latents: mx.array, size: PictureSize) -> mx.array:
        """32 channels for every 8 by 8 pixels, without the norm that is taken over them packed."""
        packed = Flux2LatentCreator.unpack_latents(latents, size.height, size.width)
        return spread(self.made.vae.unpack_packed_latents(packed))

    def _painted(
        self,
        spec: PictureSpec,
        encoded: Encoded,
        watcher: Watcher,
        references: Sequence[Encoded] = (),
        start: Image.Image | None = None,
    ) -> mx.array:
        config = Config(
            model_config=self.made.model_config,
            num_inference_steps=spec.steps,
            height=spec.height,
            width=spec.width,
            scheduler=_SCHEDULER,
            image_path=start,  # which mflux opens, unless it is open already
            image_strength=spec.strength or 0.0,
        )
        scheduler = config.scheduler
        latents, places, rows, columns = self.made._prepare_generation_latents(seed=spec.seed, config=config)  # noqa: SLF001 - mflux has its way into latents nowhere else
        noise = self._noise(encoded if spec.guidance > 1 else encoded[:1], places, spec.guidance, placed(references))

        def stepped(step: int, latents: mx.array) -> mx.array:
            predicted = noise(latents, scheduler.timesteps[step])
            moved: mx.array = scheduler.step(noise=predicted, timestep=step, latents=latents, sigmas=scheduler.sigmas)
            return moved

        latents = painted(spec.steps, latents, stepped, watcher, sigmas=scheduler.sigmas, first=config.init_time_step)
        return self._decoded(latents.reshape(1, rows, columns, -1).transpose(0, 3, 1, 2))

    def _decoded(self, packed: mx.array) -> mx.array:
        return pixels_of(self.made.vae.decode_packed_latents(packed))

    def _noise(
        self,
        encoded: Encoded,
        places: mx.array,
        guidance: float = 1.0,
        beside: tuple[mx.array, mx.array] | None = None,
    ) -> Callable[[mx.array, mx.array], mx.array]:
        """What tells the noise in latents at a time, lazily, with the stack that is on the base when it is asked.

        Args:
            encoded: The prompt; and, to be guided away from, the negative one.
            places: Of the latents in the picture.
            guidance: How far to go from the noise of the negative prompt to that of the prompt, as a multiple.
            beside: Tokens that are read with the latents and not painted, and where they stand.
        """
        texts = [(embeds, Flux2PromptEncoder.prepare_text_ids(embeds)) for embeds in encoded]
        transformer, count = self.made.transformer, places.shape[1]
        if beside is not None:
            places = mx.concatenate([places, beside[1]], axis=1)

        def predicted(latents: mx.array, time: mx.array) -> mx.array:
            seen = latents if beside is None else mx.concatenate([latents, beside[0]], axis=1)
            wanted, *unwanted = (
                transformer(
                    hidden_states=seen,
                    encoder_hidden_states=embeds,
                    timestep=time,
                    img_ids=places,
                    txt_ids=text_places,
                )[:, :count]
                for embeds, text_places in texts
            )
            noise: mx.array = unwanted[0] + guidance * (wanted - unwanted[0]) if unwanted else wanted
            return noise

        return predicted
