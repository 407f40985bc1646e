"""The parts, from mflux's own classes at small sizes, in float32."""

from dataclasses import asdict, dataclass

import mlx.core as mx
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
from mflux.models.flux2.model.flux2_vae.common.resnet_block_2d import Flux2ResnetBlock2D
from mflux.models.flux2.model.flux2_vae.decoder.decoder import Flux2Decoder
from mflux.models.flux2.model.flux2_vae.encoder.encoder import Flux2Encoder
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE
from mlx import nn

from scripts.mini.model.arrays import named
from scripts.mini.sizes import SHOWN, TOKEN, EncoderSize, Sizes, TransformerSize, VaeSize

__all__ = ["Parts", "build", "count", "encoder", "transformer", "vae"]


KEEPING = 3**0.5
"""By so much mlx draws convolutions too small for what they are given to come out as loud; seventeen stand in a row."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a picture is made with: mflux's modules, untyped there."""

    transformer: nn.Module
    encoder: nn.Module
    vae: nn.Module


def build(sizes: Sizes, seed: int = 0) -> Parts:
    """All parts with the weights that chance gives them."""
    mx.random.seed(seed)
    return Parts(transformer(sizes.transformer), encoder(sizes.encoder), vae(sizes.vae))


def transformer(size: TransformerSize) -> nn.Module:
    """The transformer, by mflux's class; at first its blocks and its end give nothing."""
    ModelConfig.precision = mx.float32
    model: nn.Module = Flux2Transformer(**asdict(size))
    for gate in (
        model.double_stream_modulation_img,
        model.double_stream_modulation_txt,
        model.single_stream_modulation,
    ):
        gate.linear.weight = mx.zeros_like(gate.linear.weight)
    model.norm_out.linear.weight = mx.zeros_like(model.norm_out.linear.weight)
    model.proj_out.weight = mx.zeros_like(model.proj_out.weight)
    model.x_embedder.weight = mx.where(mx.arange(TOKEN) < SHOWN, model.x_embedder.weight, 0.0)
    return model


def encoder(size: EncoderSize) -> nn.Module:
    """The text encoder, by mflux's Qwen3."""
    model: nn.Module = Qwen3TextEncoder(**asdict(size))
    model.embed_tokens.weight = 0.5 * mx.random.normal(model.embed_tokens.weight.shape)
    return model


def vae(size: VaeSize) -> nn.Module:
    """The VAE, by mflux's class, with a narrow encoder and decoder in it whose blocks add nothing at first."""
    ModelConfig.precision = mx.float32
    model: nn.Module = Flux2VAE()
    model.encoder = Flux2Encoder(**asdict(size))
    model.decoder = Flux2Decoder(**asdict(size))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.weight = KEEPING * module.weight
    for module in model.modules():
        if isinstance(module, Flux2ResnetBlock2D):
            module.conv2.weight = mx.zeros_like(module.conv2.weight)
    model.bn.freeze()
    return model


def count(module: nn.Module) -> int:
    """Numbers that a module keeps."""
    return sum(value.size for value in named(module.parameters()).values())
