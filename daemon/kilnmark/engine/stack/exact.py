"""The numbers of a layer's weight, computed exactly: what judges an adapter, or is a number of its update, asks here.

Every product is numpy's, on the host, in true float32 or float64, and sums of products are float64. MLX's own depend on
the device: CUDA multiplies float32 as TF32, with 10 bits after the leading one (NVIDIA, "TF32", A100 white paper,
2020), which leaves relative errors of 1e-4 to 1e-3 where a cancelling pair needs 1e-6. What has no product in it, such
as casts and squares, MLX may do where the weight is; what a picture is painted with is not computed here.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

import mlx.core as mx
import numpy as np
from mlx import nn
from numpy.typing import NDArray

from kilnmark.engine.stack.layers import FactoredLinear

__all__ = [
    "Exact",
    "ExactLayer",
    "PerRow",
    "across",
    "column_grams",
    "column_squares",
    "columns",
    "dots",
    "on_host",
    "row_grams",
    "row_squares",
    "some_rows",
    "square_norm",
    "times",
]

_Found = TypeVar("_Found")

Exact = NDArray[np.float32] | NDArray[np.float64]
"""A matrix on the host."""

PerRow = NDArray[np.float64]
"""A number for each row of a layer's weight: `(out,)`."""
Grams = NDArray[np.float64]
"""A matrix for each block of a layer's rows, or columns: `(blocks, size, size)`."""

_WORD = 32
"""Bits of one element of a quantized weight, which packs several columns."""
_CHUNK = 1024
"""Rows of a whole weight that are copied to the host at a time."""


class ExactLayer:
    """A base's own layer as updates ask it: `LayerNumbers`.

    Args:
        linear: A linear layer, or a norm.
        shape: `(out, in)` of the weight it stands for.
        others: Those of the same base by path, this one too; they are held by their own.

    Attributes:
        shape: As given.
    """

    def __init__(
        self, linear: nn.Module, shape: tuple[int, int], others: "WeakValueDictionary[str, ExactLayer] | None" = None
    ) -> None:
        self._linear = linear
        self._others = WeakValueDictionary() if others is None else others
        self.shape = shape
        self._known: WeakKeyDictionary[Hashable, Any] = WeakKeyDictionary()

    def row_squares(self) -> PerRow:
        """The squared norm of each row."""
        return row_squares(self._linear)

    def column_squares(self) -> NDArray[np.float64]:
        """The squared norm of each column."""
        return column_squares(self._linear)

    def times(self, matrix: Exact) -> Exact:
        """The weight times `(in, n)`."""
        return times(self._linear, matrix)

    def across(self, matrix: Exact) -> Exact:
        """The weight, transposed, times `(out, n)`."""
        return across(self._linear, matrix)

    def columns(self, begin: int, end: int) -> NDArray[np.float32]:
        """Columns of the weight."""
        return columns(self._linear, begin, end)

    def row_grams(self, size: int) -> Grams:
        """Of every `size` rows."""
        return row_grams(self._linear, size)

    def column_grams(self, size: int) -> Grams:
        """Of every `size` columns."""
        return column_grams(self._linear, size)

    def scales(self) -> PerRow:
        """Of a norm: `(width,)`."""
        return on_host(self._linear.weight).astype(np.float64)

    def layer(self, target: str) -> "ExactLayer":
        """Another layer of the same base."""
        return self._others[target]

    def remembered(self, of: Hashable, found: Callable[[], _Found]) -> _Found:
        """What was found for this object before; else it is found now. It is kept as long as both are held."""
        if of not in self._known:
            self._known[of] = found()
        known: _Found = self._known[of]
        return known


def on_host(array: mx.array) -> NDArray[np.float32]:
    """Any array of MLX's as float32, for reading only; without a copy where it is that already on a CPU."""
    return np.asarray(array.astype(mx.float32))


def dots(one: Exact, other: Exact) -> PerRow:
    """Row by row, the sum of the elementwise products of two `(rows, n)`: `(rows,)`."""
    return np.asarray(np.einsum("ij,ij->i", one, other, dtype=np.float64))


def square_norm(linear: nn.Module) -> float:
    """The squared Frobenius norm of the weight a layer stands for, or of the scales of a norm."""
    return float(row_squares(linear).sum())


def row_squares(linear: nn.Module) -> PerRow:
    """The squared norm of each row of the weight a layer stands for, or the square of each scale of a norm: `(out,)`.

    A factored weight is never multiplied out: row i of U D has u_i (D D') u_i'.
    """
    if isinstance(linear, FactoredLinear):
        down, up = (on_host(factor).astype(np.float64) for factor in (linear.down, linear.up))
        return dots(up.T @ (down.T @ down), up.T)
    squares = _numbers(linear).square()
    return on_host(squares.reshape(len(squares), -1).sum(axis=1)).astype(np.float64)


