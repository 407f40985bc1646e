"""The woodcut style: ink lines of a knife on warm paper, closer and thicker where the scene is darker, and a contour
around every mass. Colour is gone but for one faint tint.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw

from scripts.mini.draw import neutral
from scripts.mini.draw.sheet import Colour, Role, Shape, Sheet, mix

__all__ = ["paint"]

PAPER = (244, 234, 208)
INK = (38, 28, 26)
ANGLES: dict[Role, float] = {"sky": 0.0, "land": 0.35, "mass": 1.25, "detail": -0.8, "light": 0.0, "air": 0.0}
"""Directions of the knife in radians from level, for each thing that the eye tells apart."""
PERIOD = 0.030
"""From one line to the next, in heights of the picture."""
LEVELS = 9
CONTOUR = 0.008


def paint(sheet: Sheet, size: int) -> Image.Image:
    """The picture, `size` by `size` pixels, RGB."""
    wide = neutral.oversampled(size)
    canvas = Image.new("RGB", (wide, wide), PAPER)
    for shape in sheet.shapes:
        if shape.kind != "glow":
            _cut(canvas, shape, wide)
    return canvas.resize((size, size), Image.Resampling.BOX)


def _cut(canvas: Image.Image, shape: Shape, wide: int) -> None:
    """Lay the shape's faint tint over what is there, then its hatching, then its contour."""
    box, mask = neutral.cover(shape, wide)
    if box[2] <= box[0] or box[3] <= box[1]:
        return
    if shape.role == "air" and shape.kind == "polygon":
        canvas.paste(PAPER, box, mask.point(lambda value: 70 if value else 0))
        return
    mask = mask.point(lambda value: 255 if value > 60 else 0)
    dark = _darkness(shape.colour)
    if shape.role == "light" or shape.kind == "line":
        canvas.paste(INK if dark > 0.5 and shape.role != "light" else PAPER, box, mask)
    else:
        canvas.paste(_tint(shape.colour), box, mask)
        canvas.paste(INK, box, ImageChops.multiply(mask, _hatching(shape, box, wide)))
    if shape.role in ("mass", "land", "light") and shape.kind in ("polygon", "disc"):
        _contour(canvas, shape, wide)


def _tint(colour: Colour) -> tuple[int, int, int]:
    """The paper with a breath of the colour on it."""
    paper = tuple(value / 255 for value in PAPER)
    return neutral.rgb8(mix(paper, mix(colour, paper, 0.25), 0.42))  # type: ignore[arg-type]


def _hatching(shape: Shape, box: tuple[int, int, int, int], wide: int) -> Image.Image:
    """Where in the box the shape's lines are (L), thicker as the shape is darker."""
    top, angle = _darkness(shape.colour), ANGLES[shape.role]
    if shape.bottom is None:
        return _lines(wide, angle, round(top * LEVELS)).crop(box)
    extent = shape.box()
    rows = (np.arange(box[1], box[3]) / wide - extent[1]) / max(0.01, extent[3] - extent[1])
    darkness = top + (_darkness(shape.bottom) - top) * np.clip(rows, 0, 1)
    return _inked(_wave(wide, angle)[box[1] : box[3], box[0] : box[2]] < darkness[:, None])


def _darkness(colour: Colour) -> float:
    """How much of the paper the ink covers, 0 to 0.8, by the colour's lightness."""
    red, green, blue = colour
    lightness = 0.30 * red + 0.55 * green + 0.15 * blue
    return float(np.clip(0.80 - 1.05 * lightness**0.75, 0.0, 0.66))


@cache
def _wave(wide: int, angle: float) -> npt.NDArray[np.float32]:
    """0 in the middle of every line of the knife, 1 between two, slightly unsteady."""
    y, x = np.mgrid[0:wide, 0:wide].astype(np.float32) / wide
    across = y * np.cos(angle) - x * np.sin(angle)
    along = x * np.cos(angle) + y * np.sin(angle)
    unsteady = 0.0035 * np.sin(17 * along + 31 * across) + 0.002 * np.sin(43 * along - 12 * across)
    phase = (across + unsteady) / PERIOD
    wave: npt.NDArray[np.float32] = np.abs(2.0 * (phase - np.floor(phase)) - 1.0)
    return wave


@cache
def _lines(wide: int, angle: float, level: int) -> Image.Image:
    return _inked(_wave(wide, angle) < level / LEVELS)


def _inked(ink: npt.NDArray[np.bool_]) -> Image.Image:
    return Image.fromarray(ink.astype(np.uint8) * 255)


def _contour(canvas: Image.Image, shape: Shape, wide: int) -> None:
    draw, width = ImageDraw.Draw(canvas), max(1, round(CONTOUR * wide))
    points = [(x * wide, y * wide) for x, y in shape.points]
    ink = INK if shape.role != "light" else neutral.rgb8(mix((0.15, 0.11, 0.10), (0.95, 0.92, 0.81), 0.25))
    if shape.kind == "disc":
        (x, y), radius = points[0], shape.size * wide
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=ink, width=width)
    else:
        draw.line([*points, points[0]], fill=ink, width=width, joint="curve")
