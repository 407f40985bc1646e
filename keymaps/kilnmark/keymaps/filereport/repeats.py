"""What stands in a file twice: whole tensors, and tensors inside larger ones, as where a fused module repeats layers.

Only that they are equal is told, by places; the hashes that say so stay here.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.filereport.statistics import Statistics
from kilnmark.keymaps.files.safefile import AdapterFile
from kilnmark.keymaps.files.widths import WIDTHS

__all__ = ["equal_places", "part_places"]

_MATRIX = 2
_SPLITS = 8
"""Into how many equal parts rows are cut at the most; fused modules have four."""


def equal_places(file: AdapterFile, known: Mapping[str, Statistics]) -> tuple[tuple[int, ...], ...]:
    """Places of tensors with the same bytes, shape and type; those of one value are left out, which says it already."""
    found: dict[tuple[object, ...], list[int]] = {}
    for place, (name, info) in enumerate(file.tensors.items()):
        if known[name].value is None and info.end > info.begin:
            digest = _digest(file.data[info.begin : info.end])
            found.setdefault((digest, info.dtype, info.shape), []).append(place)
    return tuple(tuple(places) for places in found.values() if len(places) > 1)


def part_places(file: AdapterFile, known: Mapping[str, Statistics]) -> tuple[tuple[int, int, int, int], ...]:
    """Matrices inside larger ones: place, first row, first column, and the place of the smaller."""
    matrices = [
        _Matrix(place, info.dtype, info.shape, file.data[info.begin : info.end], known[name])
        for place, (name, info) in enumerate(file.tensors.items())
        if len(info.shape) == _MATRIX and known[name].value is None and info.end > info.begin
    ]
    wholes = {(_digest(each.data), each.dtype, each.shape): each.place for each in reversed(matrices)}
    heights: dict[tuple[str, int], set[int]] = defaultdict(set)
    for each in matrices:
        heights[each.dtype, each.shape[1]].add(each.shape[0])
    return tuple(
        (each.place, rows.start, columns.start, wholes[key])
        for each in matrices
        for rows, columns in _rectangles(each, heights[each.dtype, each.shape[1]])
        if (key := each.key(rows, columns)) in wholes
    )


class _Matrix(NamedTuple):
    """A matrix with its bytes."""

    place: int
    dtype: str
    shape: tuple[int, ...]
    data: NDArray[np.uint8]
    known: Statistics

    def key(self, rows: range, columns: range) -> tuple[bytes, str, tuple[int, ...]]:
        """What a matrix would have that is this part of it."""
        width = WIDTHS[self.dtype]
        part = self.data.reshape(self.shape[0], -1)[
            rows.start : rows.stop, columns.start * width : columns.stop * width
        ]
        return _digest(part), self.dtype, (len(rows), len(columns))


def _rectangles(matrix: _Matrix, heights: set[int]) -> Iterator[tuple[range, range]]:
    """Parts that may be other matrices: where it is not zero, or all columns of an equal share of rows."""
    height, width = matrix.shape
    begins = np.cumsum([0, *(rows for rows, _ in matrix.known.runs)]).tolist()
    for (_, columns), (begin, end) in zip(matrix.known.runs, pairwise(begins), strict=True):
        first, last = columns.find("1"), columns.rfind("1") + 1
        if first >= 0 and "0" not in columns[first:last]:
            yield range(begin, end), range(first, last)
    for rows in sorted(heights):
        if rows < height and height % rows == 0 and height // rows <= _SPLITS:
            yield from ((range(begin, begin + rows), range(width)) for begin in range(0, height, rows))


def _digest(data: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(data).data, digest_size=16).digest()
