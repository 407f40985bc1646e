"""A picture's pixels, by Pillow within limits of our own: upright, opaque, in 8 bits of red, green and blue.

Formats are few on purpose, since each is a reader of bytes from outside. Pillow is
imported when a picture is looked at: most commands look at none.
"""

import importlib.util
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.keymaps.pictures.file import PictureFile
from kilnmark.protocol.picture.given import GivenPicture
from kilnmark.protocol.printable import printable

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["FORMATS", "GROUND", "PIXEL_LIMIT", "PictureForm", "can_decode", "decoded", "decoded_with_form", "glimpsed"]

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""Those that are read, by Pillow's names."""

PIXEL_LIMIT = 50_000_000
"""Of the largest picture that is decoded, in pixels: 150 MB of memory."""

GROUND = (255, 255, 255)
"""What shows through where a picture is transparent: white, as in mflux."""

_TURNED = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""
_MEANT = range(2, 9)
"""Those that change anything."""
_ORIENTATION = 0x0112
_SIXTEEN_BITS = "I;16"
"""How Pillow's modes begin that have one channel of 16 bits."""
_DEEP = ("I", "F")
_PNG_DEPTH = 24
"""Where a PNG has its bits a channel: in the first chunk, after its signature, name, width and height."""
_SEVERAL_BY_DESIGN = "MPO"
"""A photograph of a camera with smaller copies of it, or a depth map, behind it; the first is the photograph."""

_mend = "give one picture as PNG, JPEG, WebP, GIF or BMP"
_filters = threading.Lock()
"""Python's filters of warnings belong to the process."""


def can_decode() -> bool:
    """Whether Pillow is installed."""
    return importlib.util.find_spec("PIL") is not None


def glimpsed(file: PictureFile) -> GivenPicture:
    """What is known of it without decoding a pixel: its size once it is turned upright, and its colour profile.

    Raises:
        RefusedPicture: It is no such picture, or too large.
    """
    with _refusing(file.path), _opened(file) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION, 1) in _TURNED:
            width, height = height, width
        return GivenPicture(file.sha256, width, height, _profile(image))


def _profile(image: "Image") -> str:
    """The name of its colour profile; empty where it has none, or is in sRGB."""
    from PIL import ImageCms

    described = image.info.get("icc_profile")
    if not described:
        return ""
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(described)))
    except (ImageCms.PyCMSError, OSError):
        return "unreadable"
    return "" if "srgb" in name.casefold() else printable(name.strip()[:80]) or "unnamed"


class PictureForm(NamedTuple):
    """How a picture stands in its file, before it is brought to 8 bits of red, green and blue.

    Attributes:
        format: Pillow's name of it.
        mode: Pillow's name of its channels.
        deep: It has 16 bits a channel, of which the upper 8 are kept.
        clear: It has transparency.
        turned: It is stored lying, or mirrored, and told so by EXIF.
        profile: The name of its colour profile; empty where it has none, or is in sRGB.
    """

    format: str
    mode: str
    deep: bool
    clear: bool
    turned: bool
    profile: str


def decoded(file: PictureFile) -> "Image":
    """All its pixels, in mode RGB.

    What is transparent shows `GROUND`; of 16 bits a channel the upper 8 are kept; colour profiles are not applied, as
    in mflux.

    Raises:
        RefusedPicture: It is no such picture, too large, cut short, or has no pixels that can be shown in 8 bits.
    """
    return decoded_with_form(file)[0]


def decoded_with_form(file: PictureFile) -> "tuple[Image, PictureForm]":
    """The same, and how it stands in its file.

    Raises:
        RefusedPicture: As `decoded` does.
    """
    from PIL import ImageOps

    with _refusing(file.path), _opened(file) as image:
        form = _form(image, file)
        image.load()
        return _opaque(ImageOps.exif_transpose(_in_8_bits(image, file.path))), form


def _form(image: "Image", file: PictureFile) -> PictureForm:
    """From its header; Pillow's mode of a PNG in colours of 16 bits is that of one of 8."""
    deep = image.mode.startswith(_SIXTEEN_BITS) or (image.format == "PNG" and file.data[_PNG_DEPTH] == 16)  # noqa: PLR2004
    turned = image.getexif().get(_ORIENTATION, 1) in _MEANT
    return PictureForm(image.format or "", image.mode, deep, image.has_transparency_data, turned, _profile(image))


@contextmanager
def _refusing(path: str) -> Iterator[None]:
    """Pillow's readers raise whatever they meet in bytes that are not what they should be."""
    try:
        yield
    except RefusedPicture:
        raise
    except Exception as error:
        said = str(error) or type(error).__name__
        problem = f"cannot be read as a picture ({said[:200]})"
        raise RefusedPicture(path, problem, _mend) from error


@contextmanager
def _opened(file: PictureFile) -> "Iterator[Image]":
    """By its header, and within the limits."""
    from PIL import Image, UnidentifiedImageError

    try:
        with _filters, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is far below Pillow's
            image = Image.open(io.BytesIO(file.data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise RefusedPicture(file.path, "is no picture of a kind that is read", _mend) from error
    except Image.DecompressionBombError as error:
        raise _too_large(file.path, str(error)) from error
    with image:
        if image.width * image.height > PIXEL_LIMIT:
            raise _too_large(file.path, f"{image.width} x {image.height}")
        if getattr(image, "is_animated", False) and image.format != _SEVERAL_BY_DESIGN:
            problem = f"has {getattr(image, 'n_frames', 2)} frames"
            raise RefusedPicture(file.path, problem, "save the one that is meant as a picture of its own")
        yield image


def _too_large(path: str, size: str) -> RefusedPicture:
    problem = f"has more than {PIXEL_LIMIT:,} pixels ({size})"
    return RefusedPicture(path, problem, "make it smaller; it is brought to the size of the render anyway")


def _in_8_bits(image: "Image", path: str) -> "Image":
    import numpy as np
    from PIL import Image

    if image.mode.startswith(_SIXTEEN_BITS):
        deep = np.asarray(image)
        grey = Image.fromarray((deep >> 8).astype(np.uint8))
        clear = image.info.get("transparency")  # the one shade that is, in 16 bits
        if clear is not None:
            grey.putalpha(Image.fromarray(np.where(deep == clear, 0, 255).astype(np.uint8)))
        grey.info["exif"] = image.getexif().tobytes()
        return grey
    if image.mode in _DEEP:
        problem = f"has pixels of 32 bits (Pillow's mode {image.mode})"
        raise RefusedPicture(path, problem, "save it with 8 bits a channel")
    return image


def _opaque(image: "Image") -> "Image":
    """On `GROUND` where it is transparent. Bit for bit what mflux 0.24 makes of it (`ImageUtil.load_image`)."""
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, (*GROUND, 255)), clear).convert("RGB")
