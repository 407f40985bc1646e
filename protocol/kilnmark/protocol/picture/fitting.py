"""How a reference picture is fitted before a model reads it: to which size it is scaled, and how much of it is kept.

Sizes alone; nothing is decoded here. What is not read as it is in its file is told to whoever asked.
"""

import math
from typing import NamedTuple

from kilnmark.protocol.picture.family import Fitting
from kilnmark.protocol.picture.spec import PictureSize

__all__ = ["LARGEST_AREA", "MULTIPLE", "Fitted", "fitted", "how_fitted"]

LARGEST_AREA = 1024 * 1024
"""Of a reference in its own size, in pixels (`MAX_REFERENCE_AREA` in mflux 0.24)."""

MULTIPLE = 16
"""Of what is kept of such a side, in pixels: a token's."""

_UNSEEN = 0.01
"""By how much proportions change by rounding alone."""


class Fitted(NamedTuple):
    """What is read of a reference.

    Attributes:
        scaled: The size that it is scaled to.
        kept: Of that the middle is read, where it is smaller.
    """

    scaled: PictureSize
    kept: PictureSize

    @property
    def tokens(self) -> int:
        """That stand for it, beside those of the picture that is painted."""
        return (self.kept.width // MULTIPLE) * (self.kept.height // MULTIPLE)


def fitted(own: PictureSize, asked: PictureSize, fitting: Fitting) -> Fitted:
    """What is read of a reference; as mflux 0.24 has it for both ways.

    Args:
        own: Its size.
        asked: That of the picture that is to be painted.
        fitting: What its family does.

    Raises:
        ValueError: Nothing of it would be left.
    """
    if fitting == "asked":
        return Fitted(asked, asked)
    scale = math.sqrt(LARGEST_AREA / (own.width * own.height))
    scaled = PictureSize(round(own.width * scale), round(own.height * scale)) if scale < 1 else own
    kept = PictureSize(scaled.width // MULTIPLE * MULTIPLE, scaled.height // MULTIPLE * MULTIPLE)
    if not (kept.width and kept.height):
        raise ValueError(
            f"{_words(own)} is less than {MULTIPLE} pixels a side once it is scaled to a megapixel at most"
        )
    return Fitted(scaled, kept)


def how_fitted(own: PictureSize, read: Fitted) -> str:
    """What is not read of a reference as it is in its file, for people; empty where all of it is."""
    scaled, kept = read
    ways = []
    if scaled != own:
        bent = abs(scaled.width * own.height / (scaled.height * own.width) - 1) > _UNSEEN
        ways.append(f"{'stretched' if bent else 'scaled'} to {_words(scaled)}")
    if kept != scaled:
        ways.append(f"cut to the middle {_words(kept)}")
    return f"has {_words(own)} pixels and was {' and '.join(ways)}" if ways else ""


def _words(size: PictureSize) -> str:
    return f"{size.width} x {size.height}"
