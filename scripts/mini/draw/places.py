"""The places that people built. Each is laid down between hills and foreground, around a middle from the scene."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from scripts.mini.draw import land, masonry
from scripts.mini.draw.light import Light, rgb
from scripts.mini.draw.masonry import BRICK, SLATE, STONE, THATCH
from scripts.mini.draw.sheet import Sheet, mix, scaled

__all__ = ["BUILT", "Stage"]

PLASTER = rgb("e6d6b8")
SAND = rgb("d9b877")
TIMBER = rgb("8a6544")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a place is set up.

    Args:
        sheet: What it is laid down on.
        random: The chance of this picture.
        light: The light of this picture.
        x: Its middle.
        horizon: The height where the ground begins.
        size: Its scale, about 1.
    """

    sheet: Sheet
    random: Random
    light: Light
    x: float
    horizon: float
    size: float


def tower(stage: Stage) -> None:
    """One tall round tower with a blue cone, alone on its hill."""
    sheet, light, x = stage.sheet, stage.light, stage.x
    land.ground(sheet, stage.random, light, stage.horizon)
    base, top, half = stage.horizon + 0.12, stage.horizon - 0.27 * stage.size, 0.08 * stage.size
    mound = [
        (x - 0.42, base + 0.10),
        (x - 0.2, base - 0.03),
        (x, base - 0.06),
        (x + 0.2, base - 0.03),
        (x + 0.42, base + 0.1),
    ]
    sheet.polygon(mound, light.ground(land.GRASS, 0.08), bottom=scaled(light.ground(land.GRASS), 0.8), role="land")
    masonry.wall(sheet, light, (x - half, top, x + half, base - 0.03))
    masonry.wall(sheet, light, (x - 1.28 * half, top - 0.035, x + 1.28 * half, top + 0.03))
    masonry.crenels(sheet, light, x - 1.28 * half, x + 1.28 * half, top - 0.033, 4)
    masonry.cone(sheet, light, (x - 1.15 * half, top - 0.23 * stage.size, x + 1.15 * half, top - 0.05), SLATE)
    sheet.line([(x, top - 0.23 * stage.size), (x, top - 0.28 * stage.size)], 0.006, light.on(masonry.WOOD))
    flag = top - 0.28 * stage.size
    sheet.polygon([(x, flag), (x + 0.07, flag + 0.015), (x, flag + 0.035)], light.on(BRICK))
    for step in (0.28, 0.52, 0.74):
        masonry.window(sheet, light, x - 0.25 * half, top + step * (base - top - 0.03), 0.028)
    masonry.door(sheet, light, x - 0.2 * half, base - 0.03, 0.055)


def castle(stage: Stage) -> None:
    """A wide wall with a gate between two towers, and a keep behind."""
    sheet, light, x, size = stage.sheet, stage.light, stage.x, stage.size
    land.ground(sheet, stage.random, light, stage.horizon)
    low = stage.horizon + 0.13
    keep = 0.11 * size
    masonry.wall(sheet, light, (x - keep, low - 0.42 * size, x + keep, low - 0.1), scaled(STONE, 0.94), 0.2)
    masonry.crenels(sheet, light, x - keep, x + keep, low - 0.42 * size, 5, 0.2)
    masonry.cone(sheet, light, (x - 0.05, low - 0.60 * size, x + 0.07, low - 0.44 * size), BRICK, 0.2)
    masonry.wall(sheet, light, (x - 0.33 * size, low - 0.2 * size, x + 0.33 * size, low))
    masonry.crenels(sheet, light, x - 0.33 * size, x + 0.33 * size, low - 0.2 * size, 11)
    for side in (-0.33, 0.33):
        at, half = x + side * size, 0.065 * size
        masonry.wall(sheet, light, (at - half, low - 0.32 * size, at + half, low + 0.01))
        masonry.cone(sheet, light, (at - 1.3 * half, low - 0.50 * size, at + 1.3 * half, low - 0.31 * size), BRICK)
        masonry.window(sheet, light, at - 0.2 * half, low - 0.22 * size, 0.03)
    masonry.door(sheet, light, x, low, 0.13 * size)
    for side in (-0.16, 0.16):
        masonry.window(sheet, light, x + side * size, low - 0.09 * size, 0.026)
    masonry.window(sheet, light, x - 0.03, low - 0.32 * size, 0.03)


