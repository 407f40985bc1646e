"""What a family checks of a directory that its library has read: a library may fill in whatever is missing, in silence.

The names of tensors are module paths where mflux saved them; those of other writers are mapped, and checked, by the
library itself.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import mlx.core as mx
from mlx import nn
from mlx.utils import tree_flatten

from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.engine.families.stored import plain_name
from kilnmark.keymaps.files.weights import Weights
from kilnmark.protocol.picture.catalog import family_of

__all__ = ["refuse_random_weights", "saved_by_mflux", "sees_pictures"]

_NEVER_STORED = (".scales", ".biases", "inv_freq")
"""Of layers that were quantized after they were read, and the angles of rotary embedding, which are computed."""


def saved_by_mflux(weights: Weights) -> bool:
    """The names of its tensors are module paths then."""
    return any("mflux_version" in header.metadata for headers in weights.headers.values() for header in headers)


def sees_pictures(weights: Weights) -> bool:
    """Whether a directory holds anything of what encodes pictures in its family."""
    parts = [part for part in family_of(weights.variant).parts if part.sees]
    return any(name.startswith(part.sees) for part in parts for name in weights.names(part.folder))


def refuse_random_weights(weights: Weights, parts: Mapping[str, nn.Module], without: Collection[str] = ()) -> None:
    """Refuse a directory that lacks weights where mflux takes them by name: it keeps random values in silence.

    Args:
        weights: Of the directory.
        parts: What was read of each folder.
        without: Names that need not be there, beside those that the family's row leaves unread.

    Raises:
        BaseUnavailable: Some are missing; the message has the first.
    """
    unread = {part.folder: part.unread for part in family_of(weights.variant).parts}
    for folder, model in parts.items():
        stored = weights.names(folder) | frozenset(map(plain_name, weights.names(folder)))
        held: dict[str, mx.array] = {}
        tree_flatten(model.parameters(), destination=held)
        wanted = [name for name in held if not name.endswith(_NEVER_STORED) and not name.startswith(unread[folder])]
        missing = [name for name in wanted if name not in stored and name not in without]
        if missing:
            place = Path(weights.headers[folder][0].path).parent
            raise BaseUnavailable(f"{place} lacks {len(missing)} weights, first {missing[0]!r}; save the model again")
