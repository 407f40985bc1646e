"""How a FLUX.2-klein is loaded: fetched by mflux under its name, read from a directory, or built as a standin.

mflux builds every directory at the widths of a published model; here they are told from the weights, so that smaller
ones are read too. Layers of the text encoder that compute nothing are left on disk.
"""

import hashlib

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer import TokenizerLoader
from mflux.models.common.weights.loading.weight_applier import WeightApplier
from mflux.models.common.weights.loading.weight_loader import WeightLoader
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein
from mflux.models.flux2.weights.flux2_weight_definition import Flux2KleinWeightDefinition

from kilnmark.engine.compute import precision
from kilnmark.engine.families.family import BaseUnavailable, Origin
from kilnmark.engine.families.flux2.model import Flux2Model
from kilnmark.engine.families.flux2.parts import klein_of, without_idle_layers
from kilnmark.engine.families.flux2.sizes import sizes_of
from kilnmark.engine.families.flux2.standin import RECIPE, build_standin
from kilnmark.engine.families.saved import refuse_random_weights, saved_by_mflux
from kilnmark.keymaps.files.weights import Weights
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics

__all__ = ["load", "model_of"]

_CONFIGS = {
    "flux2-klein-4b": ModelConfig.flux2_klein_4b,
    "flux2-klein-9b": ModelConfig.flux2_klein_9b,
    "flux2-klein-base-4b": ModelConfig.flux2_klein_base_4b,
    "flux2-klein-base-9b": ModelConfig.flux2_klein_base_9b,
    "standin:flux2-klein-4b": ModelConfig.flux2_klein_4b,
    "standin:flux2-klein-9b": ModelConfig.flux2_klein_9b,
}


def load(origin: Origin, quantize: int | None, numerics: Numerics, compiling: AskedCompiling) -> Flux2Model:  # noqa: ARG001 - exact only, and never compiled
    """As `family.Load` says."""
    ModelConfig.precision = precision()  # mflux computes in bf16 unless told otherwise
    klein, named = _loaded(origin, quantize)
    return model_of(klein, named, guided=origin.variant.guided)


def model_of(klein: Flux2Klein, named: str, *, guided: bool) -> Flux2Model:
    """The model of mflux's object.

    Args:
        klein: It.
        named: What its weights are known by.
        guided: Whether its pictures are guided away from a negative prompt.
    """
    return Flux2Model(klein, hashlib.sha256(named.encode()).hexdigest(), guided=guided)


def _loaded(origin: Origin, quantize: int | None) -> tuple[Flux2Klein, str]:
    """Mflux's object, and what its weights are known by."""
    config = _CONFIGS[origin.variant.name]()
    if origin.variant.made_up:
        return build_standin(config), f"{RECIPE}:{origin.variant.shapes}"
    if origin.weights is None:
        return _fetched(config, quantize), f"{config.model_name}:{quantize}"
    klein = _read(origin.weights, config, quantize)
    return klein, f"{origin.weights.fingerprint}:{klein.bits}"


def _fetched(config: ModelConfig, quantize: int | None) -> Flux2Klein:
    try:
        klein = Flux2Klein(model_config=config, quantize=quantize)
    except Exception as error:  # mflux raises whatever its downloader and readers raise
        mend = (
            "check the network and your access (`kilnmark models pull` says which), or give a directory that holds it"
        )
        raise BaseUnavailable(f"mflux could not load {config.model_name}: {error}; {mend}") from error
    klein.text_encoder = without_idle_layers(klein.text_encoder)
    return klein


def _read(weights: Weights, config: ModelConfig, quantize: int | None) -> Flux2Klein:
    sizes = sizes_of(weights)
    parts = {
        "vae": Flux2VAE(decoder_block_out_channels=sizes.vae),
        "transformer": Flux2Transformer(**sizes.transformer),
        "text_encoder": Qwen3TextEncoder(**sizes.text_encoder),
    }
    definition = Flux2KleinWeightDefinition
    try:
        read = WeightLoader.load(weight_definition=definition, model_path=str(weights.path))
        tokenizers = TokenizerLoader.load_all(definition.get_tokenizers(), str(weights.path))
        bits = WeightApplier.apply_and_quantize(read, parts, quantize, definition)
    except Exception as error:  # mflux raises whatever its readers raise
        raise BaseUnavailable(f"mflux could not load {weights.path}: {error}") from error
    without_idle_layers(parts["text_encoder"])
    if saved_by_mflux(weights):
        refuse_random_weights(weights, parts)
    klein = klein_of(config, **parts, tokenizers=tokenizers)
    klein.bits = bits
    return klein
