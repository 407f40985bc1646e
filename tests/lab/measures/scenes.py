"""Pictures made by code, with edges, colours and areas, and what can be done to them."""

import numpy as np
import numpy.typing as npt

from kilnmark.lab.measures.measure import Picture

__all__ = ["blurred", "hatched", "noisier", "scene", "shifted"]


def scene(seed: int, side: int = 96) -> Picture:
    """A sky over a ground, with some discs and boxes; each seed is another picture."""
    chance = np.random.default_rng(seed)
    down, across = np.mgrid[:side, :side] / side
    sky, ground = chance.uniform(40, 240, (2, 3))
    picture = np.where((down < chance.uniform(0.3, 0.7))[..., None], sky * (1 - 0.3 * down[..., None]), ground)
    for _ in range(6):
        y, x, size = chance.uniform(0.1, 0.9), chance.uniform(0.1, 0.9), chance.uniform(0.05, 0.2)
        round_ = (down - y) ** 2 + (across - x) ** 2 < size**2
        box = (abs(down - y) < size) & (abs(across - x) < size / 2)
        picture[round_ if chance.random() < 0.5 else box] = chance.uniform(0, 255, 3)
    return _bytes(picture)


def noisier(picture: Picture, deviation: float) -> Picture:
    return _bytes(picture + deviation * np.random.default_rng(1).standard_normal(picture.shape))


def blurred(picture: Picture, width: int) -> Picture:
    """By the mean of so many neighbours, across and down."""
    wide = picture.astype(np.float64)
    for axis in (0, 1):
        wide = np.mean([np.roll(wide, step - width // 2, axis) for step in range(width)], axis=0)
    return _bytes(wide)


def shifted(picture: Picture, pixels: int) -> Picture:
    return np.roll(picture, pixels, axis=1)


def hatched(picture: Picture, every: int = 4) -> Picture:
    """With dark lines over it, as an engraver's."""
    dark = (np.add.outer(np.arange(picture.shape[0]), np.arange(picture.shape[1])) % every) < every // 2
    return _bytes(np.where(dark[..., None], picture * 0.4, picture))


def _bytes(wide: npt.NDArray[np.float64]) -> Picture:
    return np.clip(np.rint(wide), 0, 255).astype(np.uint8)
