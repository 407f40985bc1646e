"""Inner products of a stack's adapters: estimated from their sketches, and exact wherever that decides something.

What is told of a stack depends on the stack alone: not on the order of its adapters, nor on what was weighed before.
What the products come to is `beside`'s part.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kilnmark.engine.proof.doubts import (
    Cells,
    Figures,
    StackEstimate,
    convicted,
    convicted_as_a_whole,
    may_drown,
    nearly_undone,
)
from kilnmark.engine.proof.estimates import Estimates
from kilnmark.engine.proof.imprecise import imprecise
from kilnmark.engine.proof.measured import Measured, Numbers, Places
from kilnmark.engine.proof.overlaps import Overlaps
from kilnmark.engine.proof.sketches import Sketches
from kilnmark.engine.stack.slots import Slot

__all__ = ["LayerProducts", "Weighing"]


class LayerProducts(NamedTuple):
    """Inner products of what n adapters change, on every layer that one of them changes.

    Attributes:
        places: Of the layers, ascending.
        products: `(layers, n, n)`, squared norms on the diagonal.
    """

    places: Places
    products: Numbers

    @property
    def total(self) -> Numbers:
        """Over all layers: `(n, n)`."""
        total: Numbers = self.products.sum(axis=0)
        return total


class Weighing:
    """On one base.

    Args:
        slots: Its layers, in the order of all layers.

    Attributes:
        sketches: Of adapters.
        overlaps: What was multiplied.
    """

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self.sketches = Sketches(slots)
        self.overlaps = Overlaps(slots)
        self._estimates = Estimates(self.sketches)

    def products(
        self, stack: Sequence[Measured], scales: Sequence[Numbers], figures: Callable[[Places], Figures]
    ) -> LayerProducts:
        """Of the adapters of a stack at their scales.

        Args:
            stack: The adapters at scale 1, at least one, in stack order; one content may be in it several times.
            scales: Of each, one for all of its layers, or one for each in its order.
            figures: What is told of it, from the places of the layers that it changes.
        """
        contents = {each.adapter.sha256: each for each in stack}
        order = sorted(contents)
        weighed = _Weighed(
            [contents[sha256] for sha256 in order],
            self._estimates,
            self.overlaps,
            [order.index(each.adapter.sha256) for each in stack],
            scales,
        )
        weighed.settle(figures(weighed.places))
        return LayerProducts(weighed.places, weighed.stack.products)


class _Weighed:
    """One stack, while as many of its products become exact as have to be.

    Attributes:
        places: `(layers,)`, ascending.
        stack: As far as it is known.
    """

    def __init__(
        self,
        contents: Sequence[Measured],
        estimates: Estimates,
        overlaps: Overlaps,
        order: Sequence[int],
        scales: Sequence[Numbers],
    ) -> None:
        self._contents = contents
        self._overlaps = overlaps
        self._order = order
        self._estimate = estimates.of(contents)
        self.places = self._estimate.places
        on_layers = self._on_layers(scales)
        self._scales = on_layers[:, :, None] * on_layers[:, None, :]
        norms = self._estimate.norms[:, :, None] * self._estimate.norms[:, None, :]
        known = (norms == 0) | np.eye(len(contents), dtype=bool)
        products, deviations = norms * self._estimate.cosines, norms * self._estimate.deviations
        self._at_one = StackEstimate(products, deviations, known, known.copy())
        self._is_mixed = np.zeros(len(known), dtype=bool)
        self.stack = self._scaled()

    def _on_layers(self, scales: Sequence[Numbers]) -> Numbers:
        """`(1, n)` where each has one for all of its layers, else `(layers, n)`; 1 where it changes nothing."""
        if all(len(each) == 1 for each in scales):
            return np.concatenate(scales)[None]
        found = np.ones((len(self.places), len(scales)))
        for at, (content, each) in enumerate(zip(self._order, scales, strict=True)):
            found[np.searchsorted(self.places, self._contents[content].places), at] = each
        return found

    def _scaled(self) -> StackEstimate:
        known, rows, columns = self._at_one, *np.ix_(self._order, self._order)
        return StackEstimate(
            known.products[:, rows, columns] * self._scales,
            known.deviations[:, :, rows, columns] * self._scales,
            known.is_exact[:, rows, columns],
            known.is_wide[:, rows, columns],
        )

    def settle(self, figures: Figures) -> None:
        """Make exact what has to be, until nothing more has to be."""
        self._multiply(nearly_undone(self._estimate), wide=True)
        doubts: Sequence[tuple[Callable[[StackEstimate], Cells], bool]] = (
            (lambda stack: convicted(stack, figures, np.flatnonzero(self._is_mixed)), True),
            (lambda stack: convicted_as_a_whole(stack, figures), False),
            (lambda stack: may_drown(stack, figures), False),
            (lambda stack: imprecise(stack, figures), False),
        )
        while any(self._multiply(self._of_contents(doubt(self.stack)), wide=wide) for doubt, wide in doubts):
            pass

    def _of_contents(self, cells: Cells) -> Cells:
        """Of products of the stack those of its contents."""
        found = np.zeros_like(self._at_one.is_exact)
        for at, one in enumerate(self._order):
            for beside, other in enumerate(self._order):
                found[:, one, other] |= cells[:, at, beside]
        return found

    def _multiply(self, cells: Cells, *, wide: bool) -> bool:
        """Make these exact; whether any was not."""
        known = self._at_one.is_wide if wide else self._at_one.is_exact
        missing = (cells | cells.swapaxes(1, 2)) & ~known
        if not missing.any():
            return False
        products, deviations, is_exact, is_wide = self._at_one
        products[missing] = self._overlaps.of(self._contents, self.places, missing, wide=wide)[missing]
        deviations[:, missing] = 0.0
        is_exact |= missing
        is_wide |= missing & wide
        self._is_mixed |= missing.any(axis=(1, 2))
        self.stack = self._scaled()
        return True
