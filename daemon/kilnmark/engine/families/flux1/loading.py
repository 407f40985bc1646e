"""How a FLUX.1 is loaded: fetched by mflux under its published name, read from a directory, or built as the standin.

mflux fills in whatever a directory lacks with random values and says nothing; here that is refused, or, for text
encoders that were saved with fewer blocks, the surplus is cut off.
"""

import hashlib
from collections.abc import Iterable

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux.variants.kontext.flux_kontext import Flux1Kontext
from mflux.models.flux.variants.txt2img.flux import Flux1

from kilnmark.engine.compute import precision
from kilnmark.engine.families.family import BaseUnavailable, Origin
from kilnmark.engine.families.flux1.forward.transformer import FastTransformer
from kilnmark.engine.families.flux1.model import Flux1Model
from kilnmark.engine.families.flux1.standin import RECIPE, build_standin, class_of
from kilnmark.engine.families.saved import refuse_random_weights, saved_by_mflux, sees_pictures
from kilnmark.keymaps.files.weights import Weights
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics

__all__ = ["load", "model_of"]

_CONFIGS = {
    "dev": ModelConfig.dev,
    "krea-dev": ModelConfig.krea_dev,
    "kontext-dev": ModelConfig.dev_kontext,
    "schnell": ModelConfig.schnell,
}
_STANDINS = {"standin": ModelConfig.dev, "standin:kontext-dev": ModelConfig.dev_kontext}
_SAVED_WITHOUT = {"norm_out.linear.bias"}
"""mflux 0.16 to 0.21 left this out of what they saved; it is zero then, not random."""

_CLIP_BLOCKS = ("text_model.encoder.layers.",)
_T5_BLOCKS = ("t5_blocks.", "encoder.block.")


def load(origin: Origin, quantize: int | None, numerics: Numerics, compiling: AskedCompiling) -> Flux1Model:
    """As `family.Load` says."""
    ModelConfig.precision = precision()  # mflux computes in bf16 unless told otherwise
    return model_of(*_loaded(origin, quantize), numerics, compiling)


def model_of(flux: Flux1 | Flux1Kontext, named: str, numerics: Numerics, compiling: AskedCompiling) -> Flux1Model:
    """The model of mflux's object, which computes in the precision of this engine.

    Args:
        flux: It.
        named: What its weights are known by.
        numerics: As `family.Load` has it.
        compiling: The same.
    """
    fast = FastTransformer(flux.transformer, precision(), compiling) if numerics == "fast" else None
    return Flux1Model(flux, hashlib.sha256(named.encode()).hexdigest(), fast)


def _loaded(origin: Origin, quantize: int | None) -> tuple[Flux1 | Flux1Kontext, str]:
    """Mflux's object, and what its weights are known by."""
    if origin.variant.made_up:
        return build_standin(_STANDINS[origin.variant.name]()), RECIPE
    config = _CONFIGS[origin.variant.name]()
    if origin.weights is None:
        return _fetched(config, quantize), f"{config.model_name}:{quantize}"
    flux = _read(origin.weights, config, quantize)
    return flux, f"{origin.weights.fingerprint}:{flux.bits}"


def _fetched(config: ModelConfig, quantize: int | None) -> Flux1 | Flux1Kontext:
    try:
        return class_of(config)(model_config=config, quantize=quantize)
    except Exception as error:  # mflux raises whatever its downloader and readers raise
        mend = (
            "check the network and your access (`kilnmark models pull` says which), or give a directory that holds it"
        )
        raise BaseUnavailable(f"mflux could not load {config.model_name}: {error}; {mend}") from error


def _read(weights: Weights, config: ModelConfig, quantize: int | None) -> Flux1 | Flux1Kontext:
    clip_blocks = _blocks(weights, "text_encoder", _CLIP_BLOCKS)
    t5_blocks = _blocks(weights, "text_encoder_2", _T5_BLOCKS)
    try:
        flux = class_of(config)(model_path=str(weights.path), model_config=config, quantize=quantize)
    except Exception as error:  # mflux raises whatever its readers raise
        raise BaseUnavailable(f"mflux could not load {weights.path}: {error}") from error
    flux.t5_text_encoder.t5_blocks = flux.t5_text_encoder.t5_blocks[:t5_blocks]
    layers = flux.clip_text_encoder.text_model.encoder
    layers.layers = layers.layers[:clip_blocks]
    if not sees_pictures(weights):
        del flux.vae.encoder
    if saved_by_mflux(weights):
        parts = {
            "transformer": flux.transformer,
            "text_encoder": flux.clip_text_encoder,
            "text_encoder_2": flux.t5_text_encoder,
            "vae": flux.vae,
        }
        refuse_random_weights(weights, parts, _SAVED_WITHOUT)
    return flux


def _blocks(weights: Weights, folder: str, prefixes: Iterable[str]) -> int:
    """How many blocks a text encoder was saved with."""
    numbers = {
        int(name.removeprefix(prefix).split(".", 1)[0])
        for name in weights.names(folder)
        for prefix in prefixes
        if name.startswith(prefix)
    }
    if numbers != set(range(len(numbers))) or not numbers:
        problem = f"has blocks {sorted(numbers)}; a whole text encoder counts up from 0"
        raise BaseUnavailable(f"{weights.path / folder} {problem}")
    return len(numbers)
