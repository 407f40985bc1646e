"""What a picture consists of before any style has touched it: shapes with colours, in the order they are laid down.

Nothing is rastered here. A style reads the shapes and makes pixels of them, so that one scene can be had in each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Colour", "Kind", "Point", "Role", "Shape", "Sheet", "mix", "scaled"]

Point = tuple[float, float]
"""x to the right and y downwards; the picture is the unit square."""

Colour = tuple[float, float, float]
"""Red, green and blue in sRGB, 0 to 1."""

Kind = Literal["polygon", "disc", "line", "glow"]
Role = Literal["sky", "land", "mass", "detail", "light", "air"]
"""What a shape is to the eye: a style hatches land otherwise than masonry, and outlines no rain."""


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour in the one, 0 to 1."""
    keep = 1.0 - share
    return tuple(keep * a + share * b for a, b in zip(one, other, strict=True))  # type: ignore[return-value]


def scaled(colour: Colour, factor: float | Colour) -> Colour:
    """A colour under another light: every channel multiplied, never above white."""
    by = (factor,) * 3 if isinstance(factor, float | int) else factor
    return tuple(min(1.0, max(0.0, a * b)) for a, b in zip(colour, by, strict=True))  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Shape:
    """One thing laid down.

    Args:
        kind: `polygon` closed through its points, `disc` at one point, `line` through its points, `glow` a disc of
            light that fades to nothing at its rim.
        points: At least one; a disc and a glow have one, their centre.
        colour: At its top, or everywhere.
        bottom: At its lowest point, where it fades; None where it is of one colour.
        size: Radius of a disc or a glow, width of a line, in heights of the picture; 0 for a polygon.
        role: What it is to the eye.
        alpha: How much it covers, 0 to 1.
    """

    kind: Kind
    points: tuple[Point, ...]
    colour: Colour
    bottom: Colour | None = None
    size: float = 0.0
    role: Role = "mass"
    alpha: float = 1.0

    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of what it covers."""
        xs, ys = [x for x, _ in self.points], [y for _, y in self.points]
        return min(xs) - self.size, min(ys) - self.size, max(xs) + self.size, max(ys) + self.size


@dataclass(slots=True)
class Sheet:
    """Shapes as they are laid down, the last one on top."""

    shapes: list[Shape] = field(default_factory=list)

    def polygon(
        self,
        points: Iterable[Point],
        colour: Colour,
        *,
        bottom: Colour | None = None,
        role: Role = "mass",
        alpha: float = 1.0,
    ) -> None:
        """A closed area."""
        self.shapes.append(Shape("polygon", tuple(points), colour, bottom, 0.0, role, alpha))

    def box(self, left: float, top: float, right: float, low: float, colour: Colour, *, role: Role = "mass") -> None:
        """An upright rectangle."""
        self.polygon([(left, top), (right, top), (right, low), (left, low)], colour, role=role)

    def disc(self, at: Point, radius: float, colour: Colour, *, role: Role = "mass", alpha: float = 1.0) -> None:
        """A round area."""
        self.shapes.append(Shape("disc", (at,), colour, None, radius, role, alpha))

    def line(
        self, points: Sequence[Point], width: float, colour: Colour, *, role: Role = "detail", alpha: float = 1.0
    ) -> None:
        """A stroke of one width with round joints."""
        self.shapes.append(Shape("line", tuple(points), colour, None, width, role, alpha))

    def glow(self, at: Point, radius: float, colour: Colour, *, alpha: float = 1.0) -> None:
        """Light around a lamp, a window or the sun."""
        self.shapes.append(Shape("glow", (at,), colour, None, radius, "light", alpha))

    def mirrored(self) -> "Sheet":
        """The same scene seen in a mirror."""
        return Sheet(
            [
                Shape(s.kind, tuple((1.0 - x, y) for x, y in s.points), s.colour, s.bottom, s.size, s.role, s.alpha)
                for s in self.shapes
            ]
        )
