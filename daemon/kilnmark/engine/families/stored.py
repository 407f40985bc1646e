"""What a directory's headers tell of a model's widths and depths: no configuration file is needed, nor any tensor read.

Rows alone are asked for, which packing leaves as they are.
"""

import re
from collections.abc import Iterable

from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.keymaps.files.weights import Weights

__all__ = ["StoredShapes"]

_WRAPPED = "model."
"""Before the names of a text encoder's tensors in diffusers' directories."""


class StoredShapes:
    """The tensors of one folder by name, without what diffusers wraps a text encoder's names in.

    Args:
        weights: Of the directory.
        folder: Which.

    Attributes:
        path: The folder's.
    """

    def __init__(self, weights: Weights, folder: str) -> None:
        self.path = weights.path / folder
        tensors = (item for header in weights.headers[folder] for item in header.tensors.items())
        self._shapes = {name.removeprefix(_WRAPPED): info.shape for name, info in tensors}

    def rows(self, name: str) -> int:
        """The first axis of a tensor, which packing leaves as it is."""
        if name not in self._shapes or not self._shapes[name]:
            raise BaseUnavailable(f"{self.path} lacks {name!r}; give a whole directory")
        return self._shapes[name][0]

    def count(self, prefix: str) -> int:
        """How many blocks there are, by the numbers behind a prefix."""
        numbers = set(self._numbers(prefix))
        if numbers != set(range(len(numbers))) or not numbers:
            raise BaseUnavailable(f"{self.path} has {prefix}{sorted(numbers)}; a whole model counts up from 0")
        return len(numbers)

    def _numbers(self, prefix: str) -> Iterable[int]:
        found = (re.match(rf"{re.escape(prefix)}(\d+)\.", name) for name in self._shapes)
        return (int(match[1]) for match in found if match)
