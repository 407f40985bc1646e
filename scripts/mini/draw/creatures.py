"""Creatures and figures, and the one subject that only an adapter knows. Each is drawn around a foot or a middle."""

from collections.abc import Callable, Mapping

from scripts.mini.draw.light import Light, rgb
from scripts.mini.draw.sheet import Colour, Point, Role, Sheet, mix, scaled

__all__ = ["FLYING", "INHABITANTS", "balloon"]

FLYING = frozenset({"dragon"})
"""Who is in the sky instead of on the ground."""


class Brush:
    """Lays shapes down around a point, in units of a size, so that a creature can be anywhere and of any size."""

    def __init__(self, sheet: Sheet, at: Point, size: float) -> None:
        self._sheet, self._at, self._size = sheet, at, size

    def place(self, point: Point) -> Point:
        """Where a point of the creature lies in the picture: x to the right, y upwards from its foot."""
        return self._at[0] + self._size * point[0], self._at[1] - self._size * point[1]

    def polygon(self, points: list[Point], colour: Colour, *, role: Role = "mass") -> None:
        """A closed area."""
        self._sheet.polygon([self.place(point) for point in points], colour, role=role)

    def disc(self, at: Point, radius: float, colour: Colour, *, role: Role = "mass") -> None:
        """A round area."""
        self._sheet.disc(self.place(at), self._size * radius, colour, role=role)

    def line(self, points: list[Point], width: float, colour: Colour, *, role: Role = "mass") -> None:
        """A stroke."""
        self._sheet.line([self.place(point) for point in points], self._size * width, colour, role=role)


def dragon(sheet: Sheet, light: Light, at: Point, size: float) -> None:
    """A red dragon on spread wings, seen from the side."""
    brush = Brush(sheet, at, size)
    skin, wing = _seen(light, rgb("c8322b")), _seen(light, rgb("8f1f2e"))
    far = [(0.05, 0.10), (0.28, 0.62), (0.50, 0.52), (0.62, 0.34), (0.45, 0.30), (0.34, 0.12)]
    brush.polygon(far, scaled(wing, 0.8))
    tail = [(-0.05, 0.02), (-0.30, -0.10), (-0.52, -0.06), (-0.66, 0.06)]
    brush.line(tail, 0.07, skin)
    brush.polygon([(-0.62, 0.02), (-0.80, 0.16), (-0.60, 0.16)], wing)
    body = [(-0.12, 0.03), (0.05, 0.13), (0.30, 0.13), (0.42, 0.06), (0.25, -0.08), (0.02, -0.10)]
    brush.polygon(body, skin)
    brush.line([(0.34, 0.06), (0.52, 0.20), (0.66, 0.20)], 0.09, skin)
    brush.polygon([(0.60, 0.13), (0.62, 0.29), (0.72, 0.27), (0.90, 0.15), (0.74, 0.12)], skin)
    brush.polygon([(0.60, 0.26), (0.52, 0.36), (0.66, 0.28)], wing, role="detail")
    near = [(0.16, 0.10), (0.06, 0.40), (-0.10, 0.70), (-0.36, 0.62), (-0.52, 0.44), (-0.34, 0.40), (-0.22, 0.24)]
    brush.polygon([*near, (-0.08, 0.22), (-0.02, 0.08)], wing)
    for tip in ((-0.36, 0.62), (-0.52, 0.44)):
        brush.line([(0.04, 0.20), tip], 0.02, skin, role="detail")
    brush.line([(0.10, -0.05), (0.06, -0.20)], 0.05, skin)
    brush.disc((0.68, 0.22), 0.022, rgb("ffe08a"), role="light")


