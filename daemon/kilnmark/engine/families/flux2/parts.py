"""mflux's object of a FLUX.2-klein, put together from its parts, whoever has built and filled these."""

from collections.abc import Mapping
from typing import Any

from mflux.callbacks.callback_registry import CallbackRegistry
from mflux.models.common.compute_precision import ComputePrecision
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.vae.block_decoder import VAEBlockDecoder
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein
from mlx import nn

__all__ = ["READ_LAYERS", "klein_of", "without_idle_layers"]

READ_LAYERS = (9, 18, 27)
"""The layers of Qwen3 whose output the transformer reads (`Flux2Klein._encode_prompt_pair`)."""


def klein_of(
    config: ModelConfig,
    transformer: Flux2Transformer,
    text_encoder: Qwen3TextEncoder,
    vae: Flux2VAE,
    tokenizers: Mapping[str, Any],
) -> Flux2Klein:
    """A Flux2Klein as mflux's `Flux2Initializer` leaves one, around these parts; its `bits` are those of no layer.

    Args:
        config: mflux's, for the schedule.
        transformer, text_encoder, vae: As they are to compute.
        tokenizers: By mflux's names.
    """
    klein = Flux2Klein.__new__(Flux2Klein)
    nn.Module.__init__(klein)
    klein.prompt_cache = {}
    klein.model_config = config
    klein.callbacks = CallbackRegistry()
    klein.tiling_config = None
    klein.small_text_encoder = klein.small_decoder = False
    klein.compute_precision = ComputePrecision()
    klein.bits = None
    klein.lora_paths, klein.lora_scales = [], []
    klein.tokenizers = dict(tokenizers)
    klein.vae = vae
    klein.vae.decode_mode = VAEBlockDecoder.LOW_MEMORY
    klein.transformer = transformer
    klein.text_encoder = text_encoder
    return klein


def without_idle_layers(text_encoder: Qwen3TextEncoder) -> Qwen3TextEncoder:
    """The same without the layers after the last that is read, which compute nothing that anybody sees."""
    text_encoder.layers = text_encoder.layers[: READ_LAYERS[-1]]
    return text_encoder
