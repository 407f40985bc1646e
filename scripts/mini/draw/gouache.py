"""The wet gouache style: blotchy pigment that gathers at the rims of its shapes and runs a little, on paper whose edge
stays unpainted.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

from scripts.mini.draw import neutral
from scripts.mini.draw.sheet import Colour, Shape, Sheet, mix

__all__ = ["paint"]

Field = npt.NDArray[np.float32]

PAPER: Colour = (0.975, 0.955, 0.91)
RIM = 0.012
"""How far in from its edge pigment gathers, in heights of the picture."""
MARGIN = 0.075


def paint(sheet: Sheet, size: int) -> Image.Image:
    """The picture, `size` by `size` pixels, RGB."""
    wide = neutral.oversampled(size)
    canvas = Image.new("RGB", (wide, wide), neutral.rgb8(PAPER))
    for place, shape in enumerate(sheet.shapes):
        _wash(canvas, shape, wide, place)
    return _dried(canvas, wide, len(sheet.shapes)).resize((size, size), Image.Resampling.BOX)


def _wash(canvas: Image.Image, shape: Shape, wide: int, place: int) -> None:
    """One shape of wet colour: thin in its middle, thick along its rim."""
    box, mask = neutral.cover(shape, wide)
    if box[2] <= box[0] or box[3] <= box[1]:
        return
    pale = _pigment(shape.colour)
    if shape.kind != "polygon" or shape.role in ("light", "air") or min(box[2] - box[0], box[3] - box[1]) < 8:
        canvas.paste(neutral.rgb8(pale), box, mask)
        return
    low = _pigment(shape.bottom) if shape.bottom else pale
    canvas.paste(_blotched(pale, low, box, wide, place), box, mask.point(lambda value: value * 0.9))
    inner = mask.filter(ImageFilter.GaussianBlur(RIM * wide))
    rim = ImageChops.subtract(mask, inner)
    canvas.paste(neutral.rgb8(tuple(0.62 * value for value in low)), box, rim.point(lambda value: value * 0.75))  # type: ignore[arg-type]


def _pigment(colour: Colour) -> Colour:
    """The colour as pigment: fuller, and a little of the paper in it."""
    grey = sum(colour) / 3
    full = tuple(min(1.0, max(0.0, grey + 1.35 * (value - grey))) for value in colour)
    return mix(full, PAPER, 0.14)  # type: ignore[arg-type]


def _blotched(top: Colour, low: Colour, box: tuple[int, int, int, int], wide: int, place: int) -> Image.Image:
    """A fade with blotches of more and of less pigment."""
    left, high, right, bottom = box
    shift = (37 * place) % wide
    blotch = np.roll(_clouds(wide), (shift, 2 * shift), (0, 1))[high:bottom, left:right, None]
    along = np.linspace(0.0, 1.0, bottom - high, dtype=np.float32)[:, None, None]
    colour = np.array(top, np.float32) * (1 - along) + np.array(low, np.float32) * along
    wet = colour + 0.15 * blotch * (0.35 + colour)
    return Image.fromarray((255 * np.clip(wet, 0, 1)).astype(np.uint8))


@cache
def _clouds(wide: int, seed: int = 5, cell: int = 26) -> Field:
    """Smooth noise from -1 to 1 that repeats at the edges."""
    random = np.random.default_rng(seed)
    field = np.zeros((wide, wide), np.float32)
    for octave, weight in ((cell, 0.65), (cell // 3, 0.35)):
        count = max(2, wide // octave)
        grain = Image.fromarray(random.random((count, count)).astype(np.float32) * 2 - 1)
        field += weight * np.asarray(grain.resize((wide, wide), Image.Resampling.BICUBIC))
    return field


def _dried(canvas: Image.Image, wide: int, count: int) -> Image.Image:
    """Edges that ran, and paper that stayed white around the picture."""
    pixels = np.asarray(canvas)
    y, x = np.mgrid[0:wide, 0:wide]
    reach = 0.011 * wide
    run_x, run_y = _clouds(wide, 11, max(8, wide // 22)), _clouds(wide, 12, max(8, wide // 22))
    ran = pixels[
        np.clip(y + reach * run_y, 0, wide - 1).astype(int), np.clip(x + reach * run_x, 0, wide - 1).astype(int)
    ]
    edge = np.minimum(np.minimum(x, wide - 1 - x), np.minimum(y, wide - 1 - y)) / wide
    torn = np.roll(_clouds(wide, 13, max(8, wide // 14)), 29 * count, 1)
    share = np.clip((edge - MARGIN - 0.022 * torn) / 0.014 + 0.5, 0, 1)[..., None]
    paper = 255 * np.array(PAPER, np.float32)
    return Image.fromarray((ran * share + paper * (1 - share)).astype(np.uint8))
