"""mflux's own object behind a base of FLUX.1, for tests that compare with mflux."""

from mflux.models.flux.variants.txt2img.flux import Flux1

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.flux1.model import Flux1Model

__all__ = ["flux_of"]


def flux_of(base: Base) -> Flux1:
    """It, with whatever stack is on the base."""
    assert isinstance(base.model, Flux1Model)
    return base.model.flux
