"""What is in the air: sun, moon, stars and clouds behind the land; rain, snow, fog and lightning before it."""

import math
from random import Random

from scripts.mini.draw.light import Light, rgb
from scripts.mini.draw.sheet import Colour, Point, Sheet, mix, scaled

__all__ = ["before", "behind"]

SUN_HEIGHT = {"dawn": 0.16, "day": 0.0, "dusk": 0.10}
"""How far below its highest place the sun stands, from the horizon's point of view."""


def behind(sheet: Sheet, random: Random, light: Light, time: str, weather: str, horizon: float) -> None:
    """Lights of the sky, then its clouds."""
    side = random.choice((0.2, 0.8)) + random.uniform(-0.05, 0.05)
    if time == "night":
        _night_sky(sheet, random, light, weather, side)
    elif weather in ("clear", "snow", "fog"):
        _sun(sheet, light, time, weather, (side, _height(time, horizon)))
    _clouds(sheet, random, light, weather)
    if weather == "storm":
        _bolt(sheet, random, random.choice((0.18, 0.80)) + random.uniform(-0.05, 0.05), horizon)


def before(sheet: Sheet, random: Random, light: Light, weather: str, horizon: float) -> None:
    """What falls or drifts between the place and whoever looks at it."""
    if weather == "rain":
        _streaks(sheet, random, mix(light.horizon, rgb("ffffff"), 0.5), count=60, lean=0.035, alpha=0.55)
    elif weather == "storm":
        _streaks(sheet, random, mix(light.horizon, rgb("ffffff"), 0.25), count=34, lean=0.06, alpha=0.4)
    elif weather == "snow":
        _flakes(sheet, random, light)
    elif weather == "fog":
        _banks(sheet, random, light, horizon)


def _height(time: str, horizon: float) -> float:
    return {"dawn": horizon - 0.13, "day": 0.15, "dusk": horizon - 0.08}[time]


def _sun(sheet: Sheet, light: Light, time: str, weather: str, at: Point) -> None:
    colour = {"dawn": rgb("fff3c9"), "day": rgb("fff6d8"), "dusk": rgb("ffd27a")}[time]
    dim = 0.45 if weather == "fog" else 0.8 if weather == "snow" else 1.0
    sheet.glow(at, 0.34 if time != "day" else 0.26, mix(light.horizon, colour, 0.7), alpha=0.75 * dim)
    sheet.disc(at, 0.062 if time == "day" else 0.075, mix(light.horizon, colour, dim), role="light")


def _night_sky(sheet: Sheet, random: Random, light: Light, weather: str, side: float) -> None:
    if weather == "clear":
        for _ in range(34):
            star = (random.random(), random.uniform(0.0, 0.5))
            sheet.disc(star, random.choice((0.0035, 0.005, 0.007)), rgb("f4f2dc"), role="light", alpha=0.9)
    if weather in ("clear", "snow", "fog"):
        at, dim = (side, 0.17), 0.4 if weather == "fog" else 1.0
        sheet.glow(at, 0.22, rgb("9fb4e0"), alpha=0.55 * dim)
        pale = mix(light.zenith, rgb("f3efd8"), 0.35 + 0.6 * dim)
        if weather == "clear":
            sheet.polygon(_crescent(at, 0.07), pale, role="light")
        else:
            sheet.disc(at, 0.065, pale, role="light")


def _crescent(at: Point, radius: float) -> list[Point]:
    """A moon that is a third full, open to the upper right."""
    turn = -0.55
    outer = [turn + math.radians(60 + 240 * step / 24) for step in range(25)]
    points = [(at[0] + radius * math.cos(angle), at[1] + radius * math.sin(angle)) for angle in outer]
    (x0, y0), (x1, y1) = points[0], points[-1]
    bay = []
    for step in range(1, 16):
        along = step / 16
        pull = 0.62 * math.sin(math.pi * along)
        x, y = x1 + (x0 - x1) * along, y1 + (y0 - y1) * along
        bay.append((x - pull * radius * math.cos(turn), y - pull * radius * math.sin(turn)))
    return points + bay


