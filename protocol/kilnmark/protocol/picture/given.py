"""Pictures that another starts from or refers to: as a request gives them, and what is known of them once read.

Where their files lie decides no pixel, so that it stands beside the spec; their contents are part of it. How files are
found, read and decoded is `keymaps.pictures`' part.
"""

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

__all__ = [
    "NO_PICTURES",
    "REFERENCE_LIMIT",
    "USUAL_STRENGTH",
    "AskedPicture",
    "GivenPicture",
    "GivenPictures",
    "InlinePicture",
    "first_step",
]

REFERENCE_LIMIT = 4
"""Reference pictures that a request may give; how many a variant takes, its row says."""

USUAL_STRENGTH = 0.4
"""How much of the picture that it starts from stays where nobody says, as in mflux's command line."""


class InlinePicture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture's file within a request, for callers whose files the daemon cannot read.

    Attributes:
        data: All bytes of the file. The daemon's `inline_bytes` bounds them, and so does the longest line it takes.
    """

    data: Annotated[bytes, Meta(min_length=1)]


AskedPicture = Annotated[str, Meta(min_length=1, max_length=4096)] | InlinePicture
"""A path, absolute or below one of the daemon's image roots, or the file itself."""


class GivenPicture(NamedTuple):
    """What is known of a picture's file once it was read.

    Attributes:
        sha256: Of all its bytes, in hex.
        width, height: In pixels, once it is turned upright; 0 where nobody could look at it.
        profile: The name of its colour profile, which is not applied; empty for none, and for sRGB.
    """

    sha256: str
    width: int
    height: int
    profile: str = ""


class GivenPictures(NamedTuple):
    """Those of one request.

    Attributes:
        start: The one that it starts from; None: it starts from noise.
        references: Those that it refers to, in their order.
    """

    start: GivenPicture | None = None
    references: tuple[GivenPicture, ...] = ()


NO_PICTURES = GivenPictures()


def first_step(steps: int, strength: float) -> int:
    """How many denoise steps are left out of a picture that starts from another: the more of it stays, the more.

    The formula is that of mflux 0.24 (`Config.init_time_step`): with a strength above 0 at least one is left out, and
    with 1 all of them.
    """
    return max(1, int(steps * min(1.0, strength))) if strength > 0 else 0
