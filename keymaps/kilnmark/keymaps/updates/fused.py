"""What is particular to fused modules: rows that stand for several targets, and the two ways in which files store more
rank than was trained.

A tiled down matrix holds the same rows once for every target; a block-diagonal pair holds one small pair a target.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from kilnmark.keymaps.names.schema import Rows
from kilnmark.keymaps.names.shapes import Shapes

__all__ = ["Matrix", "Range", "is_block_diagonal", "is_tiled", "row_ranges", "split_rows", "without_kernel"]

Matrix = NDArray[np.float32]

Range = tuple[int, int]

_SIDES = 4
"""Of a convolution over pictures."""


def row_ranges(height: int, rows: Rows, shapes: Shapes) -> Iterator[tuple[Range, ...]]:
    """Which of a module's rows belong to each target, in order: ranges (begin, end) to be put one behind the other."""
    if rows.swap_halves:
        yield (height // 2, height), (0, height // 2)
        return
    ends = list(accumulate(shapes[target][0] for target in rows.targets))
    for begin, end in zip([0, *ends], ends, strict=False):
        yield ((begin, end),)


def without_kernel(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a matrix that is stored as a convolution of one by one: `[r, in, 1, 1]`; others as they are.

    Trainers store them so that take linear layers for such convolutions, and Comfy-Org/ComfyUI, commit a125cd84,
    comfy/weight_adapter, flattens what lies behind the second side.
    """
    return shape[:2] if len(shape) == _SIDES and shape[2:] == (1, 1) else shape


def split_rows(up: Matrix, rows: Rows, shapes: Shapes) -> Iterator[Matrix]:
    """The part of an up matrix (out, rank) that belongs to each target, in order."""
    for ranges in row_ranges(len(up), rows, shapes):
        parts = [up[begin:end] for begin, end in ranges]
        yield parts[0] if len(parts) == 1 else np.concatenate(parts)


def is_tiled(down: Matrix, rank: int, copies: int) -> bool:
    """A down matrix (copies * rank, in) is the same (rank, in) matrix over and over."""
    return copies > 1 and down.shape[0] == copies * rank and bool((down.reshape(copies, rank, -1) == down[:rank]).all())


def is_block_diagonal(ups: Sequence[Matrix]) -> bool:
    """Each target's up matrix (out, rank) uses its own share of the rank and no other."""
    rank = ups[0].shape[1]
    if len(ups) == 1 or rank % len(ups):
        return False
    width = rank // len(ups)
    shares = [slice(place * width, (place + 1) * width) for place in range(len(ups))]
    # Rows are looked at one first: in most files the first number outside a block settles it.
    if any(np.delete(up[:1], share, axis=1).any() for up, share in zip(ups, shares, strict=True)):
        return False
    outside = any(np.delete(up, share, axis=1).any() for up, share in zip(ups, shares, strict=True))
    return not outside and all(up.any() for up in ups)
