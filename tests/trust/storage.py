"""Tensors as files hold them: numbers rounded to a dtype, and safetensors files written byte by byte.

No code of the product or of the safetensors library is used. A stored tensor knows the numbers that its bytes stand
for, in float64: what is true of a file is computed from those.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DTYPES", "Stored", "Wide", "as_bytes", "header_of", "store", "write"]

Wide = NDArray[np.float64]

DTYPES = ("F16", "BF16", "F32", "F64", "F8_E4M3", "F8_E5M2")


@dataclass(frozen=True, eq=False)
class Stored:
    """A tensor: how it is stored, and the numbers that this stands for."""

    dtype: str
    shape: tuple[int, ...]
    raw: bytes
    values: Wide


def _eights(exponent_bits: int, *, ieee: bool) -> Wide:
    """The numbers of all 256 codes of an 8-bit float (Micikevicius et al., 2022)."""
    mantissa_bits, bias = 7 - exponent_bits, (1 << (exponent_bits - 1)) - 1
    codes = np.arange(256)
    exponent = (codes & 127) >> mantissa_bits
    fraction = (codes & ((1 << mantissa_bits) - 1)) / (1 << mantissa_bits)
    size = np.where(exponent == 0, fraction * 2.0 ** (1 - bias), (1 + fraction) * 2.0 ** (exponent - bias))
    if ieee:
        size[exponent == (1 << exponent_bits) - 1] = np.nan
    else:
        size[(codes & 127) == 127] = np.nan
    return np.where(codes & 128, -size, size)


_EIGHTS = {"F8_E4M3": _eights(4, ieee=False), "F8_E5M2": _eights(5, ieee=True)}
_SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}


def store(values: Any, dtype: str) -> Stored:
    """The nearest numbers that a dtype has."""
    wide = np.asarray(values, np.float64)
    if dtype == "BF16":
        bits = np.ascontiguousarray(wide, np.float32).reshape(-1).view(np.uint32).astype(np.uint64)
        halves = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")
        meant = (halves.astype(np.uint32) << 16).view(np.float32)
        return Stored(dtype, wide.shape, halves.tobytes(), meant.astype(np.float64).reshape(wide.shape))
    if dtype in _EIGHTS:
        return _store_eight(wide, dtype)
    with np.errstate(over="ignore"):
        numbers = wide.astype(f"<f{_SIZES[dtype]}")
    return Stored(dtype, wide.shape, numbers.tobytes(), numbers.astype(np.float64).reshape(wide.shape))


def _store_eight(wide: Wide, dtype: str) -> Stored:
    table = _EIGHTS[dtype]
    finite = np.flatnonzero(np.isfinite(table))
    order = finite[np.argsort(table[finite], kind="stable")]
    sorted_, flat = table[order], wide.reshape(-1)
    above = np.clip(np.searchsorted(sorted_, flat), 1, len(order) - 1)
    nearer = np.where(flat - sorted_[above - 1] <= sorted_[above] - flat, above - 1, above)
    codes = order[nearer].astype(np.uint8)
    return Stored(dtype, wide.shape, codes.tobytes(), table[codes].reshape(wide.shape))


def header_of(tensors: Mapping[str, Stored], metadata: Mapping[str, str] | None) -> dict[str, Any]:
    """As the safetensors library writes it: the widest dtypes first, then by name."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": dict(metadata)}
    place = 0
    for name in sorted(tensors, key=lambda name: (-_SIZES.get(tensors[name].dtype, 1), name)):
        tensor = tensors[name]
        header[name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [place, place + len(tensor.raw)],
        }
        place += len(tensor.raw)
    return header


def as_bytes(header: Mapping[str, Any] | bytes, tensors: Mapping[str, Stored]) -> bytes:
    """A header, as an object or as its text, before the data that it speaks of."""
    if isinstance(header, bytes):
        text = header
    else:
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    names = sorted(tensors, key=lambda name: (-_SIZES.get(tensors[name].dtype, 1), name))
    return struct.pack("<Q", len(text)) + text + b"".join(tensors[name].raw for name in names)


def write(path: Path, tensors: Mapping[str, Stored], metadata: Mapping[str, str] | None) -> None:
    """A whole file."""
    path.write_bytes(as_bytes(header_of(tensors, metadata), tensors))
