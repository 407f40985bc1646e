"""How far two pictures are from each other to the eye, without weights that would have to be fetched; and how alike
they are laid out.

Pictures are (height, width, 3) arrays of uint8. What a distance means is not judged here.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kilnmark.lab.measures.measure import Picture, fitted

__all__ = ["Sighted", "apart", "distance", "layout", "seen"]

Plane = npt.NDArray[np.float64]

_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_C = 30.0
_ALPHA = 4.2
_SMALLEST = 16
"""Pixels of the shorter side, below which the coarsest wavelet finds nothing to lie on."""
_LAYOUT = 8
"""Fields of a layout along each side."""


@dataclass(frozen=True)
class Sighted:
    """What is compared of a picture, for whoever compares it with many.

    Attributes:
        edges: Sizes of the Haar coefficients, for each of two directions at three scales, the finest first.
        colours: Sizes of the means of two colour planes.
    """

    edges: tuple[tuple[Plane, Plane, Plane], tuple[Plane, Plane, Plane]]
    colours: tuple[Plane, Plane]


def distance(one: Picture, other: Picture) -> float:
    """One less their HaarPSI: 0 for equal pictures, towards 1 for those that have nothing in common.

    HaarPSI (Reisenhofer, Bosse, Kutyniok, Wiegand: A Haar wavelet-based perceptual similarity index for image quality
    assessment, Signal Processing: Image Communication 61, 2018) in colour, with the paper's constants, on mirrored
    borders. It goes by edges and colour: a change of brightness alone, even over the whole picture, is what `ssim`
    sees.

    Args:
        one, other: Of one size, with 16 pixels at least on each side.

    Raises:
        ValueError: Of two sizes, or smaller.
    """
    return apart(seen(one), seen(other))


def seen(picture: Picture) -> Sighted:
    """What `apart` goes by.

    Raises:
        ValueError: It has fewer than 16 pixels on a side.
    """
    if min(picture.shape[:2]) < _SMALLEST:
        raise ValueError(f"a picture of {picture.shape} cannot be compared; give one of {_SMALLEST} pixels and more")
    light, *colours = _halved(picture @ _YIQ.T)
    down, across = ((_haar(light, 1, axis), _haar(light, 2, axis), _haar(light, 3, axis)) for axis in (0, 1))
    return Sighted((down, across), (_box(colours[0]), _box(colours[1])))


def apart(one: Sighted, other: Sighted) -> float:
    """`distance`, of what was seen of both.

    Raises:
        ValueError: They were of two sizes.
    """
    if one.colours[0].shape != other.colours[0].shape:
        raise ValueError("pictures of two sizes cannot be compared; give two of one size")
    likeness, weight = [], []
    for first, second in zip(one.edges, other.edges, strict=True):
        likeness.append((_alike(first[0], second[0]) + _alike(first[1], second[1])) / 2)
        weight.append(np.maximum(first[2], second[2]))
    hues = [_alike(first, second) for first, second in zip(one.colours, other.colours, strict=True)]
    likeness.append((hues[0] + hues[1]) / 2)
    weight.append((weight[0] + weight[1]) / 2)
    found, weights = np.stack(likeness), np.stack(weight)
    felt = 1 / (1 + np.exp(-_ALPHA * found))
    share = float((felt * weights).sum() / weights.sum()) if weights.any() else float(felt.mean())
    return 1 - min(1.0, (float(np.log(share / (1 - share))) / _ALPHA) ** 2)


def layout(one: Picture, other: Picture) -> float:
    """How alike two pictures are laid out: the correlation of light and colours over 8 x 8 fields, -1 to 1.

    0 where they have nothing in common, and where one of them is even. Their sizes may differ.
    """
    first, second = (np.asarray(fitted(each, _LAYOUT), np.float64) for each in (one, other))
    first, second = first - first.mean(axis=(0, 1)), second - second.mean(axis=(0, 1))
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size > 0 else 0.0


def _halved(planes: npt.NDArray[np.float64]) -> list[Plane]:
    """Each plane at half its size, by the mean of two by two: a size that is viewed from a usual distance."""
    high, wide = (each // 2 * 2 for each in planes.shape[:2])
    fields = planes[:high, :wide].reshape(high // 2, 2, wide // 2, 2, 3).mean(axis=(1, 3))
    return [np.ascontiguousarray(fields[..., plane]) for plane in range(3)]


def _haar(plane: Plane, scale: int, axis: int) -> Plane:
    """Sizes of the Haar coefficients across an axis, of filters of 2, 4 or 8 pixels."""
    side = 2**scale
    padded = np.pad(plane, (side // 2, side // 2), mode="symmetric")
    strips = _running(padded, side, 1 - axis)
    halves = _running(strips, side // 2, axis)
    count = halves.shape[axis] - side // 2
    near, far = np.take(halves, range(count), axis), np.take(halves, range(side // 2, side // 2 + count), axis)
    found: Plane = np.abs(near - far)[: plane.shape[0], : plane.shape[1]] / side
    return found


def _box(plane: Plane) -> Plane:
    """Sizes of the means of two by two."""
    padded = np.pad(plane, ((0, 1), (0, 1)), mode="symmetric")
    found: Plane = np.abs(_running(_running(padded, 2, 0), 2, 1)) / 4
    return found


def _running(plane: Plane, count: int, axis: int) -> Plane:
    """Sums of so many neighbours."""
    sums = np.cumsum(plane, axis=axis)
    first = np.zeros_like(np.take(sums, [0], axis))
    sums = np.concatenate([first, sums], axis=axis)
    last = sums.shape[axis]
    found: Plane = np.take(sums, range(count, last), axis) - np.take(sums, range(last - count), axis)
    return found


def _alike(one: Plane, other: Plane) -> Plane:
    found: Plane = (2 * one * other + _C) / (one**2 + other**2 + _C)
    return found
