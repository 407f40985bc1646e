"""mflux's object of a FLUX.2-klein, put together from its parts, whoever has built and filled these."""

from collections.abc import Mapping
from typing import Any

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.vae.block_decoder import VAEBlockDecoder
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
from mflux.models.flux2.model.flux2_vae.encoder.encoder import Flux2Encoder
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein

from kilnmark.engine.families.library.assembled import assembled

__all__ = ["READ_LAYERS", "klein_of", "vae_of", "without_idle_layers"]

READ_LAYERS = (9, 18, 27)
"""The layers of Qwen3 whose output the transformer reads (`Flux2Klein._encode_prompt_pair`)."""


def klein_of(
    config: ModelConfig,
    transformer: Flux2Transformer,
    text_encoder: Qwen3TextEncoder,
    vae: Flux2VAE,
    tokenizers: Mapping[str, Any],
) -> Flux2Klein:
    """A Flux2Klein as mflux's `Flux2Initializer` leaves one, around these parts, without idle layers.

    Args:
        config: mflux's, for the schedule.
        transformer, text_encoder, vae: As they are to compute.
        tokenizers: By mflux's names.
    """
    text_encoder = without_idle_layers(text_encoder)
    klein = assembled(Flux2Klein, config, tokenizers, vae=vae, transformer=transformer, text_encoder=text_encoder)
    klein.small_text_encoder = klein.small_decoder = False
    klein.vae.decode_mode = VAEBlockDecoder.LOW_MEMORY
    return klein


def vae_of(decoder: tuple[int, ...], encoder: tuple[int, ...] | None) -> Flux2VAE:
    """The VAE of mflux, as wide as it is to be.

    Args:
        decoder: Channels of its stages, from the narrowest.
        encoder: The same; None leaves out all that encodes pictures, with which `Flux2VAE.encode` cannot be called.
    """
    vae = Flux2VAE(decoder_block_out_channels=decoder)
    if encoder is None:
        del vae.encoder, vae.quant_conv
    else:
        vae.encoder = Flux2Encoder(block_out_channels=encoder)
    return vae


def without_idle_layers(text_encoder: Qwen3TextEncoder) -> Qwen3TextEncoder:
    """The same without the layers after the last that is read, which compute nothing that anybody sees."""
    text_encoder.layers = text_encoder.layers[: READ_LAYERS[-1]]
    return text_encoder
