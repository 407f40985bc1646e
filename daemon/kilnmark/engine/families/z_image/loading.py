"""How a Z-Image is loaded: fetched by mflux under its name, read from a directory, or built as a standin.

mflux builds every directory at the widths of the published model; here they are told from the weights, so that smaller
ones are read too.
"""

import hashlib

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.common.tokenizer import TokenizerLoader
from mflux.models.common.weights.loading.weight_applier import WeightApplier
from mflux.models.common.weights.loading.weight_loader import WeightLoader
from mflux.models.z_image.model.z_image_text_encoder.text_encoder import TextEncoder
from mflux.models.z_image.model.z_image_transformer.transformer import ZImageTransformer
from mflux.models.z_image.variants.z_image import ZImage
from mflux.models.z_image.weights.z_image_weight_definition import ZImageWeightDefinition

from kilnmark.engine.compute import precision
from kilnmark.engine.families.family import BaseUnavailable, Origin
from kilnmark.engine.families.saved import refuse_random_weights, saved_by_mflux
from kilnmark.engine.families.z_image.model import ZImageModel
from kilnmark.engine.families.z_image.parts import vae_of_widths, z_image_of
from kilnmark.engine.families.z_image.sizes import sizes_of
from kilnmark.engine.families.z_image.standin import RECIPE, build_standin
from kilnmark.keymaps.files.weights import Weights
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics

__all__ = ["load"]

_CONFIGS = {
    "z-image-turbo": ModelConfig.z_image_turbo,
    "z-image": ModelConfig.z_image,
    "standin:z-image-turbo": ModelConfig.z_image_turbo,
}


def load(origin: Origin, quantize: int | None, numerics: Numerics, compiling: AskedCompiling) -> ZImageModel:  # noqa: ARG001 - exact only, and never compiled
    """As `family.Load` says."""
    ModelConfig.precision = precision()  # mflux computes in bf16 unless told otherwise
    image, named = _loaded(origin, quantize)
    return ZImageModel(image, hashlib.sha256(named.encode()).hexdigest(), guided=origin.variant.guided)


def _loaded(origin: Origin, quantize: int | None) -> tuple[ZImage, str]:
    """Mflux's object, and what its weights are known by."""
    config = _CONFIGS[origin.variant.name]()
    if origin.variant.made_up:
        return build_standin(config), RECIPE
    if origin.weights is None:
        return _fetched(config, quantize), f"{config.model_name}:{quantize}"
    image = _read(origin.weights, config, quantize)
    return image, f"{origin.weights.fingerprint}:{image.bits}"


def _fetched(config: ModelConfig, quantize: int | None) -> ZImage:
    try:
        return ZImage(model_config=config, quantize=quantize)
    except Exception as error:  # mflux raises whatever its downloader and readers raise
        mend = (
            "check the network and your access (`kilnmark models pull` says which), or give a directory that holds it"
        )
        raise BaseUnavailable(f"mflux could not load {config.model_name}: {error}; {mend}") from error


def _read(weights: Weights, config: ModelConfig, quantize: int | None) -> ZImage:
    sizes = sizes_of(weights)
    parts = {
        "vae": vae_of_widths(sizes.vae),
        "transformer": ZImageTransformer(**sizes.transformer),
        "text_encoder": TextEncoder(**sizes.text_encoder),
    }
    definition = ZImageWeightDefinition
    try:
        read = WeightLoader.load(weight_definition=definition, model_path=str(weights.path))
        tokenizers = TokenizerLoader.load_all(definition.get_tokenizers(), str(weights.path))
        bits = WeightApplier.apply_and_quantize(read, parts, quantize, definition)
    except Exception as error:  # mflux raises whatever its readers raise
        raise BaseUnavailable(f"mflux could not load {weights.path}: {error}") from error
    if saved_by_mflux(weights):
        refuse_random_weights(weights, parts)
    image = z_image_of(config, **parts, tokenizers=tokenizers)
    image.bits = bits
    return image
