"""What mflux has for Z-Image: its classes, its readers, and the configs of its variants."""

from collections.abc import Mapping

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.z_image.model.z_image_text_encoder.text_encoder import TextEncoder
from mflux.models.z_image.model.z_image_transformer.transformer import ZImageTransformer
from mflux.models.z_image.variants.z_image import ZImage
from mflux.models.z_image.weights.z_image_weight_definition import ZImageWeightDefinition
from mlx import nn

from kilnmark.engine.families.family import Origin
from kilnmark.engine.families.library.loading import Kit, loaded
from kilnmark.engine.families.z_image.model import ZImageModel
from kilnmark.engine.families.z_image.parts import vae_of_widths, z_image_of
from kilnmark.engine.families.z_image.sizes import sizes_of
from kilnmark.engine.families.z_image.standin import RECIPE, build_standin
from kilnmark.keymaps.files.weights import Weights
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics

__all__ = ["KIT", "load"]


def load(origin: Origin, quantize: int | None, numerics: Numerics, compiling: AskedCompiling) -> ZImageModel:  # noqa: ARG001 - exact only, and never compiled
    """As `family.Load` says."""
    return ZImageModel(*loaded(KIT, origin, quantize), guided=origin.variant.guided)


def _fetched(config: ModelConfig, quantize: int | None) -> ZImage:
    return ZImage(model_config=config, quantize=quantize)


def _parts(weights: Weights) -> Mapping[str, nn.Module]:
    sizes = sizes_of(weights)
    return {
        "vae": vae_of_widths(sizes.decoder, sizes.encoder),
        "transformer": ZImageTransformer(**sizes.transformer),
        "text_encoder": TextEncoder(**sizes.text_encoder),
    }


KIT = Kit(
    configs={
        "z-image-turbo": ModelConfig.z_image_turbo,
        "z-image": ModelConfig.z_image,
        "standin:z-image-turbo": ModelConfig.z_image_turbo,
    },
    fetch=_fetched,
    parts=_parts,
    definition=ZImageWeightDefinition,
    assemble=z_image_of,
    standin=build_standin,
    recipe=lambda _: RECIPE,
)
"""A directory is built as wide and deep as it is."""