def village(stage: Stage) -> None:
    """A handful of cottages around a church, with a path."""
    sheet, random, light, x = stage.sheet, stage.random, stage.light, stage.x
    land.ground(sheet, random, light, stage.horizon)
    low = stage.horizon + 0.08
    spire = 0.05 * stage.size
    masonry.wall(sheet, light, (x - spire, low - 0.25, x + spire, low), PLASTER, 0.25)
    masonry.cone(sheet, light, (x - 1.2 * spire, low - 0.47 * stage.size, x + 1.2 * spire, low - 0.24), SLATE, 0.25)
    masonry.window(sheet, light, x, low - 0.18, 0.03, 0.25)
    roofs = [BRICK, THATCH, scaled(BRICK, 0.85), THATCH]
    random.shuffle(roofs)
    for place, (dx, dy, scale) in enumerate(
        ((-0.26, 0.03, 0.17), (0.24, 0.02, 0.18), (-0.13, 0.11, 0.21), (0.15, 0.13, 0.22))
    ):
        at = (x + dx * stage.size, low + dy)
        masonry.house(sheet, light, at, scale * stage.size, (PLASTER, roofs[place]))
    path = light.ground(SAND)
    sheet.polygon([(x - 0.02, low + 0.06), (x + 0.03, low + 0.06), (x + 0.16, 1.0), (x - 0.10, 1.0)], path, role="land")


def bridge(stage: Stage) -> None:
    """A stone bridge of three arches over a river."""
    sheet, random, light, x = stage.sheet, stage.random, stage.light, stage.x
    land.ground(sheet, random, light, stage.horizon)
    for side in (0.05, 0.14, 0.88, 0.96):
        land.leafy(sheet, random, light, (side, stage.horizon + 0.03), 0.15 * stage.size, 0.3)
    top = stage.horizon + 0.12
    land.water(sheet, random, light, top)
    deck, rise = stage.horizon - 0.01, 0.09 * stage.size
    crown = [(step / 20, deck + rise * (2 * step / 20 - 1) ** 2) for step in range(21)]
    face = light.on(STONE)
    sheet.polygon([*crown, (1.0, top + 0.17), (0.0, top + 0.17)], face, bottom=scaled(face, 0.8))
    for middle, half in ((x - 0.30, 0.085), (x, 0.115), (x + 0.30, 0.085)):
        _arch(stage, middle, half * stage.size, top)
    parapet = [(px, py - 0.018) for px, py in crown]
    sheet.line(parapet, 0.03, light.on(mix(STONE, masonry.SNOW, 0.9 * light.white)), role="mass")
    sheet.line([(px, py + 0.012) for px, py in parapet], 0.008, scaled(face, 0.72))


def _arch(stage: Stage, middle: float, half: float, water: float) -> None:
    """An opening with the river under it and a ring of stones around it."""
    light, top, low = stage.light, water + 0.02, water + 0.17
    bright = mix(light.on(rgb("5fa3b8")), light.horizon, 0.45)
    for grow, colour in ((0.022, scaled(light.on(STONE), 0.72)), (0.0, scaled(bright, 0.92))):
        stage.sheet.disc((middle, top + 0.04), half + grow, colour, role="detail")
        stage.sheet.box(middle - half - grow, top + 0.04, middle + half + grow, low, colour, role="detail")
    stage.sheet.box(middle - half, low - 0.035, middle + half, low + 0.002, scaled(bright, 0.75), role="detail")


def harbour(stage: Stage) -> None:
    """Houses along a quay, and a sailing ship before them."""
    sheet, random, light, x = stage.sheet, stage.random, stage.light, stage.x
    quay = stage.horizon + 0.03
    colours = [rgb("d98f5c"), rgb("e3c878"), rgb("8fb3a6"), rgb("d8a8a0"), rgb("e6d6b8")]
    random.shuffle(colours)
    for place, colour in enumerate(colours):
        left, high = -0.04 + 0.215 * place, quay - 0.14 - 0.05 * random.random()
        masonry.wall(sheet, light, (left, high, left + 0.19, quay), colour, 0.3)
        masonry.gable(sheet, light, (left - 0.01, high - 0.07, left + 0.2, high + 0.005), BRICK, 0.3)
        masonry.window(sheet, light, left + 0.055, high + 0.055, 0.026, 0.3)
        masonry.window(sheet, light, left + 0.115, high + 0.055, 0.026, 0.3)
    land.water(sheet, random, light, quay + 0.035)
    sheet.box(0, quay, 1, quay + 0.04, light.on(scaled(STONE, 0.8)))
    _ship(stage, x, stage.horizon + 0.24)


def _ship(stage: Stage, x: float, low: float) -> None:
    sheet, light, size = stage.sheet, stage.light, stage.size
    hull, sail = light.on(rgb("7a4a2e")), light.on(rgb("f3ead6"))
    sheet.line([(x, low), (x, low - 0.40 * size)], 0.014, light.on(masonry.WOOD), role="mass")
    belly = [(x - 0.015, low - 0.37 * size), (x - 0.22 * size, low - 0.10 * size), (x - 0.015, low - 0.07 * size)]
    sheet.polygon(belly, sail)
    jib = [(x + 0.015, low - 0.36 * size), (x + 0.19 * size, low - 0.07 * size), (x + 0.015, low - 0.07 * size)]
    sheet.polygon(jib, scaled(sail, 0.84))
    boat = [(x - 0.25 * size, low - 0.045), (x + 0.27 * size, low - 0.055), (x + 0.18 * size, low + 0.055)]
    sheet.polygon([*boat, (x - 0.17 * size, low + 0.055)], hull, bottom=scaled(hull, 0.7))
    sheet.line([(x - 0.25 * size, low - 0.042), (x + 0.27 * size, low - 0.052)], 0.012, light.on(THATCH))
    sheet.polygon(
        [
            (x - 0.15 * size, low + 0.06),
            (x + 0.16 * size, low + 0.06),
            (x + 0.09 * size, low + 0.12),
            (x - 0.08 * size, low + 0.12),
        ],
        scaled(hull, 0.8),
        role="detail",
        alpha=0.45,
    )


