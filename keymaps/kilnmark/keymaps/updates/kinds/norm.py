"""Scales of the model's norms: whole ones that take the place of its own, and changes of them.

Control LoRAs hold whole ones, which diffusers (commit 58eb52c080, loaders/lora_pipeline.py,
`_load_norm_into_transformer`) and Black Forest Labs put into the model as they are; LyCORIS (commit 01eed776,
lycoris/modules/norms.py) holds changes, `w_norm`, and so do extractions, as `diff` of one dimension.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kilnmark.keymaps.names.shapes import is_norm
from kilnmark.keymaps.updates.alpha import Multipliers
from kilnmark.keymaps.updates.change import LayerChange, LayerNumbers
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.kind import Kind, Misfit
from kilnmark.keymaps.updates.update import AnyUpdate
from kilnmark.keymaps.updates.view import View

__all__ = ["KIND", "NormUpdate"]

WHOLE, CHANGE = "norm_weight", "w_norm"


@dataclass(frozen=True, slots=True, eq=False)
class NormUpdate(AnyUpdate):
    """What an adapter does to the scales w of a norm at scale s: w + s * `scales`, or w + s * (`scales` - w).

    Attributes:
        target: Module path of the norm in mflux.
        scales: (width,) float32.
        replaces: The scales are to take the place of w at scale 1, not to be added to it.
        norm: Of the change at scale 1; None where it depends on w.
        bias: A norm has none.
    """

    target: str
    scales: Matrix
    replaces: bool
    norm: float | None
    bias: None = None

    @property
    def rank(self) -> int:
        """No matrix, no rank."""
        return 0

    @property
    def is_light(self) -> bool:
        """There is no weight."""
        return True

    def change_on(self, base: LayerNumbers, scale: float = 1.0) -> LayerChange:
        """As `AnyUpdate` has it."""
        scales = self.scales.astype(np.float64)
        return LayerChange(scales=scale * (scales - base.scales() if self.replaces else scales))

    def norm_on(self, base: LayerNumbers) -> float:
        """As `AnyUpdate` has it."""
        return self.change_on(base).norm(base)


class _Norm(Kind):
    name: ClassVar[str] = "norm"
    roles: ClassVar[frozenset[str]] = frozenset({WHOLE, CHANGE})
    beside: ClassVar[frozenset[str]] = frozenset()
    is_for_norms: ClassVar[bool] = True

    def needed(self, roles: Collection[str]) -> Sequence[str]:
        return [WHOLE if WHOLE in roles else CHANGE]

    def check_shapes(self, view: View) -> None:
        target = view.targets[0]
        if not is_norm(view.shapes[target]):
            problem = f"holds scales of a norm or a whole weight, but {target} is a linear layer"
            raise view.refuse(view.roles[0], problem, "give an adapter: pairs of matrices, or the change as diff")

    def misfit(self, view: View) -> Misfit | None:  # noqa: ARG002 - sizes are looked at when it is read
        return None

    def updates(self, view: View, multipliers: Multipliers) -> Sequence[NormUpdate]:  # noqa: ARG002 - alpha is nothing
        (role,), target = self.needed(view.roles), view.targets[0]
        width = view.shapes[target][0]
        if view.stored(role) != (width,):
            problem = f"must hold {width} scales, those of {target}, but has shape {list(view.stored(role))}"
            raise view.refuse(role, problem)
        scales = view.finite(role)
        norm = None if role == WHOLE else float(np.linalg.norm(scales.astype(np.float64)))
        return [NormUpdate(target, scales, role == WHOLE, norm)]


KIND = _Norm()
