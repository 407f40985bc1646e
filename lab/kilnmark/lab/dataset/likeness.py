"""Which pictures of a dataset are one picture twice, and which stand apart from all others by sharpness or light.

Only numbers of pictures are compared here, never their files; 10,000 take a few seconds.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from kilnmark.lab.dataset.looking import PictureLook

__all__ = ["OUTLYING", "Outlier", "Outliers", "Twins", "outliers", "robust_scores", "twins"]

_ASKED: Final = ((4, 0.93), (10, 0.975), (14, 0.995))
"""How alike the colours of two pictures have to be at 16 x 16, as a correlation, by the bits of 64 that their hashes
differ in; with more bits they are not compared. Measured on drawings, photographs and paintings: what was packed, made
smaller, brighter, softer or cropped by a hundredth passes; another picture of the same series, with its ground and its
light, does not."""

_COLOUR_APART = 48

OUTLYING: Final = 3.5
"""Robust scores beyond it stand apart (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993)."""

_ENOUGH = 8
"""Fewer pictures are too few to say what is usual among them."""
_FLAT = 1e-6
_DARKEST = 1 / 512
"""Half a level of grey."""


class Twins(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures that show the same.

    Attributes:
        names: Theirs, the first of the dataset first.
        equal: Their pixels are equal.
        mirrored: Some is another's mirror image.
    """

    names: tuple[str, ...]
    equal: bool
    mirrored: bool = False


class Outlier(msgspec.Struct, frozen=True):
    """A picture that stands apart from the others.

    Attributes:
        name: Its own.
        score: How far, as a robust score.
    """

    name: str
    score: float


class Outliers(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures that stand apart from the others.

    Attributes:
        blurred: By their sharpness, the most blurred first.
        dark, bright: By their light, the furthest first.
    """

    blurred: tuple[Outlier, ...] = ()
    dark: tuple[Outlier, ...] = ()
    bright: tuple[Outlier, ...] = ()


def twins(looks: Sequence[PictureLook]) -> tuple[Twins, ...]:
    """Groups of pictures that show the same, equal ones first."""
    by_pixels: defaultdict[bytes, list[str]] = defaultdict(list)
    firsts: list[PictureLook] = []
    for look in looks:
        if look.pixels not in by_pixels:
            firsts.append(look)
        by_pixels[look.pixels].append(look.name)
    equal = [Twins(names=tuple(names), equal=True) for names in by_pixels.values() if len(names) > 1]
    return (*equal, *_near(firsts))


def _near(looks: Sequence[PictureLook]) -> list[Twins]:
    """Each picture with those after it that look like it, none of them twice."""
    if not looks:
        return []
    hashes = np.array([look.hash for look in looks], dtype=np.uint64)
    mirrors = np.array([look.mirrored for look in looks], dtype=np.uint64)
    tiny = np.frombuffer(b"".join(look.tiny for look in looks), dtype=np.uint8).reshape(len(looks), 16, 16, 3)
    free = np.ones(len(looks), dtype=np.bool_)
    groups = []
    for at in range(len(looks) - 1):
        if not free[at]:
            continue
        after = slice(at + 1, None)
        straight = np.bitwise_count(hashes[after] ^ hashes[at])
        turned = np.bitwise_count(mirrors[after] ^ hashes[at])
        same = _confirmed(straight, free[after], tiny[after], tiny[at]) + at + 1
        mirrored = _confirmed(turned, free[after], tiny[after], tiny[at][:, ::-1]) + at + 1
        mirrored = np.setdiff1d(mirrored, same)
        others = np.sort(np.concatenate((same, mirrored)))
        if others.size:
            free[others] = False
            names = (looks[at].name, *(looks[other].name for other in others))
            groups.append(Twins(names=names, equal=False, mirrored=bool(mirrored.size)))
    return groups


def _confirmed(
    bits: npt.NDArray[np.uint8],
    free: npt.NDArray[np.bool_],
    tiny: npt.NDArray[np.uint8],
    wanted: npt.NDArray[np.uint8],
) -> npt.NDArray[np.intp]:
    """Which of some pictures are another, by the bits that their hashes differ in and their colours at 16 x 16."""
    candidates: npt.NDArray[np.intp] = np.flatnonzero(free & (bits <= _ASKED[-1][0]))
    if not candidates.size:
        return candidates
    one = wanted.reshape(-1, 3).astype(np.float32)
    others = tiny[candidates].reshape(candidates.size, -1, 3).astype(np.float32)
    near_colour = np.abs(others.mean(axis=1) - one.mean(axis=0)).max(axis=1) < _COLOUR_APART
    one = one - one.mean(axis=0)
    others = others - others.mean(axis=1, keepdims=True)
    lengths = np.sqrt((others**2).sum(axis=(1, 2)) * (one**2).sum())
    flat = lengths < _FLAT
    correlation = np.divide((others * one).sum(axis=(1, 2)), lengths, out=flat.astype(np.float32), where=~flat)
    asked = np.select([bits[candidates] <= most for most, _ in _ASKED], [least for _, least in _ASKED])
    alike: npt.NDArray[np.intp] = candidates[near_colour & (correlation >= asked)]
    return alike


def outliers(looks: Sequence[PictureLook]) -> Outliers:
    """Those that are far more blurred, darker or brighter than is usual among them."""
    if len(looks) < _ENOUGH:
        return Outliers()
    sharp = robust_scores(np.log([look.sharpness + _FLAT for look in looks]))
    light = robust_scores(_odds(np.array([look.light for look in looks])))
    return Outliers(blurred=_above(looks, -sharp), dark=_above(looks, -light), bright=_above(looks, light))


def _odds(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Logarithms of how much light there is to how little, so that no picture is too near to black or white to stand
    apart.
    """
    inside = np.clip(light, _DARKEST, 1 - _DARKEST)
    odds: npt.NDArray[np.float64] = np.log(inside / (1 - inside))
    return odds


def _above(looks: Sequence[PictureLook], scores: npt.NDArray[np.float64]) -> tuple[Outlier, ...]:
    order = np.argsort(-scores, kind="stable")
    return tuple(Outlier(looks[at].name, round(float(scores[at]), 1)) for at in order if scores[at] > OUTLYING)


def robust_scores(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far each value is from the median, in deviations of the middle half: 0.6745 * (x - median) / MAD.

    Where more than half are equal, the mean deviation takes the place of the median one (1.2533 times it), as in IBM
    SPSS; where all are, each score is 0.
    """
    away = values - np.median(values)
    median = float(np.median(np.abs(away)))
    width = median / 0.6745 if median > _FLAT else float(np.abs(away).mean()) * 1.2533
    return away / width if width > _FLAT else np.zeros_like(away)
