"""What one update changes on one layer of a base, in parts that can be painted with, measured and compared.

Kinds of updates make their changes of parts, and a part says what it does in operations that numpy and MLX share: what
is judged is what is painted. How parts are put on a base, and which array library paints, is the engine's business.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.updates.directions import Directions, Views, low_rank_views
from kilnmark.keymaps.updates.fused import Matrix

__all__ = ["LayerChange", "LayerNumbers", "Pair", "PerRow", "Site", "Summand", "Wide", "row_dots", "spans"]

Wide = NDArray[np.float64]
PerRow = NDArray[np.float64]
"""A number for each row of a layer's weight: `(out,)`."""
AnyArray = Any
"""Of numpy or of MLX, which spell what parts do in the same way."""
_Found = TypeVar("_Found")

COLUMNS = 256
"""Columns of a whole weight that are dense at a time."""


class LayerNumbers(Protocol):
    """A base's own layer in numbers that are exact: true float32 or float64, on the host.

    Attributes:
        shape: `(out, in)` of the weight W that it stands for; `(width, 1)` for a norm.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """As above."""

    def row_squares(self) -> PerRow:
        """The squared norm of each row of W: `(out,)`."""

    def column_squares(self) -> Wide:
        """The squared norm of each column of W: `(in,)`."""

    def times(self, matrix: Matrix | Wide) -> Matrix | Wide:
        """W times `(in, n)`: `(out, n)`."""

    def across(self, matrix: Matrix | Wide) -> Matrix | Wide:
        """W' times `(out, n)`: `(in, n)`."""

    def columns(self, begin: int, end: int) -> Matrix:
        """Columns of W: `(out, end - begin)`."""

    def row_grams(self, size: int) -> Wide:
        """V V' of every `size` rows V of W, one after the other: `(out / size, size, size)`."""

    def column_grams(self, size: int) -> Wide:
        """V' V of every `size` columns V of W, one after the other: `(in / size, size, size)`."""

    def scales(self) -> Wide:
        """Of a norm: `(width,)`."""

    def layer(self, target: str) -> "LayerNumbers":
        """Another layer of the same base."""

    def remembered(self, of: Hashable, found: Callable[[], _Found]) -> _Found:
        """What was found before for this object on this layer, for as long as both are held; else it is found now."""


class Site(Enum):
    """Where a part stands: what it is given, and where what it gives goes."""

    INPUT = "from the layer's input to its output"
    OUTPUT = "from what the base's weight gives, without bias, to the layer's output"
    BEFORE = "from the layer's input to what goes through the base's weight once more"


class Pair(NamedTuple):
    """Down `(rank, in)` and up `(out, rank)`: parts that are a pair are joined into one."""

    down: Matrix
    up: Matrix


class Summand(ABC):
    """One of what a change D of a weight W is the sum of: a product of its own, or W itself with rows or columns mixed.

    Attributes:
        site: Where it stands.
        step: Columns of W come in multiples of so many.
        factors: `(out,)` or `(1,)`: what each row of D is multiplied by.
    """

    __slots__ = ()
    site: ClassVar[Site] = Site.INPUT
    step: int = 1
    factors: PerRow

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """`(out, in)` of D; 0 stands for any."""

    @property
    def pair(self) -> Pair | None:
        """The low-rank pair that it is, factors included; None where it is none."""
        return None

    @property
    def gain(self) -> PerRow | None:
        """`(out,)`, where all that it does is to multiply rows of W; None else."""
        return None

    @abstractmethod
    def arrays(self) -> list[NDArray[Any]]:
        """What it is painted with, factors included; float32."""

    @abstractmethod
    def paint(self, xp: Any, arrays: list[AnyArray], value: AnyArray) -> AnyArray:
        """What it gives, by its site.

        Args:
            xp: numpy, or `mlx.core`.
            arrays: As `arrays` gives them, as arrays of that library.
            value: `(..., in)`, or `(..., out)` for a part that stands at the output.
        """

    @abstractmethod
    def times(self, base: LayerNumbers, matrix: Matrix | Wide) -> Matrix | Wide:
        """D times `(in, n)`, never formed: `(out, n)`."""

    @abstractmethod
    def columns(self, own: Matrix, begin: int, end: int) -> Matrix | Wide:
        """Columns of D, `(out, end - begin)`, from the same ones of W."""

    def dot(self, other: "Summand", base: LayerNumbers) -> float | None:  # noqa: ARG002 - for those that know a way
        """Inner product with another part, where there is a closed form for it; None else."""
        return None

    def views(self, base: LayerNumbers, rows: Directions, columns: Directions) -> Views:
        """D seen from directions on either side."""
        repeats, count = rows.signs.shape[1:]
        across = self.times(base, columns.all()).astype(np.float32, copy=False)
        return rows.each_along(across.T.reshape(repeats, count, -1)).swapaxes(1, 2)

    def along(self, base: LayerNumbers) -> PerRow:
        """Row by row, the inner product of W and D: `(out,)`."""
        return _over_columns(base, self, self, lambda own, mine, _: row_dots(own, mine))

    def row_squares(self, base: LayerNumbers) -> PerRow:
        """The squared norm of each row of D: `(out,)`."""
        return _over_columns(base, self, self, lambda _, mine, his: row_dots(mine, his))


