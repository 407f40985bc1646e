"""mflux's object of a Qwen-Image-2.1, put together from its parts, whoever has built and filled these."""

from collections.abc import Mapping
from typing import Any

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.qwen21.model.qwen21_text_encoder.qwen21_text_encoder import Qwen21TextEncoder
from mflux.models.qwen21.model.qwen21_transformer.qwen21_transformer import Qwen21Transformer
from mflux.models.qwen21.model.qwen21_vae.qwen21_vae import Qwen21VAE
from mflux.models.qwen21.variants.txt2img.qwen_image_21 import QwenImage21

from kilnmark.engine.families.library.assembled import assembled

__all__ = ["qwen_of", "vae_of_width"]


def qwen_of(
    config: ModelConfig,
    transformer: Qwen21Transformer,
    text_encoder: Qwen21TextEncoder,
    vae: Qwen21VAE,
    tokenizers: Mapping[str, Any],
) -> QwenImage21:
    """A QwenImage21 as mflux's `Qwen21Initializer` leaves one, around these parts.

    Args:
        config: mflux's, for the schedule.
        transformer, text_encoder, vae: As they are to compute.
        tokenizers: By mflux's names.
    """
    return assembled(QwenImage21, config, tokenizers, vae=vae, transformer=transformer, text_encoder=text_encoder)


def vae_of_width(width: int, seeing: int | None = None) -> Qwen21VAE:
    """A VAE of mflux with these channels; what it does to pictures and latents is its own code unchanged.

    Args:
        width: Of the decoder's last stage, which begins with eight times as many; 144 are published.
        seeing: Of the first stage of what encodes pictures, which ends in eight times as many; 96 are published. None
            leaves that out, and `Qwen21VAE.encode` cannot be called.
    """
    if seeing is not None:
        return Qwen21VAE({"decoder_base_dim": width, "base_dim": seeing})
    vae = Qwen21VAE({"decoder_base_dim": width})
    del vae.encoder, vae.quant_conv
    return vae
