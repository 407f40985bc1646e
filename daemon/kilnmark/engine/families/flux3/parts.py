"""mflux's object of a FLUX.3-klein, put together from its parts, whoever has built and filled these."""

from collections.abc import Mapping
from typing import Any

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE
from mflux.models.flux3.model.flux3_text_encoder.prompt_encoder import Flux3PromptEncoder
from mflux.models.flux3.model.flux3_transformer.flux3_transformer import Flux3Transformer
from mflux.models.flux3.variants.txt2img.flux3_klein import Flux3Klein

from kilnmark.engine.families.library.assembled import assembled

__all__ = ["READ_LAYERS", "klein_of"]

READ_LAYERS = max(Flux3PromptEncoder.OUTPUT_LAYERS)
"""How many layers of the text encoder give what is read."""


def klein_of(
    config: ModelConfig,
    transformer: Flux3Transformer,
    text_encoder: Qwen3TextEncoder,
    vae: Flux2VAE,
    tokenizers: Mapping[str, Any],
) -> Flux3Klein:
    """A Flux3Klein as mflux's `Flux3Initializer` leaves one, around these parts, without idle layers.

    Args:
        config: mflux's, by which it is distilled or not.
        transformer, text_encoder, vae: As they are to compute.
        tokenizers: By mflux's names.
    """
    text_encoder.layers = text_encoder.layers[:READ_LAYERS]
    klein = assembled(Flux3Klein, config, tokenizers, vae=vae, transformer=transformer, text_encoder=text_encoder)
    klein._noise_override = None  # noqa: SLF001 - mflux reads it where it paints
    klein.vae.decode_mode = Flux2VAE.DECODE_LOW_MEMORY
    return klein
