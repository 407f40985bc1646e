"""Landscapes that differ from each other, drawn by code: what the demonstration's dataset shows, in greys.

How they are printed is `prints`' part, so that all of them are of one style and nothing else is the same in all.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from PIL import Image

from kilnmark.lab.demo.canvas import GreyCanvas

__all__ = ["PLACES", "landscape"]

SKIES: Final = ((0.55, 0.95), (0.35, 0.8), (0.75, 0.97), (0.25, 0.6), (0.9, 0.7))
"""Greys above and at the horizon: noon, evening, haze, night, morning."""


@dataclass(frozen=True, slots=True)
class BuildingSite:
    """Where something is built.

    Attributes:
        canvas, random: To draw with.
        x, foot: Its middle, and where the ground is.
        scale: Its size, about 1.
        wall, roof: Greys.
    """

    canvas: GreyCanvas
    random: Random
    x: float
    foot: float
    scale: float
    wall: float
    roof: float


def landscape(random: Random, size: int) -> Image.Image:
    """One of many, in greys, several times larger than `size`; the same draws give the same picture."""
    canvas = GreyCanvas(size, *random.choice(SKIES))
    _sky(canvas, random)
    horizon = random.uniform(0.5, 0.72)
    far = random.uniform(0.45, 0.75)
    if _falls(random, 0.5):
        canvas.peaks(random, horizon - 0.02, random.uniform(0.15, 0.32), far)
    canvas.hills(random, horizon, random.uniform(0.03, 0.08), far * 0.8)
    foot = horizon + random.uniform(0.03, 0.12)
    canvas.hills(random, foot, random.uniform(0.01, 0.03), random.uniform(0.25, 0.5))
    dark, pale = random.uniform(0.02, 0.14), random.uniform(0.85, 1.0)
    wall, roof = random.choice(((pale, dark), (dark, pale), (0.6, dark), (dark, 0.5)))
    site = BuildingSite(canvas, random, random.uniform(0.28, 0.72), foot, random.uniform(0.8, 1.25), wall, roof)
    PLACES[random.choice(tuple(PLACES))](site)
    _foreground(canvas, random, dark, pale)
    return canvas.image


def _falls(random: Random, share: float) -> bool:
    """What is so in this share of all pictures."""
    return random.random() < share


def _sky(canvas: GreyCanvas, random: Random) -> None:
    if _falls(random, 0.75):
        radius, grey = random.uniform(0.05, 0.13), 1.0 if _falls(random, 0.75) else 0.15
        canvas.disc((random.uniform(0.12, 0.88), random.uniform(0.1, 0.42)), radius, radius, grey)
    for _ in range(random.randrange(4)):
        x, y, grey = random.random(), random.uniform(0.08, 0.4), random.choice((1.0, 0.9, 0.5))
        for _ in range(random.randrange(2, 5)):
            across = random.uniform(0.05, 0.14)
            canvas.disc((x + random.uniform(-0.1, 0.1), y), across, across * random.uniform(0.2, 0.4), grey)


def _foreground(canvas: GreyCanvas, random: Random, dark: float, pale: float) -> None:
    if _falls(random, 0.5):
        canvas.hills(random, random.uniform(0.88, 0.95), random.uniform(0.01, 0.04), random.choice((0.05, 0.2, 0.6)))
    if _falls(random, 0.4):
        x, foot, height = random.choice((0.1, 0.2, 0.8, 0.9)), random.uniform(0.9, 0.98), random.uniform(0.09, 0.14)
        canvas.box((x - 0.02, foot - height), (x + 0.02, foot), dark)
        canvas.disc((x, foot - height - 0.022), 0.018, 0.018, pale)


def _tower(site: BuildingSite, x: float, height: float, width: float) -> None:
    canvas, foot = site.canvas, site.foot + 0.03
    canvas.box((x - width / 2, foot - height), (x + width / 2, foot), site.wall)
    canvas.polygon(
        [(x - width * 0.75, foot - height), (x + width * 0.75, foot - height), (x, foot - height - width * 1.5)],
        site.roof,
    )
    for floor in range(int(height / 0.08)):
        sill = foot - height + 0.06 + 0.08 * floor
        canvas.box((x - width * 0.1, sill - 0.03), (x + width * 0.1, sill), 1 - site.wall)


def _one_tower(site: BuildingSite) -> None:
    _tower(site, site.x, 0.3 * site.scale, 0.1 * site.scale)


def _castle(site: BuildingSite) -> None:
    x, foot, scale = site.x, site.foot, site.scale
    site.canvas.box((x - 0.18 * scale, foot - 0.12 * scale), (x + 0.18 * scale, foot + 0.03), site.wall)
    for merlon in range(-2, 3):
        middle = x + 0.075 * merlon * scale
        site.canvas.box(
            (middle - 0.02 * scale, foot - 0.15 * scale), (middle + 0.02 * scale, foot - 0.12 * scale), site.wall
        )
    for side in (-1, 1):
        _tower(site, x + 0.2 * side * scale, 0.24 * scale, 0.08 * scale)
    if _falls(site.random, 0.6):
        _tower(site, x, 0.34 * scale, 0.09 * scale)
    site.canvas.box((x - 0.03 * scale, foot - 0.05 * scale), (x + 0.03 * scale, foot + 0.03), 1 - site.wall)


def _village(site: BuildingSite) -> None:
    random = site.random
    for _ in range(random.randrange(3, 6)):
        x, foot = site.x + random.uniform(-0.3, 0.3), site.foot + random.uniform(0.01, 0.07)
        height, half = random.uniform(0.05, 0.1) * site.scale, random.uniform(0.06, 0.1) * site.scale
        site.canvas.box((x - half, foot - height), (x + half, foot), site.wall)
        eaves = foot - height
        site.canvas.polygon([(x - half * 1.25, eaves), (x + half * 1.25, eaves), (x, eaves - half)], site.roof)
        site.canvas.box((x - half * 0.3, foot - height * 0.7), (x + half * 0.1, foot - height * 0.3), 1 - site.wall)
    if _falls(random, 0.5):
        _tower(site, site.x, 0.26 * site.scale, 0.06 * site.scale)


def _firs(site: BuildingSite) -> None:
    for _ in range(site.random.randrange(6, 14)):
        x, height = site.random.random(), site.random.uniform(0.12, 0.34) * site.scale
        foot, grey = site.foot + site.random.uniform(0, 0.12), 0.06 if _falls(site.random, 0.9) else 0.3
        for tier in range(3):
            low, half = foot - height * 0.28 * tier, height * 0.3 * (1 - tier * 0.25)
            site.canvas.polygon([(x - half, low), (x + half, low), (x, low - height * 0.45)], grey)


def _windmill(site: BuildingSite) -> None:
    x, foot, scale = site.x, site.foot, site.scale
    site.canvas.polygon(
        [(x - 0.09 * scale, foot + 0.03), (x + 0.09 * scale, foot + 0.03), (x, foot - 0.42 * scale)], site.wall
    )
    hub, turn = foot - 0.22 * scale, site.random.uniform(0, math.pi / 2)
    for sail in range(4):
        angle = turn + sail * math.pi / 2
        across, down = 0.2 * scale * math.cos(angle), 0.2 * scale * math.sin(angle)
        aside, along = -0.15 * down, 0.15 * across
        corners = [
            (x, hub),
            (x + across, hub + down),
            (x + across + aside, hub + down + along),
            (x + aside, hub + along),
        ]
        site.canvas.polygon(corners, site.roof)


def _water(site: BuildingSite) -> None:
    site.canvas.box((0, site.foot), (1, 1), 0.95 if _falls(site.random, 0.6) else 0.45)
    for _ in range(8):
        x, y, long = site.random.random(), site.random.uniform(site.foot + 0.03, 0.98), site.random.uniform(0.05, 0.2)
        site.canvas.box((x, y), (x + long, y + 0.008), 0.3)


def _bridge(site: BuildingSite) -> None:
    _water(site)
    foot, shift = site.foot, 0.1 * site.x - 0.05
    site.canvas.box((0, foot - 0.06 * site.scale), (1, foot), site.wall)
    for pier in range(4):
        middle = pier / 3 + shift
        site.canvas.box((middle - 0.045, foot - 0.06 * site.scale), (middle + 0.045, foot + 0.1), site.wall)
        site.canvas.polygon([(middle + 0.045, foot), (middle + 0.12, foot), (middle + 0.045, foot + 0.06)], site.wall)
        site.canvas.polygon([(middle - 0.045, foot), (middle - 0.12, foot), (middle - 0.045, foot + 0.06)], site.wall)


def _ship(site: BuildingSite) -> None:
    _water(site)
    x, keel, scale = site.x, site.foot + 0.12, site.scale
    hull = [(-0.2, -0.05), (0.2, -0.05), (0.13, 0.03), (-0.13, 0.03)]
    site.canvas.polygon([(x + across * scale, keel + down) for across, down in hull], 0.05)
    site.canvas.box((x - 0.008, keel - 0.36 * scale), (x + 0.008, keel - 0.05), 0.05)
    for side, height, grey in ((0.18, 0.34, 0.95), (-0.14, 0.3, 0.55)):
        mast = x + math.copysign(0.015, side)
        site.canvas.polygon([(mast, keel - height * scale), (mast, keel - 0.07), (x + side * scale, keel - 0.07)], grey)


def _ruins(site: BuildingSite) -> None:
    for column in range(site.random.randrange(3, 6)):
        x, height = site.x + (column - 2) * 0.13 * site.scale, site.random.uniform(0.1, 0.28) * site.scale
        head, half = site.foot + 0.03 - height, 0.025 * site.scale
        site.canvas.box((x - half, head), (x + half, site.foot + 0.03), site.wall)
        site.canvas.box((x - 1.6 * half, head), (x + 1.6 * half, head + 0.02), site.roof)


PLACES: Final[dict[str, Callable[[BuildingSite], None]]] = {
    "tower": _one_tower,
    "castle": _castle,
    "village": _village,
    "forest": _firs,
    "windmill": _windmill,
    "lake": _water,
    "bridge": _bridge,
    "ship": _ship,
    "ruins": _ruins,
}
"""What stands in a landscape."""