@dataclass(frozen=True, slots=True, eq=False)
class LayerChange:
    """What one update does to one layer.

    Attributes:
        parts: That add up to the change of the weight.
        bias: `(out,)`, added to the layer's bias; None for nothing.
        scales: `(width,)`, added to a norm's scales; None for a linear layer.
    """

    parts: tuple[Summand, ...] = ()
    bias: PerRow | None = None
    scales: PerRow | None = field(default=None)

    def norm(self, base: LayerNumbers) -> float:
        """Frobenius norm of all of it: the bias counts as one more column of the weight."""
        return math.sqrt(max(self._weights(self, base) + self._vectors(self), 0.0))

    def inner(self, other: "LayerChange", base: LayerNumbers) -> float:
        """The inner product of all that both do."""
        return self._weights(other, base) + self._vectors(other)

    def views(self, base: LayerNumbers, rows: Directions, columns: Directions) -> Views:
        """All of it seen from directions on either side: a bias, or scales, as one more column with its own signs."""
        repeats, count = rows.signs.shape[1:]
        total = np.zeros((repeats, count, count), dtype=np.float32)
        for part in self.parts:
            total += part.views(base, rows, columns)
        for vector in (self.bias, self.scales):
            if vector is not None:
                total += low_rank_views(rows.along(vector[None].astype(np.float32)), columns.signs[-1:])
        return total

    def _weights(self, other: "LayerChange", base: LayerNumbers) -> float:
        return math.fsum(_dot(base, mine, his) for mine in self.parts for his in other.parts)

    def _vectors(self, other: "LayerChange") -> float:
        total = 0.0
        for mine, his in ((self.bias, other.bias), (self.scales, other.scales)):
            if mine is not None and his is not None:
                total += float(np.dot(mine.astype(np.float64), his))
        return total


def row_dots(one: Matrix | Wide, other: Matrix | Wide) -> PerRow:
    """Row by row, the sum of the elementwise products of two `(rows, n)`: `(rows,)`."""
    return np.asarray(np.einsum("ij,ij->i", one, other, dtype=np.float64))


def _dot(base: LayerNumbers, one: Summand, other: Summand) -> float:
    for mine, his in ((one, other), (other, one)):
        if (found := mine.dot(his, base)) is not None:
            return found
    return float(_over_columns(base, one, other, lambda _, mine, his: row_dots(mine, his)).sum())


def _over_columns(
    base: LayerNumbers, one: Summand, other: Summand, numbers: Callable[[Matrix, Matrix | Wide, Matrix | Wide], PerRow]
) -> PerRow:
    """Sums over all columns, of which only some are in memory at a time."""
    total = np.zeros(base.shape[0])
    for begin, end in spans(base.shape[1], math.lcm(one.step, other.step)):
        own = base.columns(begin, end)
        mine = one.columns(own, begin, end)
        total += numbers(own, mine, mine if other is one else other.columns(own, begin, end))
    return total


def spans(width: int, step: int) -> Iterator[tuple[int, int]]:
    """Columns that are dense at a time, in multiples of so many: first and end."""
    size = -(-COLUMNS // step) * step
    for begin in range(0, width, size):
        yield begin, min(begin + size, width)
