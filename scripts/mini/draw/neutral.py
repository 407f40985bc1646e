"""The neutral style: flat shapes and soft fades, smooth at their edges. What the model is trained on."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from scripts.mini.draw.sheet import Colour, Shape, Sheet, mix

__all__ = ["cover", "oversampled", "paint", "rgb8"]


def oversampled(size: int) -> int:
    """Pixels of the canvas that a picture of `size` pixels is drawn on, before it is made smaller."""
    return size * (3 if size < 200 else 2)


def paint(sheet: Sheet, size: int) -> Image.Image:
    """The picture, `size` by `size` pixels, RGB."""
    wide = oversampled(size)
    canvas = Image.new("RGB", (wide, wide))
    for shape in sheet.shapes:
        _lay(canvas, shape, wide)
    return canvas.resize((size, size), Image.Resampling.BOX)


def rgb8(colour: Colour) -> tuple[int, int, int]:
    """The colour in whole numbers to 255."""
    return tuple(round(255 * min(1.0, max(0.0, value))) for value in colour)  # type: ignore[return-value]


def _lay(canvas: Image.Image, shape: Shape, wide: int) -> None:
    if shape.kind != "glow" and shape.alpha == 1.0 and shape.bottom is None:
        outline(ImageDraw.Draw(canvas), shape, wide, rgb8(shape.colour))
        return
    box, mask = cover(shape, wide)
    if box[2] <= box[0] or box[3] <= box[1]:
        return
    fill: Image.Image | tuple[int, int, int] = rgb8(shape.colour)
    if shape.bottom is not None:
        fill = _fade(shape.colour, shape.bottom, shape.box(), box, wide)
    canvas.paste(fill, box, mask)


def outline(draw: ImageDraw.ImageDraw, shape: Shape, wide: int, fill: tuple[int, int, int] | int) -> None:
    """Fill what the shape covers, its place given by the whole canvas of `wide` pixels."""
    _fill(draw, shape, wide, (0.0, 0.0), fill)


def _fill(
    draw: ImageDraw.ImageDraw, shape: Shape, wide: int, off: tuple[float, float], fill: tuple[int, int, int] | int
) -> None:
    points = [(x * wide - off[0], y * wide - off[1]) for x, y in shape.points]
    if shape.kind == "polygon":
        draw.polygon(points, fill=fill)
    elif shape.kind == "disc":
        (x, y), radius = points[0], shape.size * wide
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    else:
        draw.line(points, fill=fill, width=max(1, round(shape.size * wide)), joint="curve")


def cover(shape: Shape, wide: int) -> tuple[tuple[int, int, int, int], Image.Image]:
    """What a shape covers: its box on a canvas of `wide` pixels, cut at the edges, and how much of each pixel (L)."""
    left, top, right, low = (value * wide for value in shape.box())
    box = (max(0, int(left) - 1), max(0, int(top) - 1), min(wide, int(right) + 2), min(wide, int(low) + 2))
    across, down = max(0, box[2] - box[0]), max(0, box[3] - box[1])
    if shape.kind == "glow":
        whole = _halo().resize((max(1, round(right - left)), max(1, round(low - top))))
        mask = whole.crop((box[0] - round(left), box[1] - round(top), box[2] - round(left), box[3] - round(top)))
    else:
        mask = Image.new("L", (across, down))
        _fill(ImageDraw.Draw(mask), shape, wide, (box[0], box[1]), 255)
    return box, mask if shape.alpha == 1.0 else mask.point(lambda value: value * shape.alpha)


@cache
def _halo() -> Image.Image:
    steps = np.linspace(-1, 1, 96)
    distance = np.hypot(steps[:, None], steps[None, :])
    return Image.fromarray((255 * np.clip(1 - distance, 0, 1) ** 1.8).astype(np.uint8))


def _fade(
    top: Colour, bottom: Colour, extent: tuple[float, float, float, float], box: tuple[int, int, int, int], wide: int
) -> Image.Image:
    """A fade from the shape's top to its lowest point, cut to the box."""
    from_y, to_y = extent[1] * wide, max(extent[3] * wide, extent[1] * wide + 1)
    rows = [rgb8(mix(top, bottom, min(1.0, max(0.0, (y - from_y) / (to_y - from_y))))) for y in range(box[1], box[3])]
    column = np.array(rows, np.uint8).reshape(-1, 1, 3)
    return Image.fromarray(column).resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.NEAREST)
