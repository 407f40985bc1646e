"""LoRA: a pair of matrices of low rank. Whatever is of no other kind is taken for one that is not whole.

A pair with biases a and b gives `multiplier * (up @ (down @ x + a) + b)`, so the vector `multiplier * (up @ a + b)`
comes on top of the pair: `LinearLora` of black-forest-labs/flux, src/flux/modules/lora.py, and `lora_bias` of
huggingface/peft, commit 0a6cd5a4, tuners/lora/layer.py.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.change import LayerNumbers, Pair, PerRow, Summand, Wide, row_dots
from kilnmark.keymaps.updates.directions import Directions, Views, low_rank_views
from kilnmark.keymaps.updates.dora import InputMagnitudes
from kilnmark.keymaps.updates.fused import Matrix, is_block_diagonal
from kilnmark.keymaps.updates.kind import Made
from kilnmark.keymaps.updates.magnitudes import with_magnitudes
from kilnmark.keymaps.updates.measure import gram, product_norm
from kilnmark.keymaps.updates.products import Chains, ProductKind
from kilnmark.keymaps.updates.update import WeightUpdate
from kilnmark.keymaps.updates.view import View

__all__ = ["KIND", "LowRank", "PairUpdate"]


@dataclass(frozen=True, slots=True, eq=False)
class PairUpdate(WeightUpdate):
    """What an adapter adds to one target's weight at scale 1: `multiplier * up @ down`.

    Attributes:
        target: Module path of the layer in mflux.
        down: (rank, in) float32; the targets of a fused module share one array.
        up: (out, rank) float32.
        multiplier, norm, magnitude, bias: As in `WeightUpdate`.
    """

    target: str
    down: Matrix
    up: Matrix
    multiplier: float
    norm: float
    magnitude: Matrix | InputMagnitudes | None = None
    bias: Matrix | None = None

    @property
    def rank(self) -> int:
        """Rows of `down`, columns of `up`."""
        return int(self.down.shape[0])

    @property
    def is_light(self) -> bool:
        """As `AnyUpdate` has it."""
        return self.magnitude is None

    def product(self, factors: PerRow) -> Summand:
        """As `WeightUpdate` has it."""
        return LowRank(self.down, self.up, factors)


@dataclass(frozen=True, slots=True, eq=False)
class LowRank(Summand):
    """`up @ down`, rows multiplied by `factors`."""

    down: Matrix
    up: Matrix
    factors: PerRow

    @property
    def shape(self) -> tuple[int, int]:
        """As `Summand` has it."""
        return self.up.shape[0], self.down.shape[1]

    @property
    def pair(self) -> Pair | None:
        """As `Summand` has it."""
        return Pair(self.down, self.up * self.factors[:, None].astype(np.float32))

    def arrays(self) -> list[NDArray[Any]]:
        """As `Summand` has it."""
        return [self.down, self.up * self.factors[:, None].astype(np.float32)]

    def paint(self, xp: Any, arrays: list[Any], value: Any) -> Any:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        down, up = arrays
        return value @ down.T @ up.T

    def times(self, base: LayerNumbers, matrix: Matrix | Wide) -> Matrix | Wide:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        return np.asarray(self.factors[:, None] * (self.up @ (self.down @ matrix)))

    def columns(self, own: Matrix, begin: int, end: int) -> Matrix | Wide:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        return np.asarray(self.factors[:, None] * (self.up @ self.down[:, begin:end]))

    def dot(self, other: Summand, base: LayerNumbers) -> float | None:
        """A sum over (out, rank) numbers, whatever the other part is; over (rank, rank) ones for two of this kind."""
        if isinstance(other, LowRank) and len(self.factors) == len(other.factors) == 1:
            ups, downs = (self.up.T @ other.up).astype(np.float64), self.down @ other.down.T
            return float(self.factors[0] * other.factors[0] * np.vdot(ups, downs))
        return float((self.factors * row_dots(other.times(base, self.down.T), self.up)).sum())

    def views(self, base: LayerNumbers, rows: Directions, columns: Directions) -> Views:  # noqa: ARG002 - as above
        """As `Summand` has it; nothing is as long as the rows."""
        factors = self.factors.astype(np.float32)
        up = self.up if len(factors) == 1 else self.up * factors[:, None]
        found = low_rank_views(rows.along(up.T), columns.along(self.down))
        return found * factors[0] if len(factors) == 1 else found

    def along(self, base: LayerNumbers) -> PerRow:
        """As `Summand` has it."""
        return self.factors * row_dots(base.times(self.down.T), self.up)

    def row_squares(self, base: LayerNumbers) -> PerRow:  # noqa: ARG002 - as `Summand` has it
        """As `Summand` has it."""
        return self.factors**2 * row_dots(self.up @ (self.down @ self.down.T), self.up)


class _Lora(ProductKind):
    name: ClassVar[str] = "lora"
    roles: ClassVar[frozenset[str]] = frozenset({Role.DOWN, Role.UP})
    beside: ClassVar[frozenset[str]] = frozenset({Role.DIFF_B, Role.MAGNITUDE, Role.UP_BIAS, Role.DOWN_BIAS})
    is_fallback: ClassVar[bool] = True

    def called(self, roles: Collection[str]) -> str:
        return "dora" if Role.MAGNITUDE in roles else self.name

    def chains(self, roles: Collection[str]) -> Chains:  # noqa: ARG002 - there is only one
        return ((Role.UP, Role.DOWN),)

    def updates(self, view: View, multipliers: Multipliers) -> Sequence[PairUpdate]:
        down, up = view.matrix(Role.DOWN), view.matrix(Role.UP)
        multiplier = multipliers.of(view.module, len(down))
        down_gram = gram(view, Role.DOWN, down.T)
        updates = []
        for target, part in zip(view.targets, view.split(up), strict=True):
            norm = abs(multiplier) * product_norm(gram(view, Role.UP, part), down_gram)
            updates.append(PairUpdate(target, down, part, multiplier, view.in_range(Role.UP, norm)))
        return with_magnitudes(view, updates)

    def own_biases(self, view: View, updates: Sequence[PairUpdate]) -> Iterable[Wide | None]:
        if Role.DOWN_BIAS not in view and Role.UP_BIAS not in view:
            return repeat(None, len(updates))
        inner = view.vector(Role.DOWN_BIAS, updates[0].rank) if Role.DOWN_BIAS in view else None
        whole = view.vector(Role.UP_BIAS, view.height) if Role.UP_BIAS in view else None
        outers = repeat(None, len(updates)) if whole is None else view.split(whole)
        both = zip(updates, outers, strict=True)
        return [update.multiplier * _through(update, inner, outer) for update, outer in both]

    def notes(self, made: Sequence[Made]) -> Iterator[str]:
        diagonal = [view for view, updates in made if _is_scaled_diagonal(view, updates)]
        if diagonal:
            count = "1 fused module is" if len(diagonal) == 1 else f"{len(diagonal)} fused modules are"
            yield f"{count} block-diagonal: {diagonal[0].module.convention.block_diagonal}"


KIND = _Lora()


def _is_scaled_diagonal(view: View, updates: Sequence[Any]) -> bool:
    scaled = Role.ALPHA in view and any(update.multiplier != 1.0 for update in updates)
    return scaled and is_block_diagonal([update.up for update in updates])


def _through(update: PairUpdate, inner: Matrix | None, outer: Matrix | None) -> Wide:
    """What a pair gives for an input of zeros, before the multiplier: up @ a + b."""
    total = np.zeros(len(update.up))
    if inner is not None:
        total += update.up.astype(np.float64) @ inner.astype(np.float64)
    return total if outer is None else total + outer
