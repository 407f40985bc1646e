"""LoHa: the Hadamard product of two low-rank products, which is itself a product of low rank.

Hyeon-Woo et al., FedPara, 2022, arXiv 2108.06098; KohakuBlueleaf/LyCORIS, commit 01eed776, lycoris/modules/loha.py.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.change import LayerNumbers, PerRow, Summand, Wide
from kilnmark.keymaps.updates.dora import InputMagnitudes
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.kinds.lora import LowRank
from kilnmark.keymaps.updates.magnitudes import with_magnitudes
from kilnmark.keymaps.updates.measure import CHUNK
from kilnmark.keymaps.updates.products import Chains, ProductKind
from kilnmark.keymaps.updates.update import WeightUpdate
from kilnmark.keymaps.updates.view import View

__all__ = ["JOINT_RANK", "KIND", "Hadamard", "HadamardUpdate"]

JOINT_RANK = 64
"""Up to this rank a Hadamard product is handled as the pair that it is; beyond it, factor by factor."""

_FIRST, _SECOND = ("hada_w1_a", "hada_w1_b"), ("hada_w2_a", "hada_w2_b")


@dataclass(frozen=True, slots=True, eq=False)
class HadamardUpdate(WeightUpdate):
    """What an adapter adds to one target's weight at scale 1: `multiplier * (up1 @ down1) * (up2 @ down2)`.

    Element by element, it is a pair of rank rank1 * rank2, which is many times the size of these factors.

    Attributes:
        target: Module path of the layer in mflux.
        first, second: Each (out, rank) and (rank, in) float32; the targets of a fused module share the latter.
        multiplier: alpha / rank1.
        norm, magnitude, bias: As in `WeightUpdate`.
    """

    target: str
    first: tuple[Matrix, Matrix]
    second: tuple[Matrix, Matrix]
    multiplier: float
    norm: float
    magnitude: Matrix | InputMagnitudes | None = None
    bias: Matrix | None = None

    @property
    def rank(self) -> int:
        """Of the pair that it is."""
        return len(self.first[1]) * len(self.second[1])

    @property
    def is_light(self) -> bool:
        """As `AnyUpdate` has it."""
        return self.magnitude is None and self.rank <= JOINT_RANK

    def product(self, factors: PerRow) -> Summand:
        """A pair up to `JOINT_RANK`: row i of its up matrix is the Kronecker product of rows i of both up matrices,
        column j of its down matrix that of columns j of both down matrices.
        """
        if self.rank > JOINT_RANK:
            return Hadamard(self.first, self.second, factors)
        (up_1, down_1), (up_2, down_2) = self.first, self.second
        up = (up_1[:, :, None] * up_2[:, None, :]).reshape(len(up_1), -1)
        return LowRank((down_1[:, None, :] * down_2[None, :, :]).reshape(-1, down_1.shape[1]), up, factors)


@dataclass(frozen=True, slots=True, eq=False)
class Hadamard(Summand):
    """The product, element by element, of two low-rank products: no more memory than its factors."""

    first: tuple[Matrix, Matrix]
    second: tuple[Matrix, Matrix]
    factors: PerRow

    @property
    def shape(self) -> tuple[int, int]:
        """As `Summand` has it."""
        return len(self.first[0]), self.first[1].shape[1]

    def arrays(self) -> list[NDArray[Any]]:
        """As `Summand` has it."""
        return [self.first[0] * self.factors[:, None].astype(np.float32), self.first[1], *self.second]

    def paint(self, xp: Any, arrays: list[Any], value: Any) -> Any:  # noqa: ARG002 - as `Summand` has it
        """One column of the first product at a time stretches the second."""
        up_1, down_1, up_2, down_2 = arrays
        total = 0
        for place in range(up_1.shape[1]):
            total = total + (value @ (down_1[place] * down_2).T) @ up_2.T * up_1[:, place]
        return total

    def times(self, base: LayerNumbers, matrix: Matrix | Wide) -> Matrix | Wide:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        return np.asarray(self.factors[:, None] * self.paint(np, [*self.first, *self.second], matrix.T).T)

    def columns(self, own: Matrix, begin: int, end: int) -> Matrix | Wide:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        left, right = (up @ down[:, begin:end] for up, down in (self.first, self.second))
        return np.asarray(self.factors[:, None] * (left * right))


class _LoHa(ProductKind):
    name: ClassVar[str] = "loha"
    roles: ClassVar[frozenset[str]] = frozenset({*_FIRST, *_SECOND})
    beside: ClassVar[frozenset[str]] = frozenset({Role.DIFF_B, Role.MAGNITUDE})
    has_bounded_rank: ClassVar[bool] = True

    def chains(self, roles: Collection[str]) -> Chains:  # noqa: ARG002 - there are no others
        return _FIRST, _SECOND

    def updates(self, view: View, multipliers: Multipliers) -> Sequence[HadamardUpdate]:
        """Alpha is divided by the rank of the first product, as LyCORIS and ComfyUI have it."""
        _check_sizes(view)
        (up_1, down_1), (up_2, down_2) = ([view.finite(role) for role in chain] for chain in (_FIRST, _SECOND))
        for role, left, right in ((_FIRST[1], down_1, down_2), (_FIRST[0], up_1, up_2)):
            view.in_range(role, float(np.abs(left).max()) * float(np.abs(right).max()))
        multiplier = multipliers.of(view.module, len(down_1), "LOHA")
        down_gram = _joint_gram(down_1.T, down_2.T) if len(down_1) * len(down_2) <= JOINT_RANK else None
        parts = zip(view.targets, view.split(up_1), view.split(up_2), strict=True)
        updates = []
        for target, first, second in parts:
            if down_gram is None:
                squares = _square_norm(first, down_1, second, down_2)
            else:
                squares = float(np.sum(_joint_gram(first, second) * down_gram))
            norm = view.in_range(_FIRST[0], abs(multiplier) * math.sqrt(max(squares, 0.0)))
            updates.append(HadamardUpdate(target, (first, down_1), (second, down_2), multiplier, norm))
        return with_magnitudes(view, updates)


KIND = _LoHa()


def _check_sizes(view: View) -> None:
    for side, (left, right) in enumerate(zip(_FIRST, _SECOND, strict=True)):
        sizes = [view.stored(role)[side] for role in (left, right)]
        if sizes[0] != sizes[1]:
            what = ("rows", "columns")[side]
            raise view.refuse(right, f"has {sizes[1]} {what}, but {view.shown(left)} has {sizes[0]}")


def _joint_gram(first: Matrix, second: Matrix) -> Wide:
    """Gram matrix of the row-wise Kronecker product of (n, rank1) and (n, rank2), some rows at a time."""
    rank = first.shape[1] * second.shape[1]
    total: Wide = np.zeros((rank, rank))
    for rows in _chunks(len(first)):
        left, right = first[rows].astype(np.float64), second[rows].astype(np.float64)
        joint = (left[:, :, None] * right[:, None, :]).reshape(-1, rank)
        total += joint.T @ joint
    return total


def _square_norm(up_1: Matrix, down_1: Matrix, up_2: Matrix, down_2: Matrix) -> float:
    """Squared norm of the product itself, some rows at a time."""
    total = 0.0
    wide_1, wide_2 = down_1.astype(np.float64), down_2.astype(np.float64)
    for rows in _chunks(len(up_1)):
        product = (up_1[rows] @ wide_1) * (up_2[rows] @ wide_2)
        total += float(np.vdot(product, product))
    return total


def _chunks(count: int) -> Iterator[slice]:
    return (slice(begin, begin + CHUNK) for begin in range(0, count, CHUNK))
