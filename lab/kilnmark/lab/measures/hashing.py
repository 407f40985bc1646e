"""A hash by which pictures of one content are known, whatever their size, format and small flaws."""

import numpy as np
import numpy.typing as npt

from kilnmark.lab.measures.measure import Picture, grey_of, shrunk

__all__ = ["differing_bits", "perceptual_hash"]

_SIDE, _KEPT = 32, 8
_EVEN = 1e-6
"""A coefficient below it is rounding, and its sign is chance."""


def perceptual_hash(picture: Picture) -> int:
    """64 bits: which of the lowest 8 x 8 cosine coefficients of the picture at 32 x 32 are above their median.

    Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010, 3.2.1. The mean stands among the
    coefficients as 0, so that brightness alone changes nothing.
    """
    waves = _cosines()
    coefficients = waves @ grey_of(shrunk(picture, (_SIDE, _SIDE))) @ waves.T
    coefficients[0, 0] = 0.0
    coefficients[np.abs(coefficients) < _EVEN] = 0.0
    bits = (coefficients > np.median(coefficients)).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def differing_bits(one: int, other: int) -> int:
    """Of two hashes: 0 for one content, about 32 for two that have nothing to do with each other."""
    return (one ^ other).bit_count()


def _cosines() -> npt.NDArray[np.float64]:
    """The first rows of the orthonormal cosine transform (DCT-II): (8, 32)."""
    rows, columns = np.arange(_KEPT)[:, None], np.arange(_SIDE)[None, :]
    waves: npt.NDArray[np.float64] = np.sqrt(2 / _SIDE) * np.cos(np.pi * (2 * columns + 1) * rows / (2 * _SIDE))
    waves[0] /= np.sqrt(2)
    return waves
