"""One scene from what it is to show and a seed: where its place stands, who is in it, what is in the air."""

from collections.abc import Callable, Mapping
from random import Random

from PIL import Image

from scripts.mini.draw import gouache, land, neutral, weather, woodcut
from scripts.mini.draw.creatures import FLYING, INHABITANTS, balloon
from scripts.mini.draw.light import Light, light_of
from scripts.mini.draw.places import BUILT, SAND, Stage
from scripts.mini.draw.sheet import Sheet
from scripts.mini.draw.wilds import GROWN
from scripts.mini.draw.words import ABSENT, Motif

__all__ = ["picture", "scene"]

FLYING_SIZE = 0.30
FULL_SIZES = {"stag": 0.21, "fox": 0.20, "traveller": 0.21, "knight": 0.20}
"""Heights of those on the ground, in heights of the picture."""


PAINTERS: Mapping[str, Callable[[Sheet, int], Image.Image]] = {
    "neutral": neutral.paint,
    "woodcut": woodcut.paint,
    "gouache": gouache.paint,
}


def picture(motif: Motif, seed: int, size: int = 128, style: str = "neutral") -> Image.Image:
    """The scene in one of the styles, `size` by `size` pixels, RGB."""
    return PAINTERS[style](scene(motif, seed), size)


def scene(motif: Motif, seed: int) -> Sheet:
    """What the picture consists of. The same motif and seed give the same scene on every machine."""
    random = Random(f"{seed} {motif}")
    light, sheet = light_of(motif.time, motif.weather), Sheet()
    horizon = 0.62 + random.uniform(-0.02, 0.02)
    stage = Stage(sheet, random, light, random.uniform(0.42, 0.58), horizon, random.uniform(0.92, 1.06))
    land.sky(sheet, light)
    weather.behind(sheet, random, light, motif.time, motif.weather, horizon)
    land.hills(sheet, random, light, horizon)
    {**BUILT, **GROWN}[motif.place](stage)
    if motif.place not in ("bridge", "harbour"):
        land.grass(sheet, random, light, SAND if motif.place == "ruins" else land.GRASS)
    _inhabit(stage, motif)
    if motif.subject:
        balloon(sheet, light, (random.choice((0.2, 0.8)), random.uniform(0.32, 0.37)), random.uniform(0.27, 0.31))
    weather.before(sheet, random, light, motif.weather, horizon)
    return sheet.mirrored() if random.random() < 0.5 else sheet


def _inhabit(stage: Stage, motif: Motif) -> None:
    if motif.creature == ABSENT:
        return
    random, light = stage.random, stage.light
    side = random.choice((-1, 1))
    if motif.creature in FLYING:
        at = (0.5 + side * random.uniform(0.20, 0.26), random.uniform(0.20, 0.28))
        INHABITANTS[motif.creature](stage.sheet, light, at, FLYING_SIZE * random.uniform(0.95, 1.1))
        return
    foot = (0.5 + side * random.uniform(0.24, 0.32), random.uniform(0.90, 0.95))
    if motif.place in ("bridge", "harbour"):
        _bank(stage, foot[0], light)
    INHABITANTS[motif.creature](stage.sheet, light, foot, FULL_SIZES[motif.creature] * random.uniform(0.95, 1.1))


def _bank(stage: Stage, x: float, light: Light) -> None:
    """A tongue of land for whoever stands where water is."""
    near = light.ground(land.GRASS)
    points = [(x - 0.30, 1.0), (x - 0.22, 0.93), (x, 0.885), (x + 0.22, 0.93), (x + 0.30, 1.0)]
    stage.sheet.polygon(points, near, bottom=tuple(0.75 * value for value in near), role="land")  # type: ignore[arg-type]