def _clouds(sheet: Sheet, random: Random, light: Light, weather: str) -> None:
    if weather == "fog":
        return
    white = mix(light.horizon, rgb("ffffff"), 0.55 if light.tint[1] > 0.5 else 0.12)
    if weather == "clear":
        for _ in range(2):
            _cloud(sheet, random, (random.uniform(0.1, 0.9), random.uniform(0.10, 0.30)), 0.07, white, 0.85)
    elif weather == "snow":
        for _ in range(3):
            _cloud(sheet, random, (random.uniform(0.0, 1.0), random.uniform(0.06, 0.24)), 0.09, white, 0.6)
    else:
        dark = scaled(mix(light.zenith, light.middle, 0.45), 0.84 if weather == "rain" else 0.62)
        for row, y in enumerate((0.02, 0.10, 0.17)):
            for step in range(4):
                at = ((step + 0.5 * (row % 2)) / 3.3 + random.uniform(-0.06, 0.06), y + random.uniform(-0.02, 0.02))
                _cloud(sheet, random, at, 0.13, scaled(dark, 1.0 + 0.13 * row), 0.95)


def _cloud(sheet: Sheet, random: Random, at: Point, size: float, colour: Colour, alpha: float) -> None:
    """A flat foot under a few round heads."""
    x, y = at
    for dx, dy, radius in (
        (-0.9, 0.0, 0.5),
        (0.0, -0.35, 0.8),
        (0.85, -0.05, 0.6),
        (1.5, 0.12, 0.35),
        (-1.5, 0.12, 0.34),
    ):
        swell = random.uniform(0.9, 1.15)
        sheet.disc((x + dx * size, y + dy * size * 0.8), radius * size * swell * 0.8, colour, role="air", alpha=alpha)


def _bolt(sheet: Sheet, random: Random, x: float, horizon: float) -> None:
    """A forked flash from the clouds to the land."""
    points, at = [(x, 0.20)], x
    steps = 6
    for step in range(1, steps + 1):
        at += random.choice((-0.05, 0.05)) * random.uniform(0.5, 1.2)
        points.append((at, 0.20 + (horizon - 0.20) * step / steps))
    middle = points[steps // 2]
    sheet.glow(middle, 0.30, rgb("c8d4ff"), alpha=0.75)
    fork = [points[2], (points[2][0] + 0.07, points[2][1] + 0.06), (points[2][0] + 0.10, points[2][1] + 0.14)]
    for width, colour in ((0.022, rgb("b9c8ff")), (0.012, rgb("fffef2"))):
        sheet.line(points, width, colour, role="light")
        sheet.line(fork, 0.7 * width, colour, role="light")


def _streaks(sheet: Sheet, random: Random, colour: Colour, *, count: int, lean: float, alpha: float) -> None:
    for _ in range(count):
        x, y, long = random.uniform(-0.05, 1.05), random.uniform(-0.05, 1.0), random.uniform(0.07, 0.12)
        slope = lean * long / 0.09
        sheet.line([(x, y), (x - slope, y + long)], 0.0055, colour, role="air", alpha=alpha)


def _flakes(sheet: Sheet, random: Random, light: Light) -> None:
    white = mix(light.haze, rgb("ffffff"), 0.85)
    for _ in range(58):
        at = (random.random(), random.random())
        sheet.disc(at, random.choice((0.006, 0.009, 0.013)), white, role="air", alpha=0.92)


def _banks(sheet: Sheet, random: Random, light: Light, horizon: float) -> None:
    """Level banks with soft edges, thickest where the land begins."""
    pale = mix(light.haze, rgb("ffffff"), 0.18 if light.tint[1] > 0.5 else 0.05)
    for y, high, alpha in ((horizon - 0.16, 0.10, 0.34), (horizon + 0.00, 0.12, 0.5), (horizon + 0.17, 0.10, 0.42)):
        shift = random.uniform(0, math.tau)
        for layer in range(3):
            grow = high * (1.0 - 0.28 * layer)
            top = [(s / 16, y - grow * (0.5 + 0.18 * math.sin(shift + s * 0.8 + layer))) for s in range(17)]
            low = [(s / 16, y + grow * (0.5 + 0.18 * math.sin(2 * shift + s * 0.7 - layer))) for s in range(17)]
            sheet.polygon([*top, *reversed(low)], pale, role="air", alpha=alpha / 2)
