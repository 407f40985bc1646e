"""Changes that multiply rows or columns: of the base's own weight W, or columns of another part."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.updates.change import LayerNumbers, Pair, PerRow, Site, Summand, Wide, row_dots, spans
from kilnmark.keymaps.updates.fused import Matrix

__all__ = ["ColumnGain", "ColumnSums", "GainedColumns", "PerColumn", "RowGain", "column_sums"]

PerColumn = NDArray[np.float64]
"""A number for each column of a layer's weight: `(in,)`."""


class RowGain(Summand):
    """Rows of W, each multiplied by a number."""

    __slots__ = ("factors",)
    site: ClassVar[Site] = Site.OUTPUT

    def __init__(self, factors: PerRow) -> None:
        self.factors = factors

    @property
    def shape(self) -> tuple[int, int]:
        """As `Summand` has it."""
        return len(self.factors), 0

    @property
    def gain(self) -> PerRow | None:
        """As `Summand` has it."""
        return self.factors

    def arrays(self) -> list[NDArray[Any]]:
        """As `Summand` has it."""
        return [self.factors.astype(np.float32)]

    def paint(self, xp: Any, arrays: list[Any], value: Any) -> Any:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        return value * arrays[0]

    def times(self, base: LayerNumbers, matrix: Matrix | Wide) -> Matrix | Wide:
        """As `Summand` has it."""
        return np.asarray(self.factors[:, None] * base.times(matrix))

    def columns(self, own: Matrix, begin: int, end: int) -> Matrix | Wide:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        return np.asarray(self.factors[:, None] * own)

    def dot(self, other: Summand, base: LayerNumbers) -> float | None:
        """As `Summand` has it."""
        return float((self.factors * other.along(base)).sum())

    def along(self, base: LayerNumbers) -> PerRow:
        """As `Summand` has it."""
        return self.factors * base.row_squares()


@dataclass(frozen=True, slots=True, eq=False)
class ColumnGain(Summand):
    """Columns of W, each multiplied by a number: x is multiplied before it goes through W.

    Attributes:
        gains: `(in,)`.
        factors: `(1,)`.
    """

    gains: PerColumn
    factors: PerRow
    site: ClassVar[Site] = Site.BEFORE

    @property
    def shape(self) -> tuple[int, int]:
        """As `Summand` has it."""
        return 0, len(self.gains)

    def arrays(self) -> list[NDArray[Any]]:
        """As `Summand` has it."""
        return [(self.factors * self.gains).astype(np.float32)]

    def paint(self, xp: Any, arrays: list[Any], value: Any) -> Any:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        return value * arrays[0]

    def times(self, base: LayerNumbers, matrix: Matrix | Wide) -> Matrix | Wide:
        """As `Summand` has it."""
        gained: Wide = (self.factors * self.gains)[:, None] * matrix
        return base.times(gained)

    def columns(self, own: Matrix, begin: int, end: int) -> Matrix | Wide:
        """As `Summand` has it."""
        scaled: Wide = self.factors * self.gains[begin:end] * own
        return scaled

    def dot(self, other: Summand, base: LayerNumbers) -> float | None:
        """With another of these: of the squared norms of the weight's columns."""
        if not isinstance(other, ColumnGain):
            return None
        found = (self.gains * other.gains * base.column_squares()).sum()
        return float(self.factors[0] * other.factors[0] * found)


@dataclass(frozen=True, slots=True, eq=False)
class GainedColumns(Summand):
    """Columns of another part, which stands at the input, each multiplied by a number.

    Attributes:
        part: The other.
        gains: `(in,)`.
    """

    part: Summand
    gains: PerColumn

    @property
    def step(self) -> int:  # type: ignore[override]  # read only, as it is in `Summand`
        """Of the other part."""
        return self.part.step

    @property
    def factors(self) -> PerRow:  # type: ignore[override]  # as above
        """Of the other part, in which they are."""
        return self.part.factors

    @property
    def shape(self) -> tuple[int, int]:
        """As `Summand` has it."""
        return self.part.shape

    @property
    def pair(self) -> Pair | None:
        """As `Summand` has it."""
        pair = self.part.pair
        return pair and Pair(pair.down * self.gains.astype(np.float32), pair.up)

    def arrays(self) -> list[NDArray[Any]]:
        """As `Summand` has it."""
        return [self.gains.astype(np.float32), *self.part.arrays()]

    def paint(self, xp: Any, arrays: list[Any], value: Any) -> Any:
        """As `Summand` has it."""
        gains, *others = arrays
        return self.part.paint(xp, others, value * gains)

    def times(self, base: LayerNumbers, matrix: Matrix | Wide) -> Matrix | Wide:
        """As `Summand` has it."""
        return self.part.times(base, np.asarray(self.gains[:, None] * matrix))

    def columns(self, own: Matrix, begin: int, end: int) -> Matrix | Wide:
        """As `Summand` has it."""
        return np.asarray(self.part.columns(own, begin, end) * self.gains[begin:end])

    def dot(self, other: Summand, base: LayerNumbers) -> float | None:
        """A sum over (out, rank) numbers, where the other part is a pair."""
        pair = self.pair
        return pair and float(row_dots(other.times(base, pair.down.T), pair.up).sum())


class ColumnSums(NamedTuple):
    """Of each row, or of each column, of W and a change D: |W|^2, <W, D> and |D|^2."""

    own: Wide
    cross: Wide
    added: Wide


def column_sums(base: LayerNumbers, part: Summand) -> ColumnSums:
    """Those of the columns: `(in,)` each. A pair is never multiplied out; of others some columns are, at a time."""
    if (pair := part.pair) is not None:
        inputs = pair.down.T.astype(np.float64)
        cross, added = row_dots(base.across(pair.up), inputs), row_dots(inputs @ (pair.up.T @ pair.up), inputs)
        return ColumnSums(base.column_squares(), cross, added)
    found: list[tuple[Wide, Wide, Wide]] = []
    for begin, end in spans(base.shape[1], part.step):
        own = base.columns(begin, end)
        mine = part.columns(own, begin, end)
        found.append((_dots(own, own), _dots(own, mine), _dots(mine, mine)))
    return ColumnSums(*(np.concatenate(each) for each in zip(*found, strict=True)))


def _dots(one: Matrix | Wide, other: Matrix | Wide) -> Wide:
    return np.asarray(np.einsum("ij,ij->j", one, other, dtype=np.float64))
