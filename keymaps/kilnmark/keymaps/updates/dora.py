"""DoRA: magnitudes, which the rows of W + sBA, or its columns, are made as long as; s is alpha / rank.

Rows: Liu et al., 2024, arXiv 2402.09353; huggingface/peft, commit 0a6cd5a4, tuners/lora/dora.py; and for LoHa and
LoKr KohakuBlueleaf/LyCORIS, commit 01eed776, lycoris/modules/loha.py and lokr.py, `apply_weight_decompose`. Columns:
Nerogar/OneTrainer, commit 23df3832, modules/module/LoRAModule.py DoRAModule, by default (`decompose_output_axis` off),
over all layers of a fused module (FusedModule.py). The 1.2e-7 that it adds to norms, by default too, is left out.

A row of W + sBA, of squared norm |W|^2 + 2 <W, sBA> + |sBA|^2, is made as long as its magnitude says, and so is a
column. No sum W + sBA is ever formed.

At another scale the whole change is multiplied, as ComfyUI does (commit 14c20852, comfy/weight_adapter/base.py,
weight_decompose); PEFT would scale BA within the norm, so that scale 0 would still rescale the base.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from kilnmark.keymaps.updates.change import LayerNumbers, PerRow, Summand
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.gains import ColumnGain, ColumnSums, GainedColumns, PerColumn, RowGain, column_sums

__all__ = ["InputMagnitudes", "Stretch", "stretch_of"]


class Multiplied(Protocol):
    """An update without magnitudes: `multiplier` times a product of matrices, for one target."""

    @property
    def target(self) -> str:
        """Module path of the layer."""

    @property
    def multiplier(self) -> float:
        """Alpha / rank, or what stands in its place."""

    def product(self, factors: PerRow) -> Summand:
        """The product, its rows multiplied by `(out,)` or `(1,)`."""

    def __hash__(self) -> int:
        """By identity."""


@dataclass(frozen=True, slots=True, eq=False)
class InputMagnitudes:
    """The magnitudes of columns.

    Attributes:
        numbers: (in,) float32.
        members: What is added to each of the layers that a column goes through, in row order.
    """

    numbers: Matrix
    members: Sequence[Multiplied]


class Stretch(ABC):
    """What one adapter's magnitudes do to one layer, at scale 1.

    Attributes:
        factors: g, the magnitude over the norm of the row, or the column, of W + sBA; 1 where that is zero.
        norm: Frobenius norm of the whole change; infinite where float32 cannot hold a factor.
    """

    __slots__ = ()
    factors: Matrix
    norm: float

    @abstractmethod
    def parts(self, update: Multiplied, scale: float) -> tuple[Summand, ...]:
        """What the whole change is the sum of."""


@dataclass(frozen=True, slots=True, eq=False)
class RowStretch(Stretch):
    """Of rows: `(out,)` factors, and the change g (W + sBA) - W."""

    factors: Matrix
    norm: float

    def parts(self, update: Multiplied, scale: float) -> tuple[Summand, ...]:
        """As `Stretch` has it."""
        factors = self.factors.astype(np.float64)
        return update.product(scale * update.multiplier * factors), RowGain(scale * (factors - 1))


@dataclass(frozen=True, slots=True, eq=False)
class ColumnStretch(Stretch):
    """Of columns: `(in,)` factors, and the change (W + sBA) g - W."""

    factors: Matrix
    norm: float

    def parts(self, update: Multiplied, scale: float) -> tuple[Summand, ...]:
        """As `Stretch` has it."""
        factors = self.factors.astype(np.float64)
        product = GainedColumns(update.product(np.array([scale * update.multiplier])), factors)
        return product, ColumnGain(scale * (factors - 1), np.ones(1))


def stretch_of(base: LayerNumbers, update: Multiplied, magnitude: Matrix | InputMagnitudes) -> Stretch:
    """Measure what magnitudes make of a product on a base's own layer."""
    if isinstance(magnitude, InputMagnitudes):
        return _of_columns(base, update, magnitude)
    product = update.product(np.array([update.multiplier]))
    own, cross, added = base.row_squares(), product.along(base), product.row_squares(base)
    factors = _factors(magnitude, own + 2 * cross + added)
    if not _in_range(factors):
        return RowStretch(np.ones(len(factors), np.float32), float("inf"))
    return RowStretch(factors.astype(np.float32), _norm(factors, ColumnSums(own, cross, added)))


def _of_columns(base: LayerNumbers, update: Multiplied, magnitude: InputMagnitudes) -> Stretch:
    """A column is measured on all its layers, and each of these sums found once."""
    squares: PerColumn = np.zeros(len(magnitude.numbers))
    mine = ColumnSums(squares, squares, squares)
    for member in magnitude.members:
        layer = base if member.target == update.target else base.layer(member.target)
        sums = layer.remembered(member, partial(_sums, layer, member))
        squares = squares + sums.own + 2 * sums.cross + sums.added
        mine = sums if member.target == update.target else mine
    factors = _factors(magnitude.numbers, squares)
    if not _in_range(factors):
        return ColumnStretch(np.ones(len(factors), np.float32), float("inf"))
    return ColumnStretch(factors.astype(np.float32), _norm(factors, mine))


def _sums(layer: LayerNumbers, member: Multiplied) -> ColumnSums:
    return column_sums(layer, member.product(np.array([member.multiplier])))


def _factors(magnitude: Matrix, squares: PerRow) -> PerRow:
    norms: PerRow = np.sqrt(np.maximum(squares, 0.0))
    with np.errstate(over="ignore"):
        return np.divide(magnitude, norms, out=np.ones_like(norms), where=norms > 0)


def _in_range(factors: PerRow) -> bool:
    return bool(np.abs(factors).max() <= np.finfo(np.float32).max)


def _norm(factors: PerRow, sums: ColumnSums) -> float:
    """Of the whole change; a small one is not lost in what it is a change of."""
    squares = (factors - 1) ** 2 * sums.own + 2 * (factors - 1) * factors * sums.cross + factors**2 * sums.added
    return float(np.sqrt(max(squares.sum(), 0.0)))
