"""What mflux has for Krea 2: its classes, its readers, and the configs of its variants.

mflux reads the transformer from one file beside the folders, from its folder in diffusers' names, or from files beside
the folders that it saved itself; a directory that has it twice is refused, since nobody can tell which is meant.
"""

from collections.abc import Mapping
from pathlib import Path

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.krea2.model.krea2_text_encoder.text_encoder import Krea2TextEncoder
from mflux.models.krea2.model.krea2_transformer.transformer import Krea2Transformer
from mflux.models.krea2.variants.txt2img.krea2 import Krea2
from mflux.models.krea2.weights.krea2_weight_definition import Krea2WeightDefinition
from mlx import nn

from kilnmark.engine.families.family import BaseUnavailable, Origin
from kilnmark.engine.families.krea2.model import Krea2Model
from kilnmark.engine.families.krea2.parts import krea_of, vae_of_widths, without_idle_layers
from kilnmark.engine.families.krea2.sizes import sizes_of
from kilnmark.engine.families.krea2.standin import RECIPE, build_standin
from kilnmark.engine.families.library.loading import Kit, loaded
from kilnmark.keymaps.files.weights import Weights
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics

__all__ = ["KIT", "load"]


def load(origin: Origin, quantize: int | None, numerics: Numerics, compiling: AskedCompiling) -> Krea2Model:  # noqa: ARG001 - exact only, and never compiled
    """As `family.Load` says."""
    return Krea2Model(*loaded(KIT, origin, quantize), guided=origin.variant.guided)


def _fetched(config: ModelConfig, quantize: int | None) -> Krea2:
    krea = Krea2(model_config=config, quantize=quantize)
    krea.text_encoder = without_idle_layers(krea.text_encoder)
    return krea


def _parts(weights: Weights) -> Mapping[str, nn.Module]:
    _refuse_two_transformers(weights)
    sizes = sizes_of(weights)
    return {
        "vae": vae_of_widths(sizes.decoder, sizes.encoder),
        "transformer": Krea2Transformer(**sizes.transformer),
        "text_encoder": Krea2TextEncoder(**sizes.text_encoder),
    }


def _refuse_two_transformers(weights: Weights) -> None:
    """Mflux prefers its own files beside the folders to the folder; what stands here was read from the folder."""
    read = {Path(header.path).parent for header in weights.headers["transformer"]}
    beside = sorted(weights.path.glob("*.safetensors"))
    if beside and weights.path not in read:
        both = f"{weights.path} holds a transformer in its folder and {beside[0].name} beside it"
        raise BaseUnavailable(f"{both}; take one of them away")


KIT = Kit(
    configs={
        "krea-2": ModelConfig.krea2,
        "krea-2-raw": ModelConfig.krea2_raw,
        "standin:krea-2": ModelConfig.krea2,
    },
    fetch=_fetched,
    parts=_parts,
    definition=Krea2WeightDefinition,
    assemble=krea_of,
    standin=build_standin,
    recipe=lambda _: RECIPE,
    unmapped=("text_encoder",),
)
"""A directory is built as wide and deep as it is."""
