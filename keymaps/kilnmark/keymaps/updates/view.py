"""One module of a file as a kind of update sees it: its tensors by role, and one door for everything wrong with them.

Shapes come from the header; a tensor is read when it is asked for. What the tensors mean is the kinds' part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kilnmark.keymaps.errors import UnfitAdapter, shorten
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.names.copies import Module
from kilnmark.keymaps.names.schema import Role, is_transposed
from kilnmark.keymaps.names.shapes import Shapes
from kilnmark.keymaps.updates.fused import Matrix, split_rows, without_kernel

__all__ = ["AGAIN", "View"]

AGAIN = "train or export the adapter again"

_FLOAT32_MAX = float(np.finfo(np.float32).max)
_TURNED = frozenset({Role.DOWN, Role.UP})
"""Matrices that may be stored the other way round."""


@dataclass(frozen=True, slots=True)
class View:
    """The tensors of one module, and the layers of the model that it changes.

    Attributes:
        file: That they stand in.
        module: Its keys by role, and its targets.
        shapes: The model's layers.
    """

    file: AdapterFile
    module: Module
    shapes: Shapes

    def __contains__(self, role: str) -> bool:
        return role in self.module.keys

    @property
    def roles(self) -> Sequence[str]:
        """Of its tensors, in the file's order."""
        return list(self.module.keys)

    @property
    def targets(self) -> tuple[str, ...]:
        """In row order."""
        return self.module.rows.targets

    @property
    def height(self) -> int:
        """Rows of all its targets together."""
        return sum(self.shapes[target][0] for target in self.targets)

    @property
    def width(self) -> int:
        """Inputs of its targets; where they differ, of the first."""
        return self.shapes[self.targets[0]][1]

    def key(self, role: str) -> str:
        """The tensor's name in the file."""
        return self.module.keys[role]

    def shown(self, role: str) -> str:
        """The same as a message may show it."""
        return shorten(self.key(role))

    def stored(self, role: str) -> tuple[int, ...]:
        """The tensor's shape in the file; of a convolution of one by one, which is a linear layer, without these."""
        return without_kernel(self.file.tensors[self.key(role)].shape)

    def shape(self, role: str) -> tuple[int, ...]:
        """As updates take it: (rank, in) for a down matrix, (out, rank) for an up matrix."""
        shape = self.stored(role)
        return shape[::-1] if self._is_turned(role) else shape

    def matrix(self, role: str) -> Matrix:
        """As updates take it, whichever way round it is stored; numbers may be anything."""
        numbers = self.file.array(self.key(role)).reshape(self.stored(role))
        return numbers.T if self._is_turned(role) else numbers

    def finite(self, role: str) -> Matrix:
        """The same, if every number is finite.

        Raises:
            UnfitAdapter: With the key.
        """
        numbers = self.matrix(role)
        if not np.isfinite(numbers).all():
            raise self.not_finite(role)
        return numbers

    def vector(self, role: str, size: int) -> Matrix:
        """One finite number for each of `size` rows.

        Raises:
            UnfitAdapter: Another shape, or a number is not finite.
        """
        if self.stored(role) != (size,):
            problem = f"must hold {size} numbers, one for each that it is added to, but has shape"
            raise self.refuse(role, f"{problem} {list(self.stored(role))}")
        return self.finite(role)

    def split(self, rows: Matrix) -> Iterator[Matrix]:
        """The part of (out, ...) numbers that belongs to each target, in order."""
        return split_rows(rows, self.module.rows, self.shapes)

    def in_range(self, role: str, norm: float) -> float:
        """The norm again, if float32 can hold it.

        Raises:
            UnfitAdapter: With the key.
        """
        if not norm <= _FLOAT32_MAX:
            raise self.refuse(role, "makes an update beyond the range of float32")
        return norm

    def not_finite(self, role: str) -> UnfitAdapter:
        """The refusal of a tensor that holds NaN or infinity."""
        return self.refuse(role, "holds numbers that are not finite (NaN or infinity)")

    def refuse(self, role: str, problem: str, mend: str = AGAIN) -> UnfitAdapter:
        """The refusal of the file for one of the module's tensors."""
        return UnfitAdapter(self.file.path, problem, mend, key=self.key(role))

    def _is_turned(self, role: str) -> bool:
        return role in _TURNED and is_transposed(self.key(role))
