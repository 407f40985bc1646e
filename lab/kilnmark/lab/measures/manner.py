"""How a picture is painted, whatever it shows: its colours, contrasts and grain as a few numbers; and how far pictures
have come from one manner to another.

It is what a style is to teach, so that it tells one that is not learnt yet from one that is, and both from another one.
"""

from collections.abc import Sequence
from statistics import fmean

import msgspec
import numpy as np
import numpy.typing as npt

from kilnmark.lab.measures.measure import Picture, looks
from kilnmark.lab.measures.perceptual import seen

__all__ = ["Manners", "Way", "manner"]

Numbers = npt.NDArray[np.float64]

_COLOURS, _GRAIN = slice(0, 8), slice(8, 20)
"""Of the numbers: a style may be told by either, so that each counts half."""

_FAINT = 0.05
"""Least spread that a number is held to: below it, in its own unit, nobody sees a difference."""


class Way(msgspec.Struct, frozen=True):
    """How far pictures have come from one manner to another.

    Attributes:
        learnt: Of the way: 0 where it begins, 1 where it ends, more beyond it.
        astray: How far beside the way, in the same measure.
    """

    learnt: float
    astray: float


def manner(picture: Picture) -> Numbers:
    """The manner of a picture of at least 16 x 16 pixels, as numbers of about one size: (20,).

    Colours: means and deviations of light, red and blue, saturation, share of black and white. Grain: smoothness,
    noise, and the strength of edges across and down at three scales, in logarithms; it depends on size, so that
    pictures of one size are to be compared.
    """
    wide = picture.astype(np.float64) / 255
    light, found = wide @ np.array([0.299, 0.587, 0.114]), looks(picture)
    hues = [wide[..., 0] - light, wide[..., 2] - light]
    parts = [each for plane in (light, *hues) for each in (plane.mean(), plane.std())]
    parts += [found.saturation, found.clipped, found.smoothness, np.log10(1 + found.noise)]
    eyes = seen(picture)
    parts += [np.log10(1 + edges.mean()) for direction in eyes.edges for edges in direction]
    parts += [np.log10(1 + np.median(direction[0])) for direction in eyes.edges]
    parts += [np.log10(1 + np.abs(direction[0]).max()) for direction in eyes.edges]
    return np.array(parts)


class _Track:
    """The way in some of the numbers."""

    def __init__(self, start: Numbers, end: Numbers) -> None:
        self._spread = np.maximum(np.sqrt((start.var(axis=0) + end.var(axis=0)) / 2), _FAINT)
        self._start = start.mean(axis=0) / self._spread
        self._way = end.mean(axis=0) / self._spread - self._start
        self.length = float(np.linalg.norm(self._way))

    def come(self, painted: Numbers) -> Way:
        moved = painted.mean(axis=0) / self._spread - self._start
        learnt = float(moved @ self._way) / self.length**2
        return Way(learnt, float(np.linalg.norm(moved - learnt * self._way)) / self.length)


class Manners:
    """The way from one manner to another, in colours and in grain.

    Args:
        begun: Manners of pictures without adapter.
        goal: Manners of those that were trained on.

    Raises:
        ValueError: Fewer than two of either, or both are alike.
    """

    def __init__(self, begun: Sequence[Numbers], goal: Sequence[Numbers]) -> None:
        if min(len(begun), len(goal)) < 2:  # noqa: PLR2004 - one has no spread
            raise ValueError(f"from {len(begun)} pictures to {len(goal)} leads no way; give two of each, or more")
        start, end = np.stack(begun), np.stack(goal)
        self._tracks = [_Track(start[:, part], end[:, part]) for part in (_COLOURS, _GRAIN)]
        if any(track.length == 0 for track in self._tracks):
            raise ValueError("both manners are one; give pictures that differ")

    @property
    def length(self) -> float:
        """Of the way, in spreads of its numbers: below 1 the pictures trained on look like the base's own."""
        return float(np.sqrt(sum(track.length**2 for track in self._tracks) / _GRAIN.stop))

    def come(self, painted: Sequence[Numbers]) -> Way:
        """How far these pictures have come, in the mean; colours and grain count half each.

        Raises:
            ValueError: There are none.
        """
        if not painted:
            raise ValueError("nothing comes from nowhere; give a picture")
        found = np.stack(painted)
        ways = [track.come(found[:, part]) for track, part in zip(self._tracks, (_COLOURS, _GRAIN), strict=True)]
        return Way(fmean(way.learnt for way in ways), fmean(way.astray for way in ways))
