"""Stored numbers to float32, exactly where float32 can hold them.

Little-endian, as the safetensors format stores them. F8 formats are those of Micikevicius et al., "FP8 Formats for
Deep Learning" (2022): E4M3 has no infinity and one NaN, E5M2 follows IEEE 754.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.files.widths import FLOATS, WIDTHS

__all__ = ["F8_TABLES", "FLOATS", "NUMPY", "WIDTHS", "as_float32", "to_bfloat16"]

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

NUMPY: Mapping[str, str] = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "I16": "<i2",
    "U16": "<u2",
    "F16": "<f2",
    "I32": "<i4",
    "U32": "<u4",
    "F32": "<f4",
    "I64": "<i8",
    "U64": "<u8",
    "F64": "<f8",
}
"""The dtypes that numpy has, as it calls them."""


def as_float32(raw: Bytes, dtype: str) -> Floats:
    """The numbers in `raw`, flat. F32 is a view where alignment allows; F64 is rounded, too large becomes infinite."""
    if dtype == "BF16":
        bits: NDArray[np.uint32] = np.left_shift(raw.view("<u2"), 16, dtype=np.uint32)
        return bits.view(np.float32)
    if dtype in F8_TABLES:
        return F8_TABLES[dtype][raw]
    stored = raw.view(NUMPY[dtype])
    if dtype == "F32":
        return np.require(stored, np.float32, "A")
    # A signalling NaN is invalid to convert; it stays a NaN, and who asks for numbers refuses it.
    with np.errstate(over="ignore", invalid="ignore"):
        return stored.astype(np.float32)


def to_bfloat16(values: Floats) -> NDArray[np.uint16]:
    """Finite numbers rounded to the nearest bfloat16, ties to even, as its 16 bits."""
    bits = values.view(np.uint32)
    rounding = np.uint32(0x7FFF) + ((bits >> 16) & np.uint32(1))
    return np.asarray((bits + rounding) >> 16, np.uint16)


def _f8_table(mantissa_bits: int, bias: int, *, ieee: bool) -> Floats:
    values = [_f8_value(code, mantissa_bits, bias, ieee=ieee) for code in range(256)]
    return np.array(values, np.float32)


def _f8_value(code: int, mantissa_bits: int, bias: int, *, ieee: bool) -> float:
    sign = -1.0 if code & 0x80 else 1.0
    exponent, mantissa = divmod(code & 0x7F, 1 << mantissa_bits)
    highest = (0x7F >> mantissa_bits) == exponent
    if ieee and highest:
        return math.nan if mantissa else sign * math.inf
    if not ieee and highest and mantissa == (1 << mantissa_bits) - 1:
        return math.nan
    fraction = mantissa / (1 << mantissa_bits)
    if exponent == 0:
        return sign * math.ldexp(fraction, 1 - bias)
    return sign * math.ldexp(1.0 + fraction, exponent - bias)


F8_TABLES: Mapping[str, Floats] = {
    "F8_E4M3": _f8_table(3, 7, ieee=False),
    "F8_E5M2": _f8_table(2, 15, ieee=True),
}
"""The number that each of the 256 codes stands for."""
