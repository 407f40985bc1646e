"""What mflux has for Qwen-Image-2.1: its classes, its readers, and the config of its variant.

Whoever saves one with mflux's command line saves it with what it edits pictures by, which mflux's own loader leaves out
again; so directories are read by that loader, part by part.
"""

from collections.abc import Mapping
from types import SimpleNamespace

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.qwen21.model.qwen21_text_encoder.qwen21_text_encoder import Qwen21TextEncoder
from mflux.models.qwen21.model.qwen21_transformer.qwen21_transformer import Qwen21Transformer
from mflux.models.qwen21.qwen21_initializer import Qwen21Initializer
from mflux.models.qwen21.variants.txt2img.qwen_image_21 import QwenImage21
from mflux.models.qwen21.weights.qwen21_weight_definition import Qwen21WeightDefinition
from mlx import nn

from kilnmark.engine.families.family import Origin
from kilnmark.engine.families.library.loading import Kit, loaded
from kilnmark.engine.families.qwen_image.model import QwenImageModel
from kilnmark.engine.families.qwen_image.parts import qwen_of, vae_of_width
from kilnmark.engine.families.qwen_image.sizes import sizes_of
from kilnmark.engine.families.qwen_image.standin import RECIPE, build_standin
from kilnmark.keymaps.files.weights import Weights
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics

__all__ = ["KIT", "load"]


def load(origin: Origin, quantize: int | None, numerics: Numerics, compiling: AskedCompiling) -> QwenImageModel:  # noqa: ARG001 - exact only, and never compiled
    """As `family.Load` says."""
    return QwenImageModel(*loaded(KIT, origin, quantize), guided=origin.variant.guided)


def _fetched(config: ModelConfig, quantize: int | None) -> QwenImage21:
    return QwenImage21(model_config=config, quantize=quantize)


def _parts(weights: Weights) -> Mapping[str, nn.Module]:
    sizes = sizes_of(weights)
    return {
        "vae": vae_of_width(sizes.decoder, sizes.encoder),
        "transformer": Qwen21Transformer(**sizes.transformer),
        "text_encoder": Qwen21TextEncoder(**sizes.text_encoder),
    }


def _filled(weights: Weights, parts: Mapping[str, nn.Module], quantize: int | None) -> int | None:
    holder = SimpleNamespace(**parts)
    Qwen21Initializer.load_components(holder, weights.path, Qwen21WeightDefinition, quantize)
    bits: int | None = holder.bits
    return bits


KIT = Kit(
    configs={
        "qwen-image-2.1": ModelConfig.qwen_image_21,
        "standin:qwen-image-2.1": ModelConfig.qwen_image_21,
    },
    fetch=_fetched,
    parts=_parts,
    definition=Qwen21WeightDefinition,
    assemble=qwen_of,
    standin=build_standin,
    recipe=lambda _: RECIPE,
    fill=_filled,
)
"""A directory is built as wide and deep as it is."""
