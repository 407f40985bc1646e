"""How FLUX.1 of random weights is loaded: mflux's own classes, every number drawn where it is computed with.

Its numbers are small enough for a picture to stay finite. What computes with them is the product's own room.
"""

from collections.abc import Callable

from kilnmark.engine.compute import precision
from kilnmark.engine.families.family import Origin
from kilnmark.engine.families.flux1.loading import model_of
from kilnmark.engine.families.flux1.model import Flux1Model
from kilnmark.engine.families.flux1.standin import build_standin
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics
from tests.benchmarks.gpu.made import SMALL

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer.tokenizer import LanguageTokenizer
from mflux.models.flux.model.flux_text_encoder.clip_encoder.clip_encoder import CLIPEncoder
from mflux.models.flux.model.flux_text_encoder.t5_encoder.t5_encoder import T5Encoder
from mflux.models.flux.model.flux_transformer.transformer import Transformer
from mflux.models.flux.model.flux_vae.vae import VAE
from mflux.models.flux.variants.txt2img.flux import Flux1
from mflux.models.flux.weights.flux_weight_definition import FluxWeightDefinition
from mlx import nn

__all__ = ["load"]

T5_TOKENS = 512
MODULATION_GAIN = 0.25
"""Of the layers that make shifts, scales and gates, beside 1 for all others."""


def load(origin: Origin, quantize: int | None, numerics: Numerics, compiling: AskedCompiling) -> Flux1Model:
    """As `kilnmark.engine.families.family.Load` says."""
    ModelConfig.precision = precision()
    flux = build_standin()
    pack = _is_few if origin.variant.name == SMALL else _is_packed
    if origin.variant.name == SMALL:
        _cut(flux)
    else:
        _widen(flux)
    filled: set[int] = set()
    for blocks in _blocks(flux):
        for block in blocks:
            _fill(block, filled)
            _pack(block, quantize, pack)
    for whole in (flux.transformer, flux.t5_text_encoder, flux.clip_text_encoder):
        _fill(whole, filled)
        _pack(whole, quantize, pack)
    _fill(flux.vae.decoder, filled)
    flux.bits = quantize
    return model_of(flux, f"bench:{origin.variant.name}:{quantize}", numerics, compiling)


def _cut(flux: Flux1) -> None:
    """One block of each kind with whole weights; the rest is the standin's own, and as short."""
    flux.transformer = Transformer(flux.model_config, 1, 1)
    flux.t5_text_encoder.t5_blocks = flux.t5_text_encoder.t5_blocks[:1]
    flux.clip_text_encoder.text_model.encoder.layers = flux.clip_text_encoder.text_model.encoder.layers[:1]


def _widen(flux: Flux1) -> None:
    """All of it, with prompts as long as FLUX.1-dev has them, of the standin's vocabulary."""
    flux.transformer, thin = Transformer(flux.model_config), flux.t5_text_encoder
    flux.t5_text_encoder = T5Encoder()
    flux.t5_text_encoder.shared = thin.shared
    flux.clip_text_encoder.text_model.encoder.layers = CLIPEncoder().text_model.encoder.layers
    flux.vae = VAE()
    flux.tokenizers["t5"] = LanguageTokenizer(flux.tokenizers["t5"].tokenizer, max_length=T5_TOKENS)


def _blocks(flux: Flux1) -> list[list[nn.Module]]:
    """What is filled block by block, so that what is not packed yet is never much."""
    transformer = flux.transformer
    return [
        transformer.transformer_blocks,
        transformer.single_transformer_blocks,
        flux.t5_text_encoder.t5_blocks,
        flux.clip_text_encoder.text_model.encoder.layers,
    ]


def _fill(model: nn.Module, filled: set[int]) -> None:
    """Give every layer that has none random numbers, on the device."""
    for path, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d) and id(module) not in filled:
            filled.add(id(module))
            end = (MODULATION_GAIN if "norm" in path else 1.0) * (3 / module.weight[0].size) ** 0.5
            module.weight = mx.random.uniform(-end, end, module.weight.shape, precision())
            if "bias" in module:
                module.bias = mx.zeros(module.bias.shape, precision())
    model.set_dtype(precision())
    mx.eval(model.parameters())


def _pack(model: nn.Module, bits: int | None, pack: Callable[[str, nn.Module], bool]) -> None:
    """Quantize what `pack` says of a path and its layer."""
    if bits is not None:
        nn.quantize(model, bits=bits, class_predicate=pack)
        mx.eval(model.parameters())


def _is_few(path: str, module: nn.Module) -> bool:
    """Queries alone: a CPU multiplies packed matrices at a fiftieth of the speed of whole ones."""
    return path.endswith("to_q") and _is_packed(path, module)


_is_packed: Callable[[str, nn.Module], bool] = FluxWeightDefinition.quantization_predicate
