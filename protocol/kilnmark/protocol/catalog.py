"""The variants a daemon can serve and the tiers and priorities a request can ask for.

Variants and tiers say what each sets when a request is silent.
"""

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

__all__ = ["MAX_PIXELS", "PRIORITIES", "TIERS", "VARIANTS", "Priority", "Tier", "Variant"]

Priority = Literal["high", "normal", "low"]

PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""From the first served to the last."""

MAX_PIXELS = 2048 * 2048
"""The largest picture accepted, in pixels: the four megapixels FLUX.1 can still draw coherently."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A base the daemon knows by name, and the picture it makes when neither request nor tier says otherwise.

    Attributes:
        width, height: Pixels, multiples of 16.
        steps: Denoise steps.
        guidance: Distilled guidance; `guided` tells whether the base has the embedder that reads it.
    """

    name: str
    width: int
    height: int
    steps: int
    guidance: float
    guided: bool = True


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of picture: its size in pixels, steps, guidance and the variant it was tuned for."""

    name: str
    width: int
    height: int
    steps: int = 12
    guidance: float = 3.5
    variant: str = "dev"


VARIANTS: Mapping[str, Variant] = {
    v.name: v
    for v in (
        Variant(name="standin", width=128, height=128, steps=2, guidance=3.5),
        Variant(name="dev", width=1024, height=1024, steps=12, guidance=3.5),
        Variant(name="krea-dev", width=1024, height=1024, steps=12, guidance=4.5),
        Variant(name="schnell", width=1024, height=1024, steps=4, guidance=0.0, guided=False),
    )
}

TIERS: Mapping[str, Tier] = {
    t.name: t
    for t in (
        Tier(name="scene", width=1024, height=768),
        Tier(name="portrait", width=768, height=1024),
        Tier(name="portrait_square", width=1024, height=1024),
        Tier(name="landscape", width=1024, height=768),
        Tier(name="cartography", width=1024, height=1024, steps=20),
        Tier(name="tactical_map", width=1024, height=1024),
        Tier(name="text_overlay", width=768, height=512, steps=4, guidance=0.0, variant="schnell"),
        Tier(name="encounter", width=1024, height=768),
        Tier(name="creature", width=1024, height=1024),
    )
}
