"""A canvas of greys to draw landscapes on, in heights of the picture. What is drawn, `scenes` says."""

import math
from collections.abc import Sequence
from random import Random

import numpy as np
from PIL import Image, ImageDraw

__all__ = ["GreyCanvas", "Point"]

Point = tuple[float, float]
"""Across and down, 0 to 1."""

FINE = 4
"""Pixels of the canvas for one of the picture, along a side."""


class GreyCanvas:
    """Greys from 0, black, to 1.

    Args:
        size: Pixels of the picture's side.
        top, low: The sky's greys above and at the horizon.

    Attributes:
        wide: Pixels of the canvas's side.
        image: What was drawn, of mode L.
    """

    def __init__(self, size: int, top: float, low: float) -> None:
        self.wide = size * FINE
        fade = top + (low - top) * np.clip(np.linspace(0, 1, self.wide)[:, None] / 0.7, 0, 1)
        self.image = Image.fromarray(np.uint8(255 * np.repeat(fade, self.wide, 1)))
        self._draw = ImageDraw.Draw(self.image)

    def polygon(self, points: Sequence[Point], grey: float) -> None:
        """Fill what lies between points."""
        self._draw.polygon([(x * self.wide, y * self.wide) for x, y in points], fill=_level(grey))

    def box(self, corner: Point, other: Point, grey: float) -> None:
        """Fill a rectangle, from its upper left to its lower right corner."""
        (left, high), (right, low) = corner, other
        self.polygon([(left, high), (right, high), (right, low), (left, low)], grey)

    def disc(self, middle: Point, across: float, down: float, grey: float) -> None:
        """Fill an ellipse with these radii."""
        (x, y), wide = middle, self.wide
        bounds = ((x - across) * wide, (y - down) * wide, (x + across) * wide, (y + down) * wide)
        self._draw.ellipse(bounds, fill=_level(grey))

    def hills(self, random: Random, height: float, rise: float, grey: float) -> None:
        """Fill what lies below a wavy line."""
        slow, quick = random.uniform(2, 5), random.uniform(6, 10)
        first, second = random.uniform(0, math.tau), random.uniform(0, math.tau)
        along = [step / 60 for step in range(61)]
        line = [
            (x, height - rise * (0.7 * math.sin(slow * x + first) + 0.3 * math.sin(quick * x + second))) for x in along
        ]
        self.polygon([(0, 1), *line, (1, 1)], grey)

    def peaks(self, random: Random, height: float, rise: float, grey: float) -> None:
        """Fill what lies below a jagged line."""
        across = sorted(random.uniform(-0.1, 1.1) for _ in range(random.randrange(4, 7)))
        line = [(x, height - (rise * random.uniform(0.5, 1) if number % 2 else 0)) for number, x in enumerate(across)]
        self.polygon([(-0.1, 1), *line, (1.1, 1)], grey)


def _level(grey: float) -> int:
    return round(255 * min(1.0, max(0.0, grey)))
