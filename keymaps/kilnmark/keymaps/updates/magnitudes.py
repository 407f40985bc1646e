"""The magnitudes of a module's tensors, given to the updates that they belong to.

One for each row, in kohya's spelling (out, 1) and in PEFT's (out,), or one for each input, (1, in).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.updates.dora import InputMagnitudes
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.update import WeightUpdate
from kilnmark.keymaps.updates.view import View

__all__ = ["has_input_magnitudes", "with_magnitudes"]

_Update = TypeVar("_Update", bound=WeightUpdate)


def with_magnitudes(view: View, updates: Sequence[_Update]) -> Sequence[_Update]:
    """A module's updates, one a target, in row order, with their magnitudes; as they are where it has none.

    Raises:
        UnfitAdapter: They are not one for every row or one for every input, not finite, or lost.
    """
    if Role.MAGNITUDE not in view:
        return updates
    shape = view.stored(Role.MAGNITUDE)
    if has_input_magnitudes(view):
        columns = InputMagnitudes(_live(view, view.finite(Role.MAGNITUDE).reshape(-1)), tuple(updates))
        return [_given(update, columns) for update in updates]
    if shape not in {(view.height,), (view.height, 1)}:
        problem = f"must hold a magnitude for each of {view.height} rows, or of {view.width} inputs, but has shape"
        raise view.refuse(Role.MAGNITUDE, f"{problem} {list(shape)}")
    parts = view.split(view.finite(Role.MAGNITUDE).reshape(-1))
    return [_given(update, _live(view, part)) for update, part in zip(updates, parts, strict=True)]


def has_input_magnitudes(view: View) -> bool:
    """Its magnitudes are those of inputs."""
    return Role.MAGNITUDE in view and view.stored(Role.MAGNITUDE) == (1, view.width) != (view.height, 1)


def _live(view: View, magnitudes: Matrix) -> Matrix:
    """Raise where they would take the weight of most rows away: a row of zero length is nothing that training makes."""
    zeros, count = len(magnitudes) - np.count_nonzero(magnitudes), len(magnitudes)
    if 2 * zeros > count:
        problem = f"is zero in {zeros} of the {count} magnitudes of one layer, which would take its weight away"
        raise view.refuse(Role.MAGNITUDE, f"{problem}: they were lost")
    return magnitudes


def _given(update: _Update, magnitude: Matrix | InputMagnitudes) -> _Update:
    return replace(update, magnitude=magnitude)  # type: ignore[type-var]  # every kind's update is a dataclass
