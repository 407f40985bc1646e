"""A device that multiplies float32 as TF32, on any machine: what MLX's do on CUDA unless told not to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mlx.core as mx
import pytest

_DROPPED = 13
"""Of the 23 bits that float32 has after the leading one, TF32 keeps 10."""


def rounded(array: mx.array) -> mx.array:
    """To the nearest number of TF32, ties to even; arrays of another precision are left as they are."""
    if array.dtype != mx.float32:
        return array
    bits = array.view(mx.uint32)
    half = (1 << (_DROPPED - 1)) - 1 + ((bits >> _DROPPED) & 1)
    return (((bits + half) >> _DROPPED) << _DROPPED).view(mx.float32)


@contextmanager
def tf32_products() -> Iterator[None]:
    """Meanwhile every product of matrices that MLX is asked for takes its factors rounded; sums stay float32's."""
    with pytest.MonkeyPatch.context() as patch:
        for holder, name, factors in ((mx, "matmul", 0), (mx.array, "__matmul__", 0), (mx, "addmm", 1)):
            patch.setattr(holder, name, _rounding(getattr(holder, name), factors))
        yield


def _rounding(product: Callable[..., mx.array], first: int) -> Callable[..., mx.array]:
    def of_rounded(*arrays: mx.array, **options: Any) -> mx.array:
        return product(*arrays[:first], *map(rounded, arrays[first:]), **options)

    return of_rounded
