"""What a directory's headers tell of a model's widths and depths: no configuration file is needed, nor any tensor read.

Rows alone are asked for, which packing leaves as they are.
"""

import re

from kilnmark.engine.families.family import BaseUnavailable
from kilnmark.keymaps.files.weights import Weights

__all__ = ["StoredShapes", "plain_name"]

_WRAPPED = re.compile(r"^(model\.)?(language_model\.)?")
"""Before the names of a text encoder's tensors in diffusers' directories, of one that sees pictures too."""


def plain_name(name: str) -> str:
    """A tensor's name without what diffusers wraps a text encoder's names in."""
    return _WRAPPED.sub("", name)


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
        self._shapes = {plain_name(name): info.shape for name, info in tensors}

    def rows(self, *names: str) -> int:
        """The first axis of a tensor, which packing leaves as it is, by the first of its names that is there."""
        found = next(filter(None, map(self._shapes.get, names)), None)
        if found is None:
            raise BaseUnavailable(f"{self.path} lacks {names[0]!r}; give a whole directory")
        return found[0]

    def count(self, *prefixes: str) -> int:
        """How many blocks there are, by the numbers behind the first prefix that has some."""
        prefix = next(filter(self._numbers, prefixes), prefixes[0])
        numbers = self._numbers(prefix)
        if numbers != set(range(len(numbers))) or not numbers:
            raise BaseUnavailable(f"{self.path} has {prefix}{sorted(numbers)}; a whole model counts up from 0")
        return len(numbers)

    def _numbers(self, prefix: str) -> set[int]:
        found = (re.match(rf"{re.escape(prefix)}(\d+)\.", name) for name in self._shapes)
        return {int(match[1]) for match in found if match}
