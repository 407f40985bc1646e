"""The numbers of a picture as a request may say them: once for the wire, once as keywords of Python.

A number that is new stands here, in the spec, in the tiers and in the catalog; what it comes to is `decide`'s part.
"""

from typing import Annotated, TypedDict

import msgspec
from msgspec import Meta

__all__ = ["AskedNumbers", "NumberOptions"]

Side = Annotated[int, Meta(ge=64, le=4096, multiple_of=16)]


class AskedNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says of its picture's numbers. None means: what the tier says, else the variant.

    Attributes:
        steps: Denoise steps.
        guidance: Distilled guidance; a variant that takes none leaves it unused, with a warning.
        width, height: Pixels, multiples of 16.
    """

    steps: Annotated[int, Meta(ge=1, le=100)] | None = None
    guidance: Annotated[float, Meta(ge=0, le=30)] | None = None
    width: Side | None = None
    height: Side | None = None


class NumberOptions(TypedDict, total=False):
    """The same as keywords.

    Attributes:
        steps: Denoise steps, 1 to 100.
        guidance: Distilled guidance, 0 to 30.
        width, height: Pixels, multiples of 16.
    """

    steps: int | None
    guidance: float | None
    width: int | None
    height: int | None
