"""LoKr: a Kronecker product of two small factors, each stored whole or as a product of low rank.

KohakuBlueleaf/LyCORIS, commit 01eed776, lycoris/modules/lokr.py; Yeh et al., 2024, arXiv 2309.14859.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.change import LayerNumbers, PerRow, Summand, Wide, row_dots
from kilnmark.keymaps.updates.dora import InputMagnitudes
from kilnmark.keymaps.updates.fused import Matrix, Range, row_ranges
from kilnmark.keymaps.updates.kind import Misfit
from kilnmark.keymaps.updates.magnitudes import with_magnitudes
from kilnmark.keymaps.updates.measure import CHUNK
from kilnmark.keymaps.updates.products import Chains, ProductKind, size_misfit
from kilnmark.keymaps.updates.update import WeightUpdate
from kilnmark.keymaps.updates.view import View

__all__ = ["KIND", "Kronecker", "KroneckerUpdate"]

_FACTORS = (
    (("lokr_w1",), ("lokr_w1_a", "lokr_w1_b")),
    (("lokr_w2",), ("lokr_w2_a", "lokr_w2_b")),
)
"""Each factor is stored whole or as a product."""


@dataclass(frozen=True, slots=True, eq=False)
class KroneckerUpdate(WeightUpdate):
    """What an adapter adds to one target's weight at scale 1: some rows of `multiplier * kron(first, second)`.

    The product is never formed: its rows times an input are two small products, one with each factor. A whole matrix
    stands in `second` beside a `first` of a single 1.

    Attributes:
        target: Module path of the layer in mflux.
        first: (a, c) float32.
        second: One matrix (b, d), or two (b, rank) and (rank, d) whose product it is, float32.
        ranges: Which of the a * b rows are the target's, put one behind the other; a module's rows may be split within
            the second factor.
        multiplier: alpha / rank, or 1 where both factors are stored whole and PEFT's config does not say otherwise.
        norm, magnitude, bias: As in `WeightUpdate`.
    """

    target: str
    first: Matrix
    second: tuple[Matrix, ...]
    ranges: tuple[Range, ...]
    multiplier: float
    norm: float
    magnitude: Matrix | InputMagnitudes | None = None
    bias: Matrix | None = None

    @property
    def rank(self) -> int:
        """The most that the rank of the product can be: that of the factors multiplied, each at most its shortest side.

        LyCORIS's own dim is the inner side of a factor that is stored as a product; whole factors have none.
        """
        return int(min(self.first.shape) * min(length for matrix in self.second for length in matrix.shape))

    def product(self, factors: PerRow) -> Summand:
        """As `WeightUpdate` has it."""
        return Kronecker(self.first, self.second, self.ranges, factors)


@dataclass(frozen=True, slots=True, eq=False)
class Kronecker(Summand):
    """Some rows of a Kronecker product, multiplied by `factors`: one small product with each factor."""

    first: Matrix
    second: tuple[Matrix, ...]
    ranges: tuple[Range, ...]
    factors: PerRow

    @property
    def shape(self) -> tuple[int, int]:
        """As `Summand` has it."""
        return sum(end - begin for begin, end in self.ranges), self.first.shape[1] * self.second[-1].shape[1]

    def arrays(self) -> list[NDArray[Any]]:
        """As `Summand` has it; one factor for all rows goes into the first matrix."""
        factors = self.factors.astype(np.float32)
        if len(factors) == 1:
            return [self.first * factors, *self.second]
        return [self.first, *self.second, factors]

    def paint(self, xp: Any, arrays: list[Any], value: Any) -> Any:
        """As `Summand` has it."""
        first, *others = arrays
        second, factors = others[: len(self.second)], others[len(self.second) :]
        lead, columns = value.shape[:-1], first.shape[1]
        thin = value.reshape(-1, value.shape[-1] // columns)
        for matrix in reversed(second):
            thin = thin @ matrix.T
        thin = thin.reshape(*lead, columns, -1)
        whole = (thin.swapaxes(-1, -2) @ first.T).swapaxes(-1, -2).reshape(*lead, -1)
        if list(self.ranges) != [(0, whole.shape[-1])]:
            whole = xp.concatenate([whole[..., begin:end] for begin, end in self.ranges], axis=-1)
        return whole * factors[0] if factors else whole

    def times(self, base: LayerNumbers, matrix: Matrix | Wide) -> Matrix | Wide:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        return np.asarray(self.factors[:, None] * self.paint(np, [self.first, *self.second], matrix.T).T)

    def columns(self, own: Matrix, begin: int, end: int) -> Matrix | Wide:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        places = np.arange(begin, end)
        width = self.second[-1].shape[1]
        inner = self.second[-1].take(places % width, axis=1)
        for matrix in self.second[-2::-1]:
            inner = matrix @ inner
        rows, height = self._rows(), len(self.second[0])
        outer = self.first.take(places // width, axis=1)
        return np.asarray(self.factors[:, None] * (outer[rows // height] * inner[rows % height]))

    def dot(self, other: Summand, base: LayerNumbers) -> float | None:
        """Of two whose columns are split alike: of rows of the first factors, and of the second ones, multiplied."""
        if not isinstance(other, Kronecker) or self.first.shape[1] != other.first.shape[1]:
            return None
        total = 0.0
        for begin in range(0, base.shape[0], CHUNK):
            factors_1, first_1, second_1 = self.factor_rows(begin, begin + CHUNK)
            factors_2, first_2, second_2 = other.factor_rows(begin, begin + CHUNK)
            dots = row_dots(first_1, first_2) * row_dots(second_1, second_2)
            total += float((factors_1 * factors_2 * dots).sum())
        return total

    def factor_rows(self, begin: int, end: int) -> tuple[PerRow, Matrix, Matrix]:
        """Of each of these rows what it is multiplied by, and the rows of the factors, `(rows, c)` and `(rows, d)`."""
        rows, height = self._rows()[begin:end], len(self.second[0])
        inner = self.second[0][rows % height]
        for matrix in self.second[1:]:
            inner = inner @ matrix
        factors = self.factors if len(self.factors) == 1 else self.factors[begin:end]
        return factors, self.first[rows // height], inner

    def _rows(self) -> NDArray[np.int64]:
        return np.concatenate([np.arange(*each) for each in self.ranges])


class _LoKr(ProductKind):
    name: ClassVar[str] = "lokr"
    roles: ClassVar[frozenset[str]] = frozenset(role for factor in _FACTORS for chain in factor for role in chain)
    beside: ClassVar[frozenset[str]] = frozenset({Role.DIFF_B, Role.MAGNITUDE})
    has_bounded_rank: ClassVar[bool] = True

    def chains(self, roles: Collection[str]) -> Chains:
        return tuple(whole if whole[0] in roles else product for whole, product in _FACTORS)

    def size(self, view: View) -> tuple[int, int]:
        chains = self.chains(view.roles)
        heights, widths = zip(*((view.shape(c[0])[0], view.shape(c[-1])[1]) for c in chains), strict=True)
        return math.prod(heights), math.prod(widths)

    def misfit(self, view: View) -> Misfit | None:
        height, width = self.size(view)
        second = self.chains(view.roles)[1]
        across = (second[-1], f"makes an update {width} wide", width)
        return size_misfit(view, across, (second[0], f"makes an update of {height} rows", height))

    def updates(self, view: View, multipliers: Multipliers) -> Sequence[KroneckerUpdate]:
        chains = self.chains(view.roles)
        first, second = (tuple(view.finite(role) for role in chain) for chain in chains)
        whole = _whole(view, chains[0][0], first)
        multiplier = self._multiplier(view, multipliers)
        squares = _row_squares(first), _row_squares(second)
        block = len(second[0])
        ranges_of = row_ranges(len(whole) * block, view.module.rows, view.shapes)
        updates = []
        for target, ranges in zip(view.targets, ranges_of, strict=True):
            blocks = min(begin for begin, _ in ranges) // block, -(-max(end for _, end in ranges) // block)
            norm = view.in_range(chains[1][0], abs(multiplier) * _norm(*squares, ranges))
            inside = tuple((begin - blocks[0] * block, end - blocks[0] * block) for begin, end in ranges)
            updates.append(KroneckerUpdate(target, whole[slice(*blocks)], second, inside, multiplier, norm))
        return with_magnitudes(view, updates)

    def _multiplier(self, view: View, multipliers: Multipliers) -> float:
        """Of two whole factors there is no rank, and alpha counts only as PEFT has it (tuners/lokr/layer.py); else the
        rank is that of the first factor that is stored as a product, as in LyCORIS.
        """
        for chain in self.chains(view.roles):
            if len(chain) > 1:
                return multipliers.of(view.module, view.stored(chain[-1])[0], "LOKR")
        return multipliers.of_whole(view.module, "LOKR")


KIND = _LoKr()


def _whole(view: View, role: str, first: tuple[Matrix, ...]) -> Matrix:
    """The first factor is a hundred numbers wide at most, so it is multiplied out."""
    if len(first) == 1:
        return first[0]
    product = first[0].astype(np.float64) @ first[1].astype(np.float64)
    view.in_range(role, float(np.abs(product).max()))
    return product.astype(np.float32)


def _row_squares(factor: tuple[Matrix, ...]) -> PerRow:
    """The squared norm of each row of a factor, in float64: for A @ B, sum((A @ BB') * A)."""
    left, *rest = (matrix.astype(np.float64) for matrix in factor)
    weighted = left @ (rest[0] @ rest[0].T) if rest else left
    squares: PerRow = (weighted * left).sum(axis=1)
    return squares.clip(min=0.0)


def _norm(first: PerRow, second: PerRow, ranges: tuple[Range, ...]) -> float:
    """A row of a Kronecker product has the product of its factors' rows for a norm."""
    squares = np.outer(first, second).reshape(-1)
    return math.sqrt(sum(float(squares[begin:end].sum()) for begin, end in ranges))