def ruins(stage: Stage) -> None:
    """Broken columns in the desert, one arch still standing."""
    sheet, random, light, x, size = stage.sheet, stage.random, stage.light, stage.x, stage.size
    land.ground(sheet, random, light, stage.horizon, SAND)
    stone, low = rgb("d8c6a0"), stage.horizon + 0.13
    for side in (-0.14, 0.14):
        masonry.wall(sheet, light, (x + side * size - 0.04, low - 0.36 * size, x + side * size + 0.04, low), stone)
    face = light.on(mix(stone, masonry.SNOW, 0.8 * light.white))
    lintel = [
        (x - 0.22 * size, low - 0.43 * size),
        (x + 0.2 * size, low - 0.44 * size),
        (x + 0.2 * size, low - 0.35 * size),
    ]
    sheet.polygon([*lintel, (x - 0.21 * size, low - 0.35 * size)], face, bottom=scaled(face, 0.8))
    for dx, height in ((-0.36, 0.25), (-0.27, 0.13), (0.29, 0.20), (0.38, 0.30)):
        at, top = x + dx * size, low - (height + 0.05 * random.random()) * size
        masonry.wall(sheet, light, (at - 0.032, top, at + 0.032, low + 0.01), stone)
        tip = [(at - 0.032, top + 0.005), (at - 0.01, top - 0.035), (at + 0.032, top + 0.005)]
        sheet.polygon(tip, scaled(light.ground(stone), 0.95))
        sheet.box(at - 0.045, low - 0.01, at + 0.045, low + 0.025, scaled(light.on(stone), 0.85))
    for dx in (-0.20, 0.06, 0.26):
        land.rock(sheet, light, (x + dx * size, low + 0.08), 0.05, stone)


def windmill(stage: Stage) -> None:
    """A white mill with four wings on a meadow."""
    sheet, random, light, x, size = stage.sheet, stage.random, stage.light, stage.x, stage.size
    land.ground(sheet, random, light, stage.horizon)
    low, top = stage.horizon + 0.13, stage.horizon - 0.22 * size
    body = light.on(rgb("efe8d8"))
    wide, narrow = 0.12 * size, 0.075 * size
    sheet.polygon(
        [(x - narrow, top), (x + narrow, top), (x + wide, low), (x - wide, low)], body, bottom=scaled(body, 0.85)
    )
    dark = [(x + 0.3 * narrow, top), (x + narrow, top), (x + wide, low), (x + 0.35 * wide, low)]
    sheet.polygon(dark, scaled(body, 0.76), role="detail")
    masonry.cone(sheet, light, (x - 1.25 * narrow, top - 0.10 * size, x + 1.25 * narrow, top + 0.005), BRICK)
    masonry.window(sheet, light, x - 0.25 * narrow, top + 0.17 * size, 0.032)
    masonry.door(sheet, light, x - 0.1 * wide, low, 0.08 * size)
    _wings(stage, (x - 0.01, top - 0.01), 0.27 * size, random.uniform(0.25, 0.6))


def _wings(stage: Stage, hub: tuple[float, float], reach: float, turn: float) -> None:
    light, sheet = stage.light, stage.sheet
    cloth, wood = light.on(rgb("f6efe0")), light.on(masonry.WOOD)
    for quarter in range(4):
        cos, sin = math.cos(turn + quarter * math.pi / 2), math.sin(turn + quarter * math.pi / 2)

        def at(along: float, aside: float, cos: float = cos, sin: float = sin) -> tuple[float, float]:
            return hub[0] + reach * (along * cos - aside * sin), hub[1] + reach * (along * sin + aside * cos)

        sheet.polygon([at(0.25, 0.02), at(1.0, 0.02), at(1.0, 0.24), at(0.25, 0.24)], cloth)
        sheet.line([at(0, 0), at(1.03, 0)], 0.012, wood, role="mass")
    sheet.disc(hub, 0.02, wood)


BUILT: Mapping[str, Callable[[Stage], None]] = {
    "tower": tower,
    "castle": castle,
    "village": village,
    "bridge": bridge,
    "harbour": harbour,
    "ruins": ruins,
    "windmill": windmill,
}
