"""How much a picture is like those of a dataset, in colour and in structure, by numbers that know no content.

Each number is held between two ends: how far the dataset's pictures are from one another, and how far from them what
the base paints without the adapter is. Where the two ends are the same, a number tells nothing, and says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from kilnmark.lab.measures.measure import Picture

__all__ = ["DatasetLikeness", "Scale", "traits"]

Row = npt.NDArray[np.float64]

_SIDE = 96
"""Pixels of the longer side that traits are taken at."""
_NEAREST = 3
_APART = 1.15
"""How many times as far the base has to be as the dataset is wide, before a trait tells anything."""
_BANDS = 3
_COLOURS = 6
_EDGES = np.geomspace(2.0, 360.0, 13)
_ANGLES = 8


def traits(picture: Picture) -> Mapping[str, Row]:
    """What a picture is like, each as a row of shares whose squares sum to 1."""
    small = _small(picture)
    grey = small @ np.array([0.299, 0.587, 0.114])
    return {"colour": _colours(small), "edges": _edges(grey), "texture": _texture(grey)}


class Scale(msgspec.Struct, frozen=True):
    """Between which ends a trait lies.

    Attributes:
        own: How far a picture of the dataset is from its nearest ones, in the middle.
        bare: How far from them a picture without the adapter is, in the middle.
    """

    own: float
    bare: float

    @property
    def tells(self) -> bool:
        """Whether the two are far enough apart."""
        return self.bare > _APART * self.own

    def score(self, distance: float) -> float:
        """1 as near as the dataset is to itself, 0 as far away as the base is."""
        return float(np.clip((self.bare - distance) / (self.bare - self.own), 0.0, 1.0))


class DatasetLikeness:
    """A dataset, and what a base paints without it.

    Args:
        dataset: Its pictures, at least two.
        bare: What the base paints, at least one.

    Raises:
        ValueError: There are fewer.
    """

    def __init__(self, dataset: Iterable[Picture], bare: Sequence[Picture]) -> None:
        rows = [traits(picture) for picture in dataset]
        if len(rows) < 2 or not bare:  # noqa: PLR2004 - one is like nothing
            raise ValueError("it takes two pictures of a dataset and one without the adapter to tell what is like them")
        self._rows = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        others = [traits(picture) for picture in bare]
        self.scales: Mapping[str, Scale] = {
            name: Scale(
                float(np.median([self._distance(name, row[name], but=at) for at, row in enumerate(rows)])),
                float(np.median([self._distance(name, row[name]) for row in others])),
            )
            for name in self._rows
        }
        """Of each trait."""

    def scores(self, picture: Picture) -> Mapping[str, float]:
        """Of each trait that tells something: 0 to 1."""
        found = traits(picture)
        return {
            name: scale.score(self._distance(name, found[name])) for name, scale in self.scales.items() if scale.tells
        }

    def _distance(self, name: str, row: Row, but: int | None = None) -> float:
        """The mean Hellinger distance to the nearest of the dataset."""
        apart = np.sqrt(np.clip(1 - self._rows[name] @ row, 0.0, None))
        if but is not None:
            apart = np.delete(apart, but)
        return float(np.sort(apart)[:_NEAREST].mean())


def _small(picture: Picture) -> Row:
    from PIL import Image

    image = Image.fromarray(picture)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.asarray(image, np.float64)


def _colours(small: Row) -> Row:
    """Shares of the fields of a cube of red, green and blue."""
    fields = np.minimum(small.astype(np.int64) * _COLOURS // 256, _COLOURS - 1)
    places = (fields[..., 0] * _COLOURS + fields[..., 1]) * _COLOURS + fields[..., 2]
    return _shares(np.bincount(places.ravel(), minlength=_COLOURS**3).astype(np.float64))


def _edges(grey: Row) -> Row:
    """Shares of edges by their strength, and of the strong ones by their direction."""
    down, across = np.gradient(grey)
    strength, angle = np.hypot(down, across).ravel(), np.arctan2(down, across).ravel() % np.pi
    by_strength, _ = np.histogram(strength, bins=np.concatenate([[0.0], _EDGES]))
    by_angle, _ = np.histogram(angle, bins=_ANGLES, range=(0.0, np.pi), weights=strength)
    return np.sqrt(np.concatenate([_shares(by_strength) ** 2, _shares(by_angle) ** 2]) / 2)


def _texture(grey: Row) -> Row:
    """Shares of what is lost from one blur to the next, and of what stays."""
    levels = [grey]
    for _ in range(_BANDS):
        levels.append(_halved(levels[-1]))
    lost = [float(np.abs(fine - _doubled(coarse, fine.shape)).mean()) for fine, coarse in pairwise(levels)]
    return _shares(np.array([*lost, float(levels[-1].std())]))


def _halved(grey: Row) -> Row:
    high, wide = (max(2, side // 2 * 2) for side in grey.shape)
    padded = np.pad(grey, ((0, max(0, high - grey.shape[0])), (0, max(0, wide - grey.shape[1]))), mode="edge")
    fields: Row = padded[:high, :wide].reshape(high // 2, 2, wide // 2, 2).mean(axis=(1, 3))
    return fields


def _doubled(grey: Row, shape: tuple[int, ...]) -> Row:
    wide = np.repeat(np.repeat(grey, 2, axis=0), 2, axis=1)
    missing = [max(0, want - have) for want, have in zip(shape, wide.shape, strict=True)]
    return np.pad(wide, ((0, missing[0]), (0, missing[1])), mode="edge")[: shape[0], : shape[1]]


def _shares(counts: Row) -> Row:
    total = counts.sum()
    return np.sqrt(counts / total) if total > 0 else np.full(counts.shape, 1 / np.sqrt(len(counts)))
