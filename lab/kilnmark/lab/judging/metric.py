"""A judge that is none: numbers of pictures, for where nobody looks and nothing may leave the machine.

It scores identity by how much a picture is like the dataset, and soundness by what is usual there. Composition and
clothing it cannot see, and it says of everything that it is a metric.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from kilnmark.lab.judging.axes import IDENTITY, PHOTOGRAPHIC
from kilnmark.lab.judging.errors import NothingToJudge
from kilnmark.lab.judging.likeness import DatasetLikeness
from kilnmark.lab.judging.references import spread
from kilnmark.lab.judging.report import Score
from kilnmark.lab.measures.gallery import Gallery
from kilnmark.lab.measures.hashing import differing_bits, perceptual_hash
from kilnmark.lab.measures.health import Collapse, Slack, usual
from kilnmark.lab.measures.measure import Picture, looks, read_picture, shrunk

__all__ = ["METRIC", "SCORED", "MetricJudge", "MetricSaid"]

METRIC: Final = "likeness-1"
"""Its name, with the version of its numbers."""

SCORED: Final = (IDENTITY, PHOTOGRAPHIC)
"""The axes that it scores."""

_MOST = 96
"""Pictures of a dataset that it looks at, from all over."""
_SIDE = 256
"""Pixels of the longer side that pictures are compared at."""
_STRANGE = 0.35
"""What each number that is out of the usual takes."""
_SPARSER = 0.8
"""Of the sparsest picture of a dataset: below it a painted one is taken for collapsed."""
_SAME_BITS = 4
"""Bits of 64 up to which two pictures have one content."""


class MetricSaid(msgspec.Struct, frozen=True):
    """What it says of one picture.

    Attributes:
        scores: By axis.
        nearest: The picture of the dataset that it is nearest to.
    """

    scores: tuple[Score, ...]
    nearest: Path


class MetricJudge:
    """Numbers over a dataset.

    Args:
        dataset: Its pictures.
        bare: Pictures of the same cells without the adapter.

    Raises:
        NothingToJudge: There are too few of either, a picture cannot be read, or nothing tells the two apart.
    """

    def __init__(self, dataset: Sequence[Path], bare: Sequence[Path]) -> None:
        chosen = list(dict.fromkeys(spread(dataset, min(_MOST, len(dataset)))))
        pictures = [_read(path) for path in chosen]
        self._places = {path.as_posix(): path for path in chosen}
        self._hashes = {path: perceptual_hash(picture) for path, picture in zip(chosen, pictures, strict=True)}
        try:
            self._likeness = DatasetLikeness(pictures, [_read(path) for path in bare])
        except ValueError as error:
            raise NothingToJudge(str(error), "name another judge") from error
        if not any(scale.tells for scale in self._likeness.scales.values()):
            reason = "the base paints without the adapter as the dataset looks, so that no number tells them apart"
            raise NothingToJudge(reason, "name another judge: a model or people")
        self._gallery = Gallery((path.as_posix(), picture) for path, picture in zip(chosen, pictures, strict=True))
        self._usual = usual(map(looks, pictures))
        low, bound = self._usual.low, Collapse()
        self._collapse = Collapse(  # a style may be sparse itself
            entropy=min(bound.entropy, _SPARSER * low.entropy), deviation=min(bound.deviation, _SPARSER * low.deviation)
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be known to read its scores."""
        silent = [name for name, scale in self._likeness.scales.items() if not scale.tells]
        found = ["a metric judged, and nobody looked: it sees colour, edges and texture, neither faces nor meaning"]
        if silent:
            found.append(
                f"{', '.join(silent)} tell nothing here: the base is as much like the dataset without the adapter"
            )
        return tuple(found)

    def judge(self, path: Path) -> MetricSaid:
        """Score one picture.

        Raises:
            NothingToJudge: It cannot be read.
        """
        picture = _read(path)
        nearest = self._gallery.nearest(picture)
        beside = self._places[nearest.name] if nearest else next(iter(self._hashes))
        return MetricSaid((self._identity(picture, beside), self._soundness(picture)), beside)

    def _identity(self, picture: Picture, beside: Path) -> Score:
        found = self._likeness.scores(picture)
        said = ", ".join(f"{name} {score:.2f}" for name, score in found.items())
        bits = differing_bits(perceptual_hash(picture), self._hashes[beside])
        alike = f"; its content is that of {beside.name}: learnt by heart?" if bits <= _SAME_BITS else ""
        sentence = f"metric: {said}, where 0 is as the base paints and 1 as the dataset is{alike}"
        return Score(IDENTITY, float(np.mean(list(found.values()))), sentence)

    def _soundness(self, picture: Picture) -> Score:
        found = looks(picture)
        collapsed = self._collapse.of(found)
        if collapsed:
            return Score(PHOTOGRAPHIC, 0.0, f"metric: {collapsed}")
        strange = self._usual.strange(found, Slack())
        sentence = "; ".join(strange) if strange else "its statistics are as usual in the dataset"
        return Score(PHOTOGRAPHIC, max(0.0, 1.0 - _STRANGE * len(strange)), f"metric: {sentence}")


def _read(path: Path) -> Picture:
    try:
        picture = read_picture(path)
    except OSError as error:
        raise NothingToJudge(f"{path} cannot be read as a picture ({error})", "put it back") from error
    longest = max(picture.shape[:2])
    if longest <= _SIDE:
        return picture
    high, wide = (max(16, round(side * _SIDE / longest)) for side in picture.shape[:2])
    return shrunk(picture, (high, wide))
