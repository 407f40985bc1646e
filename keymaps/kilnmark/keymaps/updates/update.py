"""What an adapter does to one target: the data that kinds of updates make of files, and that the engine applies.

What is the same for all of them stands here; each kind's own data stand in its module in `kinds`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.updates.change import LayerChange, LayerNumbers, PerRow, Summand
from kilnmark.keymaps.updates.dora import InputMagnitudes, Stretch, stretch_of
from kilnmark.keymaps.updates.fused import Matrix

__all__ = ["AnyUpdate", "WeightUpdate"]


class AnyUpdate(ABC):
    """What an adapter does to one target at scale 1; at another scale its whole change is multiplied.

    Every kind's is a frozen dataclass.

    Attributes:
        target: Module path of the layer in mflux.
        norm: Frobenius norm of the change at scale 1, without what depends on the base's own numbers; None where all of
            it does.
        bias: (out,) float32, added to the layer's bias at scale 1; None without one.
    """

    __slots__ = ("__weakref__",)
    target: str
    norm: float | None
    bias: Matrix | None

    @property
    @abstractmethod
    def rank(self) -> int:
        """The most that the rank of the weight's change can be; 0 where there is none."""

    @property
    def is_zero(self) -> bool:
        """It changes nothing, whatever the base's numbers are."""
        return self.norm == 0.0

    @property
    def whole_norm(self) -> float | None:
        """Frobenius norm of the whole change at scale 1; None where any of it depends on the base's own numbers."""
        return self.norm

    @property
    def rests(self) -> bool:
        """It is not zero, but as before the first step of training: a base alone can tell what it changes."""
        return False

    @property
    def is_light(self) -> bool:
        """All that it changes of a weight, if anything, is a pair of matrices of low rank, whatever the base is."""
        return False

    @abstractmethod
    def change_on(self, base: LayerNumbers, scale: float = 1.0) -> LayerChange:
        """What it does to a base's own layer.

        The layer's numbers are always the base's own, also where a stack has several adapters on it: each does what it
        would do alone.
        """

    def norm_on(self, base: LayerNumbers) -> float:
        """Frobenius norm of the whole change of this layer at scale 1; infinite beyond the range of float32."""
        return self.change_on(base).norm(base) if self.norm is None else self.norm

    def arrays(self) -> Iterator[NDArray[Any]]:
        """All that it holds."""
        for field in fields(self):  # type: ignore[arg-type]  # every kind's update is a dataclass
            value = getattr(self, field.name)
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, np.ndarray):
                    yield each
                elif isinstance(each, InputMagnitudes):
                    yield each.numbers


class WeightUpdate(AnyUpdate):
    """One that adds a product of matrices to a weight W: `multiplier * P`.

    With magnitudes it is DoRA: each row, or each column, of W + `multiplier * P` is made as long as its magnitude says.

    Attributes:
        multiplier: alpha / rank, or what the convention puts in its place.
        norm: Of `multiplier * P` and the bias; what magnitudes add to it depends on W.
        magnitude: (out,) float32 of rows, or those of inputs; None without magnitudes.
    """

    __slots__ = ()
    multiplier: float
    norm: float
    magnitude: Matrix | InputMagnitudes | None

    @abstractmethod
    def product(self, factors: PerRow) -> Summand:
        """P, its rows multiplied by `(out,)` or `(1,)`."""

    @property
    def is_zero(self) -> bool:
        """Magnitudes may change rows also where the product is zero."""
        return self.norm == 0.0 and self.magnitude is None

    @property
    def rests(self) -> bool:
        """Its product is zero, as no training leaves it, and its magnitudes may be the base's own."""
        return self.norm == 0.0 and self.magnitude is not None

    @property
    def whole_norm(self) -> float | None:
        """As `AnyUpdate` has it; what magnitudes do depends on the base's weight."""
        return self.norm if self.magnitude is None else None

    def change_on(self, base: LayerNumbers, scale: float = 1.0) -> LayerChange:
        """As `AnyUpdate` has it."""
        bias = None if self.bias is None else scale * self.bias.astype(np.float64)
        if self.magnitude is None:
            return LayerChange((self.product(np.array([scale * self.multiplier])),), bias)
        return LayerChange(self.stretch_on(base).parts(self, scale), bias)

    def norm_on(self, base: LayerNumbers) -> float:
        """As `AnyUpdate` has it."""
        if self.magnitude is None:
            return self.norm
        bias = 0.0 if self.bias is None else float(np.linalg.norm(self.bias))
        return math.hypot(self.stretch_on(base).norm, bias)

    def stretch_on(self, base: LayerNumbers) -> Stretch:
        """What its magnitudes do at scale 1; judging an adapter and building its stack both need it.

        Raises:
            ValueError: It has none.
        """
        if (magnitude := self.magnitude) is None:
            raise ValueError(f"the update of {self.target} has no magnitudes")
        return base.remembered(self, lambda: stretch_of(base, self, magnitude))
