"""The places that nobody built: forest, cave, mountains."""

from collections.abc import Callable, Mapping

from scripts.mini.draw import land, masonry
from scripts.mini.draw.light import rgb
from scripts.mini.draw.places import Stage
from scripts.mini.draw.sheet import mix, scaled

__all__ = ["GROWN"]

ROCK = rgb("7b7468")


def forest(stage: Stage) -> None:
    """Three rows of firs, the nearest at the sides, a path between them."""
    sheet, random, light, x = stage.sheet, stage.random, stage.light, stage.x
    land.ground(sheet, random, light, stage.horizon)
    for depth, count, foot, height in ((0.75, 11, -0.01, 0.26), (0.4, 8, 0.05, 0.38)):
        for tree in range(count):
            at = (tree + 0.5 + random.uniform(-0.25, 0.25)) / count
            land.fir(sheet, light, (at, stage.horizon + foot), height * random.uniform(0.85, 1.15), depth)
    path = light.ground(rgb("b39a6b"))
    foot = stage.horizon + 0.05
    sheet.polygon([(x - 0.03, foot), (x + 0.03, foot), (x + 0.17, 1.0), (x - 0.15, 1.0)], path, role="land")
    for at, low, height in ((0.09, 0.19, 0.66), (0.93, 0.17, 0.70), (0.24, 0.13, 0.52), (0.80, 0.12, 0.50)):
        land.fir(sheet, light, (at + random.uniform(-0.02, 0.02), stage.horizon + low), height * stage.size, 0.0, 0.92)


def cave(stage: Stage) -> None:
    """A cliff with a dark mouth, a fire in it when lamps are lit."""
    sheet, random, light, x, size = stage.sheet, stage.random, stage.light, stage.x, stage.size
    land.ground(sheet, random, light, stage.horizon)
    low, top = stage.horizon + 0.14, stage.horizon - 0.34 * size
    face = light.ground(ROCK, 0.12)
    cliff = [(x - 0.62, low), (x - 0.42, top + 0.16), (x - 0.30, top + 0.10), (x - 0.12, top), (x + 0.10, top + 0.03)]
    cliff += [(x + 0.26, top - 0.02), (x + 0.40, top + 0.17), (x + 0.60, low)]
    sheet.polygon(cliff, face, bottom=scaled(light.on(ROCK), 0.8))
    side = [(x + 0.10, top + 0.03), (x + 0.26, top - 0.02), (x + 0.40, top + 0.17), (x + 0.60, low), (x + 0.22, low)]
    sheet.polygon(side, scaled(light.on(ROCK), 0.72), role="detail")
    for dx, dy in ((-0.36, 0.24), (-0.16, 0.10), (0.02, 0.13)):
        crack = [(x + dx, top + dy), (x + dx - 0.03, top + dy + 0.09), (x + dx + 0.005, top + dy + 0.17)]
        sheet.line(crack, 0.009, scaled(light.on(ROCK), 0.62))
    half, lip = 0.15 * size, low - 0.22 * size
    mouth = [(x - half, low), (x - 0.92 * half, lip + 0.06), (x - 0.5 * half, lip - 0.03), (x + 0.1 * half, lip - 0.05)]
    mouth += [(x + 0.62 * half, lip - 0.01), (x + 0.95 * half, lip + 0.07), (x + half, low)]
    dark = scaled(light.on(rgb("2b2430")), 0.7)
    sheet.polygon(mouth, dark, bottom=scaled(dark, 0.5))
    if light.lamps:
        sheet.glow((x, low - 0.03), 0.16 * size, masonry.LAMP, alpha=0.75)
        flame = [(x - 0.03, low - 0.005), (x - 0.012, low - 0.055), (x, low - 0.085), (x + 0.016, low - 0.05)]
        sheet.polygon([*flame, (x + 0.03, low - 0.005)], rgb("ff9a3d"), role="light")
    for dx, grow in ((-0.24, 0.07), (0.22, 0.08), (0.32, 0.05)):
        land.rock(sheet, light, (x + dx * size, low + 0.03), grow, ROCK)


def mountains(stage: Stage) -> None:
    """Three peaks with snow on them above a lake."""
    sheet, random, light, x, size = stage.sheet, stage.random, stage.light, stage.x, stage.size
    low = stage.horizon + 0.06
    own = rgb("6a7390")
    for dx, height, half, depth in ((-0.30, 0.34, 0.36, 0.5), (0.33, 0.38, 0.38, 0.45), (0.0, 0.52, 0.42, 0.2)):
        at, top = x + dx, low - height * size
        face = light.on(mix(own, masonry.SNOW, 0.35 * light.white), depth)
        sheet.polygon(
            [(at - half, low), (at - 0.05, top + 0.03), (at, top), (at + half, low)],
            face,
            bottom=mix(face, light.haze, 0.5),
        )
        sheet.polygon(
            [(at, top), (at + half, low), (at + 0.10, low), (at + 0.05, top + 0.2)], scaled(face, 0.76), role="detail"
        )
        cap, snow = 0.36 * height * size, light.on(masonry.SNOW, 0.6 * depth)
        slope = half * cap / (height * size)
        jag = [(at - slope, top + cap), (at - 0.5 * slope, top + 0.78 * cap), (at - 0.1 * slope, top + 1.02 * cap)]
        jag += [(at + 0.35 * slope, top + 0.75 * cap), (at + slope, top + cap)]
        sheet.polygon([(at, top), *reversed(jag)], snow)
        sheet.polygon([(at, top), jag[-1], jag[-2]], scaled(snow, 0.84), role="detail")
    land.water(sheet, random, light, low, 1.0)
    shore = land.ridge(random, stage.horizon + 0.22, 0.02, 5)
    land.fill_below(sheet, shore, light.ground(land.GRASS), scaled(light.ground(land.GRASS), 0.8))
    for at in (0.05, 0.14, 0.9):
        land.fir(sheet, light, (at + random.uniform(-0.02, 0.02), stage.horizon + 0.24), 0.24, 0.05)


GROWN: Mapping[str, Callable[[Stage], None]] = {"forest": forest, "cave": cave, "mountains": mountains}