def column_squares(linear: nn.Module) -> NDArray[np.float64]:
    """The squared norm of each column of the weight a layer stands for: `(in,)`."""
    if isinstance(linear, FactoredLinear):
        down, up = (on_host(factor).astype(np.float64) for factor in (linear.down, linear.up))
        return dots(down @ (up @ up.T), down)
    height, total = len(linear.weight), np.zeros(())
    for at in range(0, height, _CHUNK):
        total = total + on_host(_numbers(linear, slice(at, min(at + _CHUNK, height))).square().sum(axis=0))
    return total


def across(linear: nn.Module, matrix: Exact) -> Exact:
    """The weight a layer stands for, without its bias, transposed, times `matrix` `(out, n)`: `(in, n)`."""
    if isinstance(linear, FactoredLinear):
        return np.asarray(on_host(linear.down) @ (on_host(linear.up) @ matrix))
    height, total = len(linear.weight), np.zeros(())
    for at in range(0, height, _CHUNK):
        end = min(at + _CHUNK, height)
        total = total + some_rows(linear, at, end).T @ matrix[at:end]
    return total


def times(linear: nn.Module, matrix: Exact) -> Exact:
    """The weight a layer stands for, without its bias, times `matrix` `(in, n)`: `(out, n)`."""
    if isinstance(linear, FactoredLinear):
        return np.asarray(on_host(linear.up).T @ (on_host(linear.down).T @ matrix))
    height = len(linear.weight)
    return np.concatenate([some_rows(linear, at, min(at + _CHUNK, height)) @ matrix for at in range(0, height, _CHUNK)])


def some_rows(linear: nn.Module, begin: int, end: int) -> NDArray[np.float32]:
    """Rows of the weight a layer stands for: `(end - begin, in)`."""
    if isinstance(linear, FactoredLinear):
        return np.asarray(on_host(linear.up)[:, begin:end].T @ on_host(linear.down).T)
    return on_host(_numbers(linear, slice(begin, end)))


def columns(linear: nn.Module, begin: int, end: int) -> NDArray[np.float32]:
    """Columns of the weight a layer stands for: `(out, end - begin)`; of a quantized one, whole groups of them."""
    if isinstance(linear, FactoredLinear):
        return np.asarray(on_host(linear.up).T @ on_host(linear.down)[begin:end].T)
    if isinstance(linear, nn.QuantizedLinear):
        return _unpacked(linear, begin, end)
    return on_host(linear.weight[:, begin:end])


def row_grams(linear: nn.Module, size: int) -> Grams:
    """V V' of every `size` rows V of the weight, one after the other: `(out / size, size, size)`."""
    if isinstance(linear, FactoredLinear):
        return _factored_grams(on_host(linear.up).T, on_host(linear.down), size)
    height, step = len(linear.weight), -(-_CHUNK // size) * size
    some = (some_rows(linear, at, min(at + step, height)) for at in range(0, height, step))
    blocks = (rows.reshape(-1, size, rows.shape[1]) for rows in some)
    return np.concatenate([each @ each.swapaxes(1, 2) for each in blocks]).astype(np.float64)


def column_grams(linear: nn.Module, size: int) -> Grams:
    """V' V of every `size` columns V of the weight, one after the other: `(in / size, size, size)`."""
    if isinstance(linear, FactoredLinear):
        return _factored_grams(on_host(linear.down), on_host(linear.up).T, size)
    height, total = len(linear.weight), np.zeros(())
    for at in range(0, height, _CHUNK):
        rows = some_rows(linear, at, min(at + _CHUNK, height))
        blocks = rows.T.reshape(-1, size, len(rows))
        total = total + blocks @ blocks.swapaxes(1, 2)
    return total


def _factored_grams(one: NDArray[np.float32], other: NDArray[np.float32], size: int) -> Grams:
    """Of every `size` rows of A B', for A `(n, rank)` and B `(m, rank)`."""
    blocks, wide = one.astype(np.float64).reshape(-1, size, one.shape[1]), other.astype(np.float64)
    return np.asarray(blocks @ (wide.T @ wide) @ blocks.swapaxes(1, 2))


def _unpacked(linear: nn.QuantizedLinear, begin: int, end: int) -> NDArray[np.float32]:
    size = linear.group_size
    first, last = begin // size, -(-end // size)
    words = [place * size * linear.bits // _WORD for place in (first, last)]
    biases = linear.get("biases")
    biases = None if biases is None else biases[:, first:last]
    weight, scales = linear.weight[:, words[0] : words[1]], linear.scales[:, first:last]
    whole = mx.dequantize(weight, scales, biases, size, linear.bits, linear.mode)
    return on_host(whole[:, begin - first * size : end - first * size])


def _numbers(linear: nn.Module, rows: slice = slice(None)) -> mx.array:
    weight: mx.array = linear.weight[rows]
    if isinstance(linear, nn.QuantizedLinear):
        biases = linear.get("biases")
        biases = None if biases is None else biases[rows]
        weight = mx.dequantize(weight, linear.scales[rows], biases, linear.group_size, linear.bits, linear.mode)
    return weight.astype(mx.float32)
