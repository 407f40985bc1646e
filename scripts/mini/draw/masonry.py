"""What builders make: walls with a lit and a dark side, roofs, windows, crenels, doors. Places are made of it."""

from scripts.mini.draw.light import Light, rgb
from scripts.mini.draw.sheet import Colour, Sheet, mix, scaled

__all__ = ["BRICK", "SLATE", "STONE", "THATCH", "cone", "crenels", "door", "gable", "house", "wall", "window"]

STONE = rgb("b9b2a8")
SLATE = rgb("55688a")
BRICK = rgb("b5563f")
THATCH = rgb("b98f4e")
LAMP = rgb("ffd36b")
GLASS = rgb("3b4a5c")
WOOD = rgb("5a3d2b")
SNOW = rgb("f1f5fb")


def wall(
    sheet: Sheet, light: Light, box: tuple[float, float, float, float], own: Colour = STONE, depth: float = 0.1
) -> None:
    """An upright wall (left, top, right, low), its right third in the shade."""
    left, top, right, low = box
    face = light.on(own, depth)
    sheet.polygon([(left, top), (right, top), (right, low), (left, low)], face, bottom=scaled(face, 0.88))
    edge = right - 0.32 * (right - left)
    sheet.box(edge, top, right, low, scaled(face, 0.76), role="detail")


def cone(sheet: Sheet, light: Light, box: tuple[float, float, float, float], own: Colour, depth: float = 0.1) -> None:
    """A pointed roof over (left, top, right, low), under snow where it snows."""
    left, top, right, low = box
    middle = (left + right) / 2
    roof = light.on(own, depth)
    sheet.polygon([(left, low), (middle, top), (right, low)], roof)
    sheet.polygon(
        [(middle, top), (right, low), (middle + 0.18 * (right - left), low)], scaled(roof, 0.74), role="detail"
    )
    if light.white:
        cut = top + 0.62 * (low - top)
        half = 0.31 * (right - left)
        points = [(middle - half, cut), (middle, top), (middle + half, cut), (middle, cut - 0.10 * (low - top))]
        sheet.polygon(points, light.on(SNOW, depth), role="detail")


def gable(sheet: Sheet, light: Light, box: tuple[float, float, float, float], own: Colour, depth: float = 0.1) -> None:
    """A roof with a ridge, seen from its long side."""
    left, top, right, low = box
    lean = 0.18 * (right - left)
    roof = light.on(own, depth)
    points = [(left, low), (left + lean, top), (right - lean, top), (right, low)]
    sheet.polygon(points, light.on(mix(own, SNOW, 0.9), depth) if light.white else roof)
    lower = [(left, low), (left + 0.4 * lean, low - 0.4 * (low - top)), (right - 0.4 * lean, low - 0.4 * (low - top))]
    sheet.polygon([*lower, (right, low)], scaled(roof, 0.84), role="detail")


def crenels(sheet: Sheet, light: Light, left: float, right: float, top: float, count: int, depth: float = 0.1) -> None:
    """Teeth along the top of a wall."""
    step = (right - left) / (2 * count - 1)
    face = light.on(STONE, depth)
    for tooth in range(count):
        x = left + 2 * tooth * step
        shade = 0.76 if x > left + 0.66 * (right - left) else 1.0
        sheet.box(x, top - step, x + step, top + 0.002, scaled(face, shade))
        if light.white:
            sheet.box(x, top - step, x + step, top - 0.6 * step, light.on(SNOW, depth), role="detail")


def window(sheet: Sheet, light: Light, x: float, y: float, size: float, depth: float = 0.1) -> None:
    """A narrow opening, lit from within when lamps are."""
    pane = mix(LAMP, light.haze, 0.25 * depth) if light.lamps else light.on(GLASS, depth)
    left = [(x - 0.4 * size, y + 0.7 * size), (x - 0.4 * size, y - 0.4 * size)]
    right = [(x + 0.4 * size, y - 0.4 * size), (x + 0.4 * size, y + 0.7 * size)]
    if light.lamps:
        sheet.glow((x, y), 2.6 * size, LAMP, alpha=0.5)
    sheet.polygon(
        [*left, (x, y - 0.8 * size), *right],
        pane,
        role="light" if light.lamps else "detail",
    )


def door(sheet: Sheet, light: Light, x: float, low: float, size: float, depth: float = 0.1) -> None:
    """An arched door that stands on `low`."""
    dark = light.on(WOOD, depth)
    sheet.disc((x, low - size), 0.45 * size, dark, role="detail")
    sheet.box(x - 0.45 * size, low - size, x + 0.45 * size, low, dark, role="detail")


def house(sheet: Sheet, light: Light, at: tuple[float, float], size: float, colours: tuple[Colour, Colour]) -> None:
    """A cottage that stands at the middle of its foot, with walls and roof of their colours."""
    x, low = at
    left, right, top = x - 0.5 * size, x + 0.5 * size, low - 0.52 * size
    wall(sheet, light, (left, top, right, low), colours[0])
    sheet.box(x + 0.2 * size, top - 0.52 * size, x + 0.31 * size, top - 0.2 * size, light.on(scaled(BRICK, 0.8)))
    gable(sheet, light, (left - 0.10 * size, top - 0.42 * size, right + 0.10 * size, top + 0.03 * size), colours[1])
    door(sheet, light, x - 0.22 * size, low, 0.24 * size)
    window(sheet, light, x + 0.16 * size, low - 0.27 * size, 0.15 * size)
