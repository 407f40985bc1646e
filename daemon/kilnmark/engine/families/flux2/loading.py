"""How a FLUX.2-klein is loaded: built as a standin."""

import hashlib

from mflux.models.common.config.model_config import ModelConfig
from mflux.models.flux2.variants.txt2img.flux2_klein import Flux2Klein

from kilnmark.engine.compute import precision
from kilnmark.engine.families.family import Origin
from kilnmark.engine.families.flux2.model import READ_LAYERS, Flux2Model
from kilnmark.engine.families.flux2.standin import RECIPE, build_standin
from kilnmark.protocol.picture.numerics import AskedCompiling, Numerics

__all__ = ["load", "model_of"]

_CONFIGS = {"flux2-klein-4b": ModelConfig.flux2_klein_4b}
"""By the name of a variant's shapes."""


def load(origin: Origin, quantize: int | None, numerics: Numerics, compiling: AskedCompiling) -> Flux2Model:  # noqa: ARG001 - exact only, and never compiled
    """As `family.Load` says."""
    ModelConfig.precision = precision()  # mflux computes in bf16 unless told otherwise
    config = _CONFIGS[origin.variant.shapes]()
    named = f"{RECIPE}:{origin.variant.shapes}"
    return model_of(build_standin(config), named)


def model_of(klein: Flux2Klein, named: str) -> Flux2Model:
    """The model of mflux's object.

    Args:
        klein: It; the layers of its text encoder that compute nothing are cut off.
        named: What its weights are known by.
    """
    klein.text_encoder.layers = klein.text_encoder.layers[: READ_LAYERS[-1]]
    return Flux2Model(klein, hashlib.sha256(named.encode()).hexdigest())
