"""Arrays of MLX's, read in tests, and the precision that the engine's tests compute in.

numpy has no bf16 and raises where it is handed one, so nothing in these tests turns an array into numpy's but by here.
"""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kilnmark.engine import compute

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first

__all__ = ["PRECISION", "allowed", "as_float64", "as_numpy", "given"]

_PRECISIONS = {"float32": mx.float32, "bfloat16": mx.bfloat16}
PRECISION = _PRECISIONS[os.environ.get("KILNMARK_TEST_PRECISION", "float32")]
"""What bases and inputs are in: `make test-bf16` has them in bf16, as every machine with a GPU has."""

if PRECISION is not mx.float32:
    compute.precision = lambda: PRECISION  # before any other room of the engine takes it from there


def as_numpy(array: mx.array) -> NDArray[Any]:
    """Any array: floating numbers as float32, others as they are."""
    return np.array(array.astype(mx.float32) if mx.issubdtype(array.dtype, mx.floating) else array)


def as_float64(array: mx.array) -> NDArray[np.float64]:
    """Any array, as float64."""
    return as_numpy(array).astype(np.float64)


def given(numbers: NDArray[Any]) -> mx.array:
    """An input of a layer, in the precision of these tests."""
    return mx.array(numbers).astype(PRECISION)


def allowed(float32: float, bfloat16: float) -> float:
    """The tolerance of this precision."""
    return float32 if PRECISION is mx.float32 else bfloat16
