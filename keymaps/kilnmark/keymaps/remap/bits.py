"""Matrices as they are stored: their bits, moved and never computed with where a remap only moves them.

No number goes through another dtype unless alpha must be folded in or two dtypes must share one tensor, and both are
told. Zero is the bit pattern of zeros in every floating-point dtype.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.files.dtypes import WIDTHS, as_float32, to_bfloat16
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.updates.fused import without_kernel

__all__ = ["Bits", "Stored", "as_numbers", "common_dtype", "fold", "placed", "scalar", "stacked", "stored", "widened"]

Bits = NDArray[Any]
"""Unsigned whole numbers of the dtype's width."""
_Wide = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A tensor in the dtype of its file."""

    dtype: str
    bits: Bits

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a matrix rows and columns, as updates take them."""
        return self.bits.shape

    def numbers(self) -> NDArray[np.float64]:
        """What the bits stand for."""
        return _values(self)

    def same_as(self, other: "Stored") -> bool:
        """The same bits in the same dtype."""
        return self is other or (self.dtype == other.dtype and np.array_equal(self.bits, other.bits))


def stored(file: AdapterFile, key: str, *, transposed: bool = False) -> Stored:
    """A tensor of a file, without a copy."""
    info = file.tensors[key]
    bits = file.data[info.begin : info.end].view(f"<u{WIDTHS[info.dtype]}").reshape(without_kernel(info.shape))
    return Stored(info.dtype, bits.T if transposed else bits)


def scalar(value: float) -> Stored:
    """One number in F32, which must hold it exactly."""
    return Stored("F32", np.asarray(value, "<f4").view("<u4"))


def stacked(matrices: Sequence[Stored]) -> Stored:
    """Rows below rows; in the common dtype."""
    dtype = common_dtype(matrices)
    return Stored(dtype, np.concatenate([widened(matrix, dtype).bits for matrix in matrices]))


def placed(shape: tuple[int, int], parts: Iterable[tuple[Stored, int, int]], dtype: str) -> Stored:
    """A matrix of zeros with each part at its row and column."""
    bits = np.zeros(shape, f"<u{WIDTHS[dtype]}")
    for part, row, column in parts:
        height, width = part.shape
        bits[row : row + height, column : column + width] = widened(part, dtype).bits
    return Stored(dtype, bits)


def as_numbers(values: NDArray[Any], dtype: str) -> Stored:
    """Numbers in a dtype of at least 16 bits; zeros in any."""
    if not values.any():
        return Stored(dtype, np.zeros(values.shape, f"<u{WIDTHS[dtype]}"))
    return _encoded(values.astype(np.float64), dtype)


def common_dtype(matrices: Iterable[Stored]) -> str:
    """The dtype of all, or one that holds the numbers of all."""
    dtypes = {matrix.dtype for matrix in matrices}
    if len(dtypes) == 1:
        return dtypes.pop()
    return "F64" if "F64" in dtypes else "F32"


def widened(matrix: Stored, dtype: str) -> Stored:
    """The same numbers in F32 or F64, or the matrix itself where that is its dtype."""
    if matrix.dtype == dtype:
        return matrix
    return _encoded(_values(matrix), dtype)


def fold(matrix: Stored, multiplier: float) -> tuple[Stored, bool]:
    """A matrix times a number, in its own dtype where that holds the product exactly, else in F32.

    Returns:
        The product, and whether it had to be rounded.

    Raises:
        OverflowError: F32 cannot hold it.
    """
    product = _values(matrix) * multiplier
    wide = "F64" if matrix.dtype == "F64" else "F32"
    for dtype in dict.fromkeys((matrix.dtype if matrix.dtype in _ENCODED else wide, wide)):
        folded = _encoded(product, dtype)
        if np.array_equal(_values(folded), product):
            return folded, False
    if not np.isfinite(_values(folded)).all():
        raise OverflowError
    return folded, True


def _values(matrix: Stored) -> _Wide:
    raw = np.ascontiguousarray(matrix.bits).reshape(-1).view(np.uint8)
    flat = raw.view("<f8") if matrix.dtype == "F64" else as_float32(raw, matrix.dtype)
    return flat.reshape(matrix.shape).astype(np.float64)


_ENCODED = frozenset({"F16", "BF16", "F32", "F64"})


def _encoded(values: _Wide, dtype: str) -> Stored:
    with np.errstate(over="ignore"):
        if dtype == "BF16":
            return Stored(dtype, to_bfloat16(values.astype(np.float32)))
        width = WIDTHS[dtype]
        return Stored(dtype, values.astype(f"<f{width}").view(f"<u{width}"))
