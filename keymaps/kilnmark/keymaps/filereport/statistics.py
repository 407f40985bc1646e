"""What the numbers of a tensor are like: norm, zeros, exponents. Never the numbers themselves, but where all are one.

Everything here is a few numbers a tensor, so that no weight can be had from them.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.filereport.document import Run
from kilnmark.keymaps.files.dtypes import as_float32
from kilnmark.keymaps.files.safefile import AdapterFile

__all__ = ["Statistics", "statistics_of"]

_RUN_LIMIT = 32
_COLUMN_LIMIT = 512
_MATRIX = 2
_DIGITS = 5


class Statistics(NamedTuple):
    """Of one tensor; fields as those of `TensorGroup`."""

    norm: float
    low: int | None
    high: int | None
    zeros: int
    nans: int
    infinite: int
    value: float | None
    runs: tuple[Run, ...]
    copies: int


def statistics_of(file: AdapterFile, name: str) -> Statistics:
    """Measure one tensor."""
    info = file.tensors[name]
    numbers = as_float32(file.data[info.begin : info.end], info.dtype)
    nans, infinite = int(np.isnan(numbers).sum()), int(np.isinf(numbers).sum())
    finite = numbers[np.isfinite(numbers)] if nans or infinite else numbers
    zeros = finite.size - int(np.count_nonzero(finite))
    sizes = np.abs(finite[finite != 0] if zeros else finite)
    low, high = (_exponent(float(sizes.min())), _exponent(float(sizes.max()))) if sizes.size else (None, None)
    return Statistics(
        norm=_rounded(math.sqrt(float(np.sum(np.square(finite, dtype=np.float64))))),
        low=low,
        high=high,
        zeros=zeros,
        nans=nans,
        infinite=infinite,
        value=_value(finite) if finite.size == numbers.size else None,
        runs=_runs(numbers.reshape(info.shape)) if 0 < zeros < numbers.size else (),
        copies=_copies(numbers.reshape(info.shape)),
    )


def _exponent(number: float) -> int:
    return math.frexp(number)[1] - 1


def _rounded(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")


def _value(numbers: NDArray[np.float32]) -> float | None:
    """The one that all are."""
    return float(numbers[0]) if numbers.size and numbers.min() == numbers.max() else None


def _runs(matrix: NDArray[np.float32]) -> tuple[Run, ...]:
    """Empty where they are many, or where it is no matrix."""
    if matrix.ndim != _MATRIX or matrix.shape[1] > _COLUMN_LIMIT:
        return ()
    present = matrix != 0
    changes = np.flatnonzero((present[1:] != present[:-1]).any(axis=1)) + 1
    if changes.size >= _RUN_LIMIT:
        return ()
    begins = [0, *changes.tolist(), len(present)]
    return tuple(
        (end - begin, "".join("1" if column else "0" for column in present[begin])) for begin, end in pairwise(begins)
    )


def _copies(matrix: NDArray[np.float32]) -> int:
    """How often all rows stand in it; the most that is, up to four."""
    if matrix.ndim != _MATRIX:
        return 1
    for count in (4, 3, 2):
        rows, rest = divmod(len(matrix), count)
        if rest == 0 and rows and np.array_equal(matrix[: len(matrix) - rows], matrix[rows:]):
            return count
    return 1
