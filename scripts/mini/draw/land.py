"""Sky, hills, trees, ground and water: what stands behind and before every place."""

import math
from collections.abc import Sequence
from random import Random

from scripts.mini.draw.light import Light, rgb
from scripts.mini.draw.sheet import Colour, Point, Role, Sheet, mix, scaled

__all__ = ["GRASS", "fir", "grass", "ground", "hills", "leafy", "ridge", "rock", "sky", "water"]

GRASS = rgb("6fa35a")
HILL = rgb("5f8f6c")
PEAK = rgb("6d7c93")
TRUNK = rgb("5b4334")


def sky(sheet: Sheet, light: Light) -> None:
    """Two fades, one above the other, over the whole picture."""
    sheet.polygon([(0, 0), (1, 0), (1, 0.36), (0, 0.36)], light.zenith, bottom=light.middle, role="sky")
    sheet.polygon([(0, 0.36), (1, 0.36), (1, 1), (0, 1)], light.middle, bottom=light.horizon, role="sky")


def ridge(random: Random, level: float, height: float, waves: int) -> list[Point]:
    """A skyline from left to right around `level`, up to `height` above and below it."""
    phases = [random.uniform(0, math.tau) for _ in range(3)]

    def y(x: float) -> float:
        swell = math.sin(waves * x + phases[0]) + 0.5 * math.sin(2.3 * waves * x + phases[1])
        return level - height * (swell + 0.25 * math.sin(5.1 * waves * x + phases[2])) / 1.75

    return [(step / 40, y(step / 40)) for step in range(41)]


def fill_below(
    sheet: Sheet, line: Sequence[Point], colour: Colour, bottom: Colour | None = None, role: Role = "land"
) -> None:
    """Everything below a skyline."""
    sheet.polygon([*line, (1.0, 1.0), (0.0, 1.0)], colour, bottom=bottom, role=role)


def hills(sheet: Sheet, random: Random, light: Light, horizon: float) -> None:
    """Two rows of far hills that the air takes away."""
    for depth, lift, height in ((0.95, 0.10, 0.045), (0.6, 0.04, 0.035)):
        line = ridge(random, horizon - lift, height, 5)
        top = light.ground(HILL, depth)
        fill_below(sheet, line, top, mix(top, light.haze, 0.75))


def ground(sheet: Sheet, random: Random, light: Light, horizon: float, own: Colour = GRASS) -> list[Point]:
    """The land that the place stands on; its skyline comes back."""
    line = ridge(random, horizon, 0.012, 4)
    fill_below(sheet, line, light.ground(own, 0.22), scaled(light.ground(own), 0.78))
    return line


def grass(sheet: Sheet, random: Random, light: Light, own: Colour = GRASS) -> None:
    """A darker bank along the lower edge, with tufts."""
    line = ridge(random, 0.93, 0.018, 6)
    near = scaled(light.ground(own), 0.66)
    fill_below(sheet, line, near, scaled(near, 0.72))
    for _ in range(9):
        x = random.uniform(0.02, 0.98)
        y = 0.93 + random.uniform(0.0, 0.03)
        for lean in (-0.012, 0.0, 0.012):
            sheet.polygon([(x - 0.004, y), (x + lean, y - 0.032), (x + 0.004, y)], scaled(near, 0.9), role="detail")


def water(sheet: Sheet, random: Random, light: Light, top: float, low: float = 1.0) -> None:
    """A level of water that gives the sky back, with streaks of light."""
    deep = mix(light.on(rgb("2f6d8c")), light.zenith, 0.35)
    bright = mix(light.on(rgb("5fa3b8")), light.horizon, 0.55)
    sheet.polygon([(0, top), (1, top), (1, low), (0, low)], bright, bottom=deep, role="sky")
    for _ in range(12):
        y = top + (low - top) * random.uniform(0.06, 0.95) ** 1.3
        x, half = random.uniform(0, 1), random.uniform(0.03, 0.09)
        sheet.line([(x - half, y), (x + half, y)], 0.005, mix(bright, light.horizon, 0.6), role="detail", alpha=0.7)


def fir(sheet: Sheet, light: Light, at: Point, height: float, depth: float = 0.1, shade: float = 1.0) -> None:
    """A fir with three skirts; snow lies on them where it lies."""
    x, y = at
    needles = scaled(light.on(rgb("2f5f4a"), depth), shade)
    snow = light.on(rgb("eef2f8"), depth)
    sheet.box(x - 0.025 * height, y - 0.14 * height, x + 0.025 * height, y, light.on(TRUNK, depth), role="detail")
    for base, tip, half in ((0.10, 0.55, 0.26), (0.34, 0.78, 0.20), (0.58, 1.0, 0.13)):
        low, high, wide = y - base * height, y - tip * height, half * height
        sheet.polygon([(x - wide, low), (x, high), (x + wide, low)], needles)
        sheet.polygon([(x, high), (x + wide, low), (x + 0.2 * wide, low)], scaled(needles, 0.8), role="detail")
        if light.white:
            cap = [(x - 0.5 * wide, low - 0.48 * (low - high)), (x, high), (x + 0.5 * wide, low - 0.48 * (low - high))]
            sheet.polygon([*cap, (x + 0.12 * wide, low - 0.38 * (low - high))], snow, role="detail")


def leafy(sheet: Sheet, random: Random, light: Light, at: Point, height: float, depth: float = 0.1) -> None:
    """A round tree of a few crowns."""
    x, y = at
    leaves = light.ground(mix(rgb("5c9448"), rgb("8aa64a"), random.random()), depth)
    sheet.line([(x, y), (x, y - 0.5 * height)], 0.07 * height, light.on(TRUNK, depth), role="mass")
    for dx, dy, radius in ((-0.17, 0.52, 0.21), (0.17, 0.54, 0.20), (0.0, 0.72, 0.25)):
        sheet.disc((x + dx * height, y - dy * height), radius * height, scaled(leaves, 0.86))
    sheet.disc((x - 0.06 * height, y - 0.77 * height), 0.15 * height, leaves, role="detail")


def rock(sheet: Sheet, light: Light, at: Point, size: float, own: Colour = PEAK) -> None:
    """A boulder with a lit and a dark side."""
    x, y = at
    face = light.ground(own)
    sheet.polygon(
        [(x - size, y), (x - 0.6 * size, y - 0.6 * size), (x + 0.1 * size, y - 0.8 * size), (x + size, y)], face
    )
    dark = [(x + 0.1 * size, y - 0.8 * size), (x + size, y), (x + 0.2 * size, y)]
    sheet.polygon(dark, scaled(light.on(own), 0.68), role="detail")
