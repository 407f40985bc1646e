"""What a target's weight is truly changed by, in float64: products never multiplied out, and a made-up base for kinds
whose change depends on the base's own numbers.

Every formula is written down from its source, and none of the product's code is used; the base alone has the shape
that the product asks of one (`LayerNumbers`), in the few numbers that it is made of.
"""

import zlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar

import numpy as np

from tests.trust.storage import Wide

__all__ = ["Base", "Change", "Decomposed", "Delta", "Dense", "Kron", "Low", "base_of"]

_Found = TypeVar("_Found")
_INNER = 3
_SPREAD = 0.03
"""Of the made-up weights: about that of FLUX.1's."""


class Delta(Protocol):
    """A matrix D of `(out, in)`."""

    def squares(self) -> Wide:
        """Of each row's norm: `(out,)`."""

    def times(self, matrix: Wide) -> Wide:
        """D times `(in, n)`."""

    def column(self, place: int) -> Wide:
        """One column."""


@dataclass(frozen=True, eq=False)
class Low:
    """A product of two."""

    left: Wide
    right: Wide

    def squares(self) -> Wide:
        return np.asarray(((self.left @ (self.right @ self.right.T)) * self.left).sum(1))

    def times(self, matrix: Wide) -> Wide:
        return np.asarray(self.left @ (self.right @ matrix))

    def column(self, place: int) -> Wide:
        return np.asarray(self.left @ self.right[:, place])


@dataclass(frozen=True, eq=False)
class Dense:
    """All its numbers."""

    numbers: Wide

    def squares(self) -> Wide:
        return np.asarray((self.numbers**2).sum(1))

    def times(self, matrix: Wide) -> Wide:
        return np.asarray(self.numbers @ matrix)

    def column(self, place: int) -> Wide:
        return self.numbers[:, place]


@dataclass(frozen=True, eq=False)
class Kron:
    """Some rows of a Kronecker product."""

    first: Wide
    second: Wide
    begin: int
    end: int

    def squares(self) -> Wide:
        both = np.outer((self.first**2).sum(1), (self.second**2).sum(1))
        return both.reshape(-1)[self.begin : self.end]

    def times(self, matrix: Wide) -> Wide:
        columns = []
        for column in matrix.T:
            square = column.reshape(self.first.shape[1], self.second.shape[1])
            columns.append((self.first @ square @ self.second.T).reshape(-1)[self.begin : self.end])
        return np.stack(columns, 1)

    def column(self, place: int) -> Wide:
        high, low = divmod(place, self.second.shape[1])
        whole = np.asarray(np.kron(self.first[:, high], self.second[:, low]), np.float64)
        return whole[self.begin : self.end]


@dataclass(frozen=True, eq=False)
class Decomposed:
    """DoRA: each row of W + D is made as long as its magnitude says (Liu et al., 2024, arXiv 2402.09353)."""

    delta: Delta
    magnitude: Wide
    base: "Base"

    @property
    def _factors(self) -> Wide:
        return np.asarray(self.magnitude / np.sqrt(self._own + 2 * self._cross + self.delta.squares()))

    @property
    def _own(self) -> Wide:
        return self.base.weight.squares()

    @property
    def _cross(self) -> Wide:
        return np.asarray((self.delta.times(self.base.weight.right.T) * self.base.weight.left).sum(1))

    def squares(self) -> Wide:
        factors = self._factors
        less = factors - 1
        return np.asarray(less**2 * self._own + 2 * less * factors * self._cross + factors**2 * self.delta.squares())

    def times(self, matrix: Wide) -> Wide:
        factors = self._factors[:, None]
        return np.asarray((factors - 1) * self.base.weight.times(matrix) + factors * self.delta.times(matrix))

    def column(self, place: int) -> Wide:
        factors = self._factors
        return np.asarray((factors - 1) * self.base.weight.column(place) + factors * self.delta.column(place))


@dataclass(frozen=True, eq=False)
class Change:
    """What one target gets.

    Attributes:
        on: The change of its weight on a base; None for a norm.
        needs_base: The change depends on the base's own numbers.
        bias: Added to its bias.
        scales: Added to a norm's scales, by the base's own; None for a linear layer.
    """

    on: "Callable[[Base], Delta] | None"
    needs_base: bool = False
    bias: Wide | None = None
    scales: "Callable[[Base], Wide] | None" = None

    def norm(self, base: "Base") -> float:
        total = 0.0 if self.on is None else float(np.maximum(self.on(base).squares(), 0).sum())
        total += 0.0 if self.bias is None else float((self.bias**2).sum())
        total += 0.0 if self.scales is None else float((self.scales(base) ** 2).sum())
        return float(np.sqrt(total))


@dataclass(frozen=True, eq=False)
class Base:
    """A layer of a base that never was: a weight of low rank, so that nothing of it needs to be multiplied out."""

    weight: Low
    shape: tuple[int, int]

    def row_squares(self) -> Wide:
        return self.weight.squares()

    def column_squares(self) -> Wide:
        inner = self.weight.left.T @ self.weight.left
        return np.asarray(np.sum((self.weight.right.T @ inner) * self.weight.right.T, axis=1))

    def across(self, matrix: Any) -> Any:
        return self.weight.right.T @ (self.weight.left.T @ np.asarray(matrix, np.float64))

    def times(self, matrix: Any) -> Any:
        return self.weight.times(np.asarray(matrix, np.float64))

    def columns(self, begin: int, end: int) -> Any:
        return self.weight.left @ self.weight.right[:, begin:end]

    def row_grams(self, size: int) -> Wide:
        rows = self.weight.left.reshape(-1, size, _INNER)
        return np.asarray(rows @ (self.weight.right @ self.weight.right.T) @ rows.swapaxes(1, 2))

    def column_grams(self, size: int) -> Wide:
        columns = self.weight.right.T.reshape(-1, size, _INNER)
        return np.asarray(columns @ (self.weight.left.T @ self.weight.left) @ columns.swapaxes(1, 2))

    def layer(self, target: str) -> "Base":
        raise NotImplementedError

    def scales(self) -> Wide:
        return 1 + self.weight.left[:, 0]

    def remembered(self, of: Hashable, found: Callable[[], _Found]) -> _Found:
        return found()

    @property
    def size(self) -> float:
        """Frobenius norm."""
        return float(np.sqrt(self.row_squares().sum()))


@cache
def base_of(rows: int, columns: int) -> Base:
    """The same numbers for every layer of a shape."""
    numbers = np.random.default_rng(zlib.crc32(f"{rows} {columns}".encode()))
    left = numbers.standard_normal((rows, _INNER))
    return Base(Low(left * _SPREAD, numbers.standard_normal((_INNER, columns)) / np.sqrt(_INNER)), (rows, columns))
