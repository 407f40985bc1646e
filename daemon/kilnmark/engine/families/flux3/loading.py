"""What mflux has for FLUX.3-klein: its classes, its readers, and the configs of its variants.

Layers of the text encoder that compute nothing are left on disk.
"""

from collections.abc import Mapping
from dataclasses import replace

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE
from mflux.models.flux3.model.flux3_transformer.flux3_transformer import Flux3Transformer
from mflux.models.flux3.variants.txt2img.flux3_klein import Flux3Klein
from mflux.models.flux3.weights.flux3_weight_definition import (
    Flux3KleinBaseWeightDefinition,
    Flux3KleinWeightDefinition,
)
from mlx import nn

from kilnmark.engine.families.family import Origin
from kilnmark.engine.families.flux3.model import Flux3Model
from kilnmark.engine.families.flux3.parts import klein_of
from kilnmark.engine.families.flux3.sizes import sizes_of
from kilnmark.engine.families.flux3.standin import RECIPE, build_standin
from kilnmark.engine.families.library.loading import Kit, loaded
from kilnmark.keymaps.files.weights import Weights
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics

__all__ = ["KIT", "load"]


def load(origin: Origin, quantize: int | None, numerics: Numerics, compiling: AskedCompiling) -> Flux3Model:  # noqa: ARG001 - exact only, and never compiled
    """As `family.Load` says."""
    kit = _BASE_KIT if origin.variant.guided else KIT
    return Flux3Model(*loaded(kit, origin, quantize), guided=origin.variant.guided)


def _fetched(config: ModelConfig, quantize: int | None) -> Flux3Klein:
    return Flux3Klein(model_config=config, quantize=quantize)


def _parts(weights: Weights) -> Mapping[str, nn.Module]:
    sizes = sizes_of(weights)
    return {
        "vae": Flux2VAE(decoder_block_out_channels=sizes.vae),
        "transformer": Flux3Transformer(**sizes.transformer),
        "text_encoder": Qwen3TextEncoder(**sizes.text_encoder),
    }


KIT = Kit(
    configs={
        "flux3-klein": ModelConfig.flux3_image_klein,
        "flux3-klein-base": ModelConfig.flux3_image_klein_base,
        "standin:flux3-klein": ModelConfig.flux3_image_klein,
    },
    fetch=_fetched,
    parts=_parts,
    definition=Flux3KleinWeightDefinition,
    assemble=klein_of,
    standin=build_standin,
    recipe=lambda _: RECIPE,
)
"""A directory is built as wide and deep as it is."""

_BASE_KIT = replace(KIT, definition=Flux3KleinBaseWeightDefinition)
"""Of the variant that was not distilled, which embeds no target time."""