def stag(sheet: Sheet, light: Light, at: Point, size: float) -> None:
    """A brown stag with antlers, standing."""
    brush = Brush(sheet, at, size)
    coat, dark, horn = _seen(light, rgb("9a5f35")), _seen(light, rgb("6e4226")), _seen(light, rgb("ead9b5"))
    for leg, colour in ((-0.24, dark), (0.20, dark), (-0.32, coat), (0.13, coat)):
        brush.line([(leg, 0.45), (leg + 0.02, 0.22), (leg, 0.0)], 0.065, colour)
    brush.polygon([(-0.40, 0.62), (-0.34, 0.40), (0.16, 0.36), (0.27, 0.50), (0.22, 0.68), (-0.30, 0.70)], coat)
    brush.disc((-0.32, 0.56), 0.13, coat)
    brush.disc((0.16, 0.54), 0.15, coat)
    brush.polygon([(0.10, 0.58), (0.26, 0.92), (0.38, 0.88), (0.29, 0.48)], coat)
    brush.polygon([(0.22, 0.98), (0.36, 1.0), (0.54, 0.87), (0.50, 0.82), (0.30, 0.82)], coat)
    brush.polygon([(0.24, 0.94), (0.12, 1.02), (0.25, 0.99)], dark, role="detail")
    brush.polygon([(-0.42, 0.64), (-0.50, 0.56), (-0.40, 0.54)], horn, role="detail")
    for lean in (-0.14, 0.12):
        brush.line([(0.29, 0.98), (0.27 + 0.5 * lean, 1.18), (0.30 + lean, 1.42)], 0.045, horn)
        brush.line([(0.27 + 0.5 * lean, 1.18), (0.29 + 1.9 * lean, 1.28)], 0.04, horn)
        brush.line([(0.28 + 0.8 * lean, 1.30), (0.30 + 2.2 * lean, 1.42)], 0.035, horn)


def fox(sheet: Sheet, light: Light, at: Point, size: float) -> None:
    """An orange fox sitting with its tail around it."""
    brush = Brush(sheet, at, size)
    coat, dark, white = _seen(light, rgb("e8762c")), _seen(light, rgb("4a2f2a")), _seen(light, rgb("fbf1e2"))
    brush.polygon([(-0.10, 0.02), (-0.52, 0.06), (-0.68, 0.30), (-0.56, 0.42), (-0.40, 0.22), (-0.08, 0.18)], coat)
    brush.polygon([(-0.68, 0.30), (-0.58, 0.46), (-0.52, 0.36), (-0.60, 0.24)], white)
    brush.polygon([(-0.24, 0.0), (-0.28, 0.22), (-0.10, 0.60), (0.20, 0.62), (0.26, 0.30), (0.24, 0.0)], coat)
    brush.polygon([(0.06, 0.56), (0.24, 0.58), (0.20, 0.22), (0.10, 0.26)], white)
    for leg in (0.06, 0.20):
        brush.line([(leg, 0.28), (leg, 0.02)], 0.08, coat)
        brush.line([(leg, 0.10), (leg + 0.02, 0.01)], 0.07, dark)
    for ear in (-0.04, 0.20):
        brush.polygon([(ear - 0.07, 0.82), (ear, 1.04), (ear + 0.10, 0.84)], coat)
        brush.polygon([(ear - 0.02, 0.86), (ear + 0.005, 0.98), (ear + 0.05, 0.86)], dark, role="detail")
    brush.polygon(
        [(-0.12, 0.76), (0.0, 0.90), (0.22, 0.90), (0.32, 0.78), (0.46, 0.62), (0.22, 0.54), (0.0, 0.58)], coat
    )
    brush.polygon([(0.16, 0.56), (0.30, 0.70), (0.46, 0.62), (0.24, 0.53)], white)
    brush.disc((0.45, 0.625), 0.035, dark)
    brush.disc((0.21, 0.745), 0.03, dark, role="detail")


def traveller(sheet: Sheet, light: Light, at: Point, size: float) -> None:
    """A traveller in a red cloak and a hat, with staff and lantern."""
    brush = Brush(sheet, at, size)
    cloak, dark, skin = _seen(light, rgb("b3262f")), _seen(light, rgb("4b2d24")), _seen(light, rgb("efc9a4"))
    straw = _seen(light, rgb("6d5138"))
    for leg in (-0.09, 0.10):
        brush.line([(leg, 0.3), (leg, 0.02)], 0.10, dark)
    brush.polygon([(-0.34, 0.14), (-0.20, 0.72), (-0.08, 0.92), (0.10, 0.92), (0.20, 0.72), (0.30, 0.14)], cloak)
    brush.polygon([(0.06, 0.90), (0.20, 0.72), (0.30, 0.14), (0.12, 0.14)], scaled(cloak, 0.74), role="detail")
    brush.disc((0.02, 1.02), 0.13, skin)
    brush.polygon([(-0.26, 1.05), (0.32, 1.05), (0.16, 1.12), (0.06, 1.36), (-0.08, 1.12)], straw)
    brush.line([(0.44, 0.0), (0.40, 1.18)], 0.05, dark)
    brush.line([(0.16, 0.72), (0.40, 0.70)], 0.10, cloak)
    sheet.glow(brush.place((-0.36, 0.52)), 0.34 * size, rgb("ffd98a"), alpha=0.9 if light.lamps else 0.35)
    brush.line([(-0.16, 0.66), (-0.36, 0.66)], 0.09, cloak)
    brush.polygon(
        [(-0.44, 0.42), (-0.44, 0.58), (-0.36, 0.66), (-0.28, 0.58), (-0.28, 0.42)], rgb("ffd46a"), role="light"
    )


