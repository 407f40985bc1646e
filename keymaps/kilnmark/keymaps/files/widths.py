"""The dtypes that an adapter file may hold, by name. Apart from `dtypes` so that a header is read without numpy."""

from collections.abc import Mapping

__all__ = ["FLOATS", "WIDTHS"]

WIDTHS: Mapping[str, int] = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
}
"""Bytes of one number, for every dtype that an adapter file may hold."""

FLOATS = frozenset({"F8_E4M3", "F8_E5M2", "F16", "BF16", "F32", "F64"})
