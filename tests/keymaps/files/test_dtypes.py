"""Stored numbers to float32, against arithmetic that shares no code: `struct`, and float16's own bits."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kilnmark.keymaps.files.dtypes import FLOATS, WIDTHS, as_float32, to_bfloat16

EVERY_BYTE = np.arange(256, dtype=np.uint8)
EVERY_HALF = np.arange(65536, dtype="<u2").view(np.uint8)


def same(found: NDArray[np.float32], expected: list[float]) -> bool:
    """Bit for bit, with every NaN equal to every other."""
    wanted = np.array(expected, np.float32)
    return bool(np.all((found.view(np.uint32) == wanted.view(np.uint32)) | (np.isnan(found) & np.isnan(wanted))))


def test_every_f16_converts_exactly() -> None:
    assert same(as_float32(EVERY_HALF, "F16"), [v for (v,) in struct.iter_unpack("<e", EVERY_HALF.tobytes())])


def test_every_bf16_is_the_upper_half_of_a_float32() -> None:
    expected = [struct.unpack("<f", b"\0\0" + struct.pack("<H", code))[0] for code in range(65536)]
    assert same(as_float32(EVERY_HALF, "BF16"), expected)


def test_every_f8_e5m2_is_the_upper_half_of_a_float16() -> None:
    expected = [struct.unpack("<e", bytes([0, code]))[0] for code in range(256)]
    assert same(as_float32(EVERY_BYTE, "F8_E5M2"), expected)


def test_every_f8_e4m3_is_a_float16_with_its_exponent_moved() -> None:
    def value(code: int) -> float:
        if code & 0x7F == 0x7F:
            return float("nan")
        half = struct.pack("<H", (code & 0x80) << 8 | (code & 0x7F) << 7)
        return float(struct.unpack("<e", half)[0]) * 256

    assert same(as_float32(EVERY_BYTE, "F8_E4M3"), [value(code) for code in range(256)])


def test_f32_is_not_copied() -> None:
    raw = np.arange(64, dtype=np.uint8)
    assert np.shares_memory(as_float32(raw, "F32"), raw)


def test_f32_at_an_odd_address_is_right_and_aligned() -> None:
    raw = np.zeros(17, np.uint8)
    raw[1:].view(np.uint8)[:] = np.array([1.5, -2, 3, 4], "<f4").view(np.uint8)
    found = as_float32(raw[1:], "F32")
    assert found.tolist() == [1.5, -2, 3, 4]
    assert found.flags.aligned


def test_f64_is_rounded_and_what_is_too_large_becomes_infinite() -> None:
    raw = np.array([0.1, 1e300], "<f8").view(np.uint8)
    assert as_float32(raw, "F64").tolist() == [float(np.float32(0.1)), float("inf")]


@pytest.mark.parametrize("dtype", sorted(WIDTHS))
def test_every_known_dtype_converts_with_its_width(dtype: str) -> None:
    assert as_float32(np.zeros(WIDTHS[dtype] * 3, np.uint8), dtype).tolist() == [0.0, 0.0, 0.0]


def test_the_float_dtypes_are_known_dtypes() -> None:
    assert set(WIDTHS) > FLOATS


@given(st.lists(st.floats(-(2.0**127), 2.0**127, width=32)))
def test_bfloat16_is_rounded_to_the_nearest_and_ties_to_even(values: list[float]) -> None:
    stored = to_bfloat16(np.array(values, np.float32))
    for value, code in zip(values, stored.tolist(), strict=True):
        error = abs(_bfloat16(code) - value)
        below, above = (abs(_bfloat16(neighbour) - value) for neighbour in (max(code - 1, 0), min(code + 1, 0xFFFF)))
        assert error < min(below, above) or (error == min(below, above) and code % 2 == 0) or value == 0


def _bfloat16(code: int) -> float:
    found = float(struct.unpack("<f", struct.pack("<HH", 0, code))[0])
    return found if abs(found) < 4e38 else float("inf")
