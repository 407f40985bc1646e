"""Changes of a layer's bias and of nothing else."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.biases import changes_of_bias
from kilnmark.keymaps.updates.change import LayerChange, LayerNumbers
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.kind import Kind, Misfit
from kilnmark.keymaps.updates.update import AnyUpdate
from kilnmark.keymaps.updates.view import View

__all__ = ["KIND", "BiasUpdate"]


@dataclass(frozen=True, slots=True, eq=False)
class BiasUpdate(AnyUpdate):
    """What an adapter adds to one target's bias at scale 1, and nothing to its weight.

    Attributes:
        target: Module path of the layer in mflux.
        bias: (out,) float32.
        norm: Of the bias.
    """

    target: str
    bias: Matrix
    norm: float

    @property
    def rank(self) -> int:
        """No matrix, no rank."""
        return 0

    @property
    def is_light(self) -> bool:
        """There is no weight."""
        return True

    def change_on(self, base: LayerNumbers, scale: float = 1.0) -> LayerChange:  # noqa: ARG002 - it is the same on all
        """As `AnyUpdate` has it."""
        return LayerChange(bias=scale * self.bias.astype(np.float64))


class _Bias(Kind):
    name: ClassVar[str] = "bias"
    roles: ClassVar[frozenset[str]] = frozenset()
    beside: ClassVar[frozenset[str]] = frozenset()

    def claims(self, roles: Collection[str]) -> bool:
        return set(roles) <= {Role.DIFF_B, Role.ALPHA}

    def needed(self, roles: Collection[str]) -> Sequence[str]:  # noqa: ARG002 - as `Kind` has it
        return [Role.DIFF_B]

    def check_shapes(self, view: View) -> None:
        """Sizes are looked at when it is read."""

    def misfit(self, view: View) -> Misfit | None:  # noqa: ARG002 - as `Kind` has it
        return None

    def updates(self, view: View, multipliers: Multipliers) -> Sequence[BiasUpdate]:  # noqa: ARG002 - alpha is nothing
        parts = zip(view.targets, changes_of_bias(view), strict=True)
        return [BiasUpdate(target, part, _norm(part)) for target, part in parts if part is not None]


KIND = _Bias()


def _norm(bias: Matrix) -> float:
    return float(np.linalg.norm(bias.astype(np.float64)))
