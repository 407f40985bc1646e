"""mflux's object of a Z-Image, put together from its parts, whoever has filled these, and a VAE of any width."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.vae.block_decoder import VAEBlockDecoder
from mflux.models.z_image.model.z_image_text_encoder.text_encoder import TextEncoder
from mflux.models.z_image.model.z_image_transformer.transformer import ZImageTransformer
from mflux.models.z_image.model.z_image_vae.common.unet_mid_block import UNetMidBlock
from mflux.models.z_image.model.z_image_vae.decoder.conv_in import ConvIn
from mflux.models.z_image.model.z_image_vae.decoder.conv_norm_out import ConvNormOut
from mflux.models.z_image.model.z_image_vae.decoder.conv_out import ConvOut
from mflux.models.z_image.model.z_image_vae.decoder.decoder import Decoder
from mflux.models.z_image.model.z_image_vae.decoder.up_decoder_block import UpDecoderBlock
from mflux.models.z_image.model.z_image_vae.encoder.conv_in import ConvIn as SeeingConvIn
from mflux.models.z_image.model.z_image_vae.encoder.conv_norm_out import ConvNormOut as SeeingConvNormOut
from mflux.models.z_image.model.z_image_vae.encoder.conv_out import ConvOut as SeeingConvOut
from mflux.models.z_image.model.z_image_vae.encoder.down_encoder_block import DownEncoderBlock
from mflux.models.z_image.model.z_image_vae.encoder.encoder import Encoder
from mflux.models.z_image.model.z_image_vae.vae import VAE
from mflux.models.z_image.variants.z_image import ZImage

from kilnmark.engine.families.library.assembled import assembled

__all__ = ["vae_of_widths", "z_image_of"]


def z_image_of(
    config: ModelConfig,
    transformer: ZImageTransformer,
    text_encoder: TextEncoder,
    vae: VAE,
    tokenizers: Mapping[str, Any],
) -> ZImage:
    """A ZImage as mflux's `ZImageInitializer` leaves one, around these parts.

    Args:
        config: mflux's, for the schedule.
        transformer, text_encoder, vae: As they are to compute.
        tokenizers: By mflux's names.
    """
    image = assembled(ZImage, config, tokenizers, vae=vae, transformer=transformer, text_encoder=text_encoder)
    image.float32 = False
    image.vae.decode_mode = VAEBlockDecoder.LOW_MEMORY
    return image


def vae_of_widths(widths: Sequence[int], seeing: Sequence[int] | None = None) -> VAE:
    """A VAE of mflux with these channels; what it does to pictures and latents is its own code unchanged.

    Args:
        widths: Of the decoder's stages, the last first, as FLUX.2's VAE takes them: 128, 256, 512, 512 are Z-Image's.
        seeing: Of the stages of what encodes pictures, from the first on; None leaves that out, and `VAE.encode` cannot
            be called.
    """
    vae = VAE()
    vae.decoder = _decoder_of(vae.decoder, list(reversed(widths)))
    if seeing is None:
        del vae.encoder
    else:
        vae.encoder = _encoder_of(vae.encoder, seeing)
    return vae


def _decoder_of(decoder: Decoder, stages: Sequence[int]) -> Decoder:
    decoder.conv_in = ConvIn(out_channels=stages[0])
    decoder.mid_block = UNetMidBlock(channels=stages[0])
    decoder.up_blocks = [
        UpDecoderBlock(into, out, add_upsample=place < len(stages) - 1)
        for place, (into, out) in enumerate(pairwise([stages[0], *stages]))
    ]
    decoder.conv_norm_out = ConvNormOut(channels=stages[-1])
    decoder.conv_out = ConvOut(in_channels=stages[-1])
    return decoder


def _encoder_of(encoder: Encoder, stages: Sequence[int]) -> Encoder:
    encoder.conv_in = SeeingConvIn(out_channels=stages[0])
    encoder.down_blocks = [
        DownEncoderBlock(into, out, add_downsample=place < len(stages) - 1)
        for place, (into, out) in enumerate(pairwise([stages[0], *stages]))
    ]
    encoder.mid_block = UNetMidBlock(channels=stages[-1])
    encoder.conv_norm_out = SeeingConvNormOut(num_channels=stages[-1])
    encoder.conv_out = SeeingConvOut(in_channels=stages[-1])
    return encoder
