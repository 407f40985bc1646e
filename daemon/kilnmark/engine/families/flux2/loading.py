"""What mflux has for FLUX.2-klein: its classes, its readers, and the configs of its variants.

Layers of the text encoder that compute nothing are left on disk.
"""

from collections.abc import Mapping

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder
from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein
from mflux.models.flux2.weights.flux2_weight_definition import Flux2KleinWeightDefinition
from mlx import nn

from kilnmark.engine.families.family import Origin
from kilnmark.engine.families.flux2.mini import build_told
from kilnmark.engine.families.flux2.model import Flux2Model
from kilnmark.engine.families.flux2.parts import klein_of, vae_of, without_idle_layers
from kilnmark.engine.families.flux2.sizes import sizes_of
from kilnmark.engine.families.flux2.standin import RECIPE, build_standin
from kilnmark.engine.families.library.loading import Kit, loaded
from kilnmark.keymaps.files.weights import Weights
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics

__all__ = ["KIT", "load"]


def load(origin: Origin, quantize: int | None, numerics: Numerics, compiling: AskedCompiling) -> Flux2Model:  # noqa: ARG001 - exact only, and never compiled
    """As `family.Load` says."""
    return Flux2Model(*loaded(KIT, origin, quantize), guided=origin.variant.guided)


def _fetched(config: ModelConfig, quantize: int | None) -> Flux2Klein:
    klein = Flux2Klein(model_config=config, quantize=quantize)
    klein.text_encoder = without_idle_layers(klein.text_encoder)
    return klein


def _parts(weights: Weights) -> Mapping[str, nn.Module]:
    if weights.variant.shipped:
        return build_told(weights)
    sizes = sizes_of(weights)
    return {
        "vae": vae_of(sizes.decoder, sizes.encoder),
        "transformer": Flux2Transformer(**sizes.transformer),
        "text_encoder": Qwen3TextEncoder(**sizes.text_encoder),
    }


KIT = Kit(
    configs={
        "flux2-klein-4b": ModelConfig.flux2_klein_4b,
        "flux2-klein-9b": ModelConfig.flux2_klein_9b,
        "flux2-klein-base-4b": ModelConfig.flux2_klein_base_4b,
        "flux2-klein-base-9b": ModelConfig.flux2_klein_base_9b,
        "standin:flux2-klein-4b": ModelConfig.flux2_klein_4b,
        "standin:flux2-klein-9b": ModelConfig.flux2_klein_9b,
        "mini": ModelConfig.flux2_klein_4b,
    },
    fetch=_fetched,
    parts=_parts,
    definition=Flux2KleinWeightDefinition,
    assemble=klein_of,
    standin=build_standin,
    recipe=lambda variant: f"{RECIPE}:{variant.shapes}",
)
"""A directory is built as wide and deep as it is, by its headers or, if it is `mini`'s, by what stands beside them."""
