"""Pictures as they leave the machine: pixels alone, no larger than a judge looks at.

What a camera or a program wrote into a file beside its pixels (where it was taken, what it was asked for with) stays
here.
"""

import io
from pathlib import Path

from kilnmark.lab.judging.errors import NothingToJudge
from kilnmark.lab.judging.talk import Photo

__all__ = ["photo_of"]

_LONGEST = 1024
"""Pixels of the longer side: what vision models look at; more is paid and shrunk at the other end."""
_QUALITY = 95


def photo_of(path: Path, told_as: str) -> Photo:
    """A picture as it is sent.

    Args:
        path: Its file.
        told_as: What it is called, for whoever is told what leaves the machine.

    Raises:
        NothingToJudge: It cannot be read, or is no picture.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise NothingToJudge(
            f"{told_as} cannot be read as a picture ({error})", "put it back, or name others"
        ) from error
    upright.thumbnail((_LONGEST, _LONGEST))
    sent = io.BytesIO()
    Image.frombytes("RGB", upright.size, upright.tobytes()).save(sent, "JPEG", quality=_QUALITY, subsampling=0)
    return Photo(told_as, sent.getvalue())