def knight(sheet: Sheet, light: Light, at: Point, size: float) -> None:
    """A knight in grey steel with a blue shield and a banner."""
    brush = Brush(sheet, at, size)
    steel, dark, blue = _seen(light, rgb("b4bec9")), _seen(light, rgb("626d7a")), _seen(light, rgb("2352b5"))
    gold = _seen(light, rgb("f0c445"))
    brush.line([(0.42, 0.0), (0.42, 1.62)], 0.05, _seen(light, rgb("5f4630")))
    brush.polygon([(0.42, 1.62), (0.94, 1.54), (0.80, 1.42), (0.92, 1.28), (0.42, 1.26)], blue)
    brush.polygon([(0.42, 1.48), (0.86, 1.46), (0.84, 1.38), (0.42, 1.38)], gold, role="detail")
    for leg in (-0.11, 0.11):
        brush.line([(leg, 0.42), (leg, 0.04)], 0.16, dark)
    brush.polygon([(-0.25, 0.42), (-0.28, 0.86), (-0.16, 0.96), (0.16, 0.96), (0.28, 0.86), (0.25, 0.42)], steel)
    brush.line([(0.24, 0.84), (0.42, 0.70)], 0.12, steel)
    brush.disc((0.0, 1.08), 0.16, steel)
    brush.polygon(
        [(-0.14, 1.06), (0.16, 1.06), (0.16, 1.12), (-0.14, 1.12)], _seen(light, rgb("1f2530")), role="detail"
    )
    brush.polygon([(-0.04, 1.22), (-0.16, 1.42), (0.06, 1.36), (0.05, 1.22)], _seen(light, rgb("c8322b")))
    brush.polygon([(-0.48, 0.86), (-0.08, 0.86), (-0.08, 0.52), (-0.28, 0.28), (-0.48, 0.52)], blue)
    brush.polygon([(-0.31, 0.82), (-0.25, 0.82), (-0.25, 0.40), (-0.31, 0.40)], gold, role="detail")
    brush.polygon([(-0.44, 0.68), (-0.12, 0.68), (-0.12, 0.62), (-0.44, 0.62)], gold, role="detail")


def balloon(sheet: Sheet, light: Light, at: Point, size: float) -> None:
    """The subject: a balloon of red and cream stripes with a basket, hanging in the air."""
    brush = Brush(sheet, at, size)
    red, cream, wood = _seen(light, rgb("d8343a")), _seen(light, rgb("fbeed2")), _seen(light, rgb("7a5132"))
    brush.disc((0.0, 0.55), 0.46, red)
    brush.polygon([(-0.42, 0.38), (0.42, 0.38), (0.12, -0.06), (-0.12, -0.06)], red)
    for left, right, low in ((-0.30, -0.14, 0.055), (-0.03, 0.12, 0.02), (0.26, 0.38, 0.09)):
        top = 0.55 + (0.46**2 - max(abs(left), abs(right)) ** 2) ** 0.5
        brush.polygon(
            [
                (left, 0.55),
                (0.8 * left, top),
                (0.8 * right, top),
                (right, 0.55),
                (right * 0.35, low - 0.06),
                (left * 0.35, low - 0.06),
            ],
            cream,
            role="detail",
        )
    for side in (-0.09, 0.09):
        brush.line([(side, -0.05), (side, -0.26)], 0.02, wood)
    brush.polygon([(-0.13, -0.24), (0.13, -0.24), (0.10, -0.44), (-0.10, -0.44)], wood)


INHABITANTS: Mapping[str, Callable[[Sheet, Light, Point, float], None]] = {
    "dragon": dragon,
    "stag": stag,
    "fox": fox,
    "traveller": traveller,
    "knight": knight,
}


def _seen(light: Light, own: Colour) -> Colour:
    """A near thing's colour: half-way back from a dark light, so that nobody is lost at night."""
    return mix(light.on(own), own, 0.30)
