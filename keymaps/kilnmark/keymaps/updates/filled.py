"""Rows of zeros that stand in a fused module because the file never had anything for that layer: no update, and none
that was lost.

A converter that joins separate layers has to put something where one is missing. Our own says so in the metadata,
`FILLED`. Others are told by their tensors: of a pair that is block-diagonal, where every column of the up matrix
belongs to one layer and none is empty, nothing can have been lost, since a lost layer leaves its columns behind. Every
other layer that is zero among living ones looks the same when it was lost, and stays an accusation.
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from kilnmark.keymaps.names.schema import Role
from kilnmark.keymaps.updates.fused import Matrix
from kilnmark.keymaps.updates.kind import Made

__all__ = ["FILLED", "filled_by_word", "filled_targets", "without"]

FILLED = "kilnmark.remap.filled"
"""The entry of the metadata: a JSON list of the layers whose rows were filled, by their paths."""
_JOINED = 2
"""Layers of a fused module that a converter must have had to join any."""


def filled_targets(metadata: Mapping[str, str], made: Sequence[Made]) -> frozenset[str]:
    """Layers of fused modules whose zeros are no update.

    Args:
        metadata: Of the file. An entry that cannot be understood says nothing.
        made: Every module of it, with its updates.
    """
    said = filled_by_word(metadata)
    return frozenset(target for each in made if len(each.updates) > 1 for target in _filled(each, said))


def without(made: Made, filled: frozenset[str]) -> Made:
    """The module without the updates of these layers."""
    if filled.isdisjoint(made.view.targets):
        return made
    return Made(made.view, [update for update in made.updates if update.target not in filled])


def filled_by_word(metadata: Mapping[str, str]) -> frozenset[str]:
    """Those that the metadata say so of, whatever else the file holds for them."""
    try:
        listed = json.loads(metadata.get(FILLED, "[]"))
    except (ValueError, RecursionError):
        return frozenset()
    return frozenset(name for name in listed if isinstance(name, str)) if isinstance(listed, list) else frozenset()


def _filled(made: Made, said: frozenset[str]) -> frozenset[str]:
    zero = frozenset(update.target for update in made.updates if update.is_zero)
    if len(zero) == len(made.updates):
        return frozenset()
    return zero & (said | _left_out(made)) if zero else zero


def _left_out(made: Made) -> frozenset[str]:
    """Layers without columns of an up matrix, where at least two others have some, each its own, and none is nobody's.

    One that has columns and is zero all the same has lost its part of the down matrix.
    """
    view = made.view
    if set(view.roles) - {Role.ALPHA} != {Role.DOWN, Role.UP}:
        return frozenset()
    used = np.array([_columns(part) for part in view.split(view.matrix(Role.UP))])
    left_out = [target for target, columns in zip(view.targets, used, strict=True) if not columns.any()]
    if not (used.sum(axis=0) == 1).all() or len(used) - len(left_out) < _JOINED:
        return frozenset()
    return frozenset(left_out)


def _columns(up: Matrix) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray(up.any(axis=0))
