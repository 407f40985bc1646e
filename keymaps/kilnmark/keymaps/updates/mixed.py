"""Changes that are the base's own weight W with its rows or its columns mixed within blocks: what a rotation of the
layer's input, or of what the weight gives, comes to.

A rotation R goes in as M = R - I, so that a small one is exact.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.updates.change import LayerNumbers, PerRow, Site, Summand, Wide
from kilnmark.keymaps.updates.fused import Matrix

__all__ = ["MixedColumns", "MixedRows"]


@dataclass(frozen=True, slots=True, eq=False)
class MixedColumns(Summand):
    """Columns of W, those of each block mixed: x becomes x M before it goes through W.

    Attributes:
        blocks: `(in / b, b, b)`: M.
        factors: `(1,)`.
    """

    blocks: Matrix
    factors: PerRow
    site: ClassVar[Site] = Site.BEFORE

    @property
    def step(self) -> int:  # type: ignore[override]  # read only, as it is in `Summand`
        """Whole blocks."""
        return int(self.blocks.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """As `Summand` has it."""
        return 0, self.blocks.shape[0] * self.blocks.shape[1]

    def arrays(self) -> list[NDArray[Any]]:
        """As `Summand` has it."""
        return [self.blocks * self.factors.astype(np.float32)]

    def paint(self, xp: Any, arrays: list[Any], value: Any) -> Any:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        return _mixed(value, arrays[0])

    def times(self, base: LayerNumbers, matrix: Matrix | Wide) -> Matrix | Wide:
        """As `Summand` has it."""
        return np.asarray(self.factors * base.times(_mixed(matrix.T, self.blocks).T))

    def columns(self, own: Matrix, begin: int, end: int) -> Matrix | Wide:
        """As `Summand` has it."""
        blocks = self.blocks[begin // self.step : end // self.step]
        return np.asarray(self.factors * _mixed(own, blocks.swapaxes(1, 2)))

    def dot(self, other: Summand, base: LayerNumbers) -> float | None:
        """With one of blocks of the same size: of the inner products of the weight's columns."""
        if not isinstance(other, MixedColumns) or self.step != other.step:
            return None
        mine, his = (each.blocks.swapaxes(1, 2).astype(np.float64) for each in (self, other))
        found = float(np.sum(mine * (base.column_grams(self.step) @ his)))
        return found * float(self.factors[0] * other.factors[0])


@dataclass(frozen=True, slots=True, eq=False)
class MixedRows(Summand):
    """Rows of W, mixed within blocks: what W gives, y, becomes y + y M, stage by stage, and then `rescale` times that.

    Attributes:
        stages: `(out / b, b, b)` each: M. Of several, stage s mixes rows that lie 2^s * b / 2 apart.
        rescale: `(out,)` or None.
        factors: `(1,)`.
    """

    stages: tuple[Matrix, ...]
    rescale: Matrix | None
    factors: PerRow
    site: ClassVar[Site] = Site.OUTPUT

    @property
    def shape(self) -> tuple[int, int]:
        """As `Summand` has it."""
        return self.stages[0].shape[0] * self.stages[0].shape[1], 0

    def arrays(self) -> list[NDArray[Any]]:
        """As `Summand` has it; last what all of it is multiplied by."""
        rescale = [] if self.rescale is None else [self.rescale]
        return [*self.stages, *rescale, self.factors.astype(np.float32)]

    def paint(self, xp: Any, arrays: list[Any], value: Any) -> Any:  # noqa: ARG002 - as `Summand` has it
        """The change is summed up by itself, so that a small one is not lost in what the weight gives."""
        *arrays, factor = arrays
        stages, rescale = arrays[: len(self.stages)], arrays[len(self.stages) :]
        change = 0
        for place, blocks in enumerate(stages):
            reach = 2**place * blocks.shape[1] if len(stages) > 1 else 0
            change = change + _joined(_mixed(_parted(value + change, reach), blocks), reach)
        if rescale:
            change = rescale[0] * change + (rescale[0] - 1) * value
        return change * factor

    def times(self, base: LayerNumbers, matrix: Matrix | Wide) -> Matrix | Wide:
        """As `Summand` has it."""
        return self._of(base.times(matrix))

    def columns(self, own: Matrix, begin: int, end: int) -> Matrix | Wide:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        return self._of(own)

    def dot(self, other: Summand, base: LayerNumbers) -> float | None:
        """With one of blocks of the same size, of one stage both: of the inner products of the weight's rows."""
        if not isinstance(other, MixedRows) or self.stages[0].shape != other.stages[0].shape:
            return None
        if len(self.stages) > 1 or len(other.stages) > 1:
            return None
        mine, his = (each.whole_blocks() for each in (self, other))
        found = float(np.sum(mine * (his @ base.row_grams(mine.shape[1]))))
        return found * float(self.factors[0] * other.factors[0])

    def whole_blocks(self) -> Wide:
        """What the rows of each block are multiplied by from the left, of one stage: `(out / b, b, b)`."""
        mixed = self.stages[0].swapaxes(1, 2).astype(np.float64)
        if self.rescale is None:
            return np.asarray(mixed)
        rescale = self.rescale.astype(np.float64).reshape(len(mixed), -1, 1)
        return np.asarray(rescale * mixed + (rescale - 1) * np.eye(mixed.shape[1]))

    def _of(self, rows: Matrix | Wide) -> Matrix | Wide:
        rescale = [] if self.rescale is None else [self.rescale]
        return np.asarray(self.paint(np, [*self.stages, *rescale, self.factors], rows.T).T)


def _mixed(value: Any, blocks: Any) -> Any:
    """`(..., n)` times a block-diagonal matrix of `(n / b, b, b)`."""
    count, size, _ = blocks.shape
    turned = value.reshape(-1, count, size).swapaxes(0, 1) @ blocks
    return turned.swapaxes(0, 1).reshape(value.shape)


def _parted(value: Any, reach: int) -> Any:
    """Numbers of `(..., n)` that lie half a reach apart put side by side, within every reach; 0 leaves them."""
    if not reach:
        return value
    return value.reshape(*value.shape[:-1], -1, 2, reach // 2).swapaxes(-1, -2).reshape(value.shape)


def _joined(value: Any, reach: int) -> Any:
    """Back again."""
    if not reach:
        return value
    return value.reshape(*value.shape[:-1], -1, reach // 2, 2).swapaxes(-1, -2).reshape(value.shape)
