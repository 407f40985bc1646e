"""mflux's object of a Krea 2, put together from its parts, whoever has filled these, and a VAE of any width."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.krea2.model.krea2_text_encoder.text_encoder import KREA2_TAP_LAYERS, Krea2TextEncoder
from mflux.models.krea2.model.krea2_transformer.transformer import Krea2Transformer
from mflux.models.krea2.variants.txt2img.krea2 import Krea2
from mflux.models.qwen.model.qwen_vae.qwen_image_causal_conv_3d import QwenImageCausalConv3D
from mflux.models.qwen.model.qwen_vae.qwen_image_decoder_3d import QwenImageDecoder3D
from mflux.models.qwen.model.qwen_vae.qwen_image_down_block_3d import QwenImageDownBlock3D
from mflux.models.qwen.model.qwen_vae.qwen_image_encoder_3d import QwenImageEncoder3D
from mflux.models.qwen.model.qwen_vae.qwen_image_mid_block_3d import QwenImageMidBlock3D
from mflux.models.qwen.model.qwen_vae.qwen_image_rms_norm import QwenImageRMSNorm
from mflux.models.qwen.model.qwen_vae.qwen_image_up_block_3d import QwenImageUpBlock3D
from mflux.models.qwen.model.qwen_vae.qwen_vae import QwenVAE

from kilnmark.engine.families.library.assembled import assembled

__all__ = ["READ_LAYERS", "krea_of", "vae_of_widths", "without_idle_layers"]

READ_LAYERS = max(KREA2_TAP_LAYERS)
"""How many layers of the text encoder give what is read."""

_UPSAMPLED = ("upsample3d", "upsample3d", "upsample2d", None)
"""What follows each stage of the decoder."""
_DOWNSAMPLED = ("downsample2d", "downsample2d", "downsample3d", None)
"""What follows each stage of the encoder."""
_MEANS_AND_SPREADS = 32
"""Channels that the encoder gives, of which the first half are latents."""


def krea_of(
    config: ModelConfig,
    transformer: Krea2Transformer,
    text_encoder: Krea2TextEncoder,
    vae: QwenVAE,
    tokenizers: Mapping[str, Any],
) -> Krea2:
    """A Krea2 as mflux's `Krea2Initializer` leaves one, around these parts, without idle layers.

    Args:
        config: mflux's, for the schedule.
        transformer, text_encoder, vae: As they are to compute.
        tokenizers: By mflux's names.
    """
    text_encoder = without_idle_layers(text_encoder)
    return assembled(Krea2, config, tokenizers, vae=vae, transformer=transformer, text_encoder=text_encoder)


def without_idle_layers(text_encoder: Krea2TextEncoder) -> Krea2TextEncoder:
    """The same without the layers after the last that is read, which compute nothing that anybody sees."""
    text_encoder.layers = text_encoder.layers[:READ_LAYERS]
    return text_encoder


def vae_of_widths(widths: Sequence[int], seeing: Sequence[int] | None = None) -> QwenVAE:
    """A VAE of mflux with these channels; what it does to pictures and latents is its own code unchanged.

    Args:
        widths: Of the decoder's stages, the first first: 384, 384, 192, 96 are Krea 2's.
        seeing: Of the stages of what encodes pictures, the first first: 96, 192, 384, 384 are Krea 2's. None leaves
            that out, and `QwenVAE.encode` cannot be called.
    """
    vae = QwenVAE()
    _widen_decoder(vae.decoder, widths)
    if seeing is None:
        del vae.encoder, vae.quant_conv
    else:
        _widen_encoder(vae.encoder, seeing)
    return vae


def _widen_decoder(decoder: QwenImageDecoder3D, widths: Sequence[int]) -> None:
    decoder.conv_in = QwenImageCausalConv3D(QwenVAE.latent_channels, widths[0], 3, 1, 1)
    decoder.mid_block = QwenImageMidBlock3D(widths[0], num_layers=1)
    given = widths[0]
    for place, (width, mode) in enumerate(zip(widths, _UPSAMPLED, strict=True)):
        decoder[f"up_block{place}"] = QwenImageUpBlock3D(given, width, num_res_blocks=2, upsample_mode=mode)
        given = width // 2
    decoder.norm_out = QwenImageRMSNorm(widths[-1], images=False)
    decoder.conv_out = QwenImageCausalConv3D(widths[-1], 3, 3, 1, 1)


def _widen_encoder(encoder: QwenImageEncoder3D, widths: Sequence[int]) -> None:
    encoder.conv_in = QwenImageCausalConv3D(3, widths[0], 3, 1, 1)
    encoder.down_blocks = [
        QwenImageDownBlock3D(given, width, num_res_blocks=2, downsample_mode=mode)
        for (given, width), mode in zip(pairwise([widths[0], *widths]), _DOWNSAMPLED, strict=True)
    ]
    encoder.mid_block = QwenImageMidBlock3D(widths[-1], num_layers=1)
    encoder.norm_out = QwenImageRMSNorm(widths[-1], images=False)
    encoder.conv_out = QwenImageCausalConv3D(widths[-1], _MEANS_AND_SPREADS, 3, 1, 1)
