"""The low-rank pairs of a stack brought together: one pair a layer, and one down matrix for layers of one input.

Total ranks are padded with zeros to a few sizes, so that stacks of about the same rank are computed by the same kernels
and in the same compiled traces. What a layer does with its pair is not decided here.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import mlx.core as mx
import numpy as np

from kilnmark.keymaps.updates.change import Pair
from kilnmark.keymaps.updates.fused import Matrix

__all__ = ["StackPair", "joined_pairs", "padded", "side_by_side"]

_LEAST = 16
"""The smallest total rank; what multiplies matrices on a GPU does it in tiles of 16."""


class StackPair(NamedTuple):
    """The pairs of a stack on one layer.

    Attributes:
        down: `(rows, in)`: what several layers of the same input have in one array, one below the other.
        rows: Begin and end of the layer's own.
        up: `(out, end - begin)`.
    """

    down: mx.array
    rows: tuple[int, int]
    up: mx.array


def padded(rank: int) -> int:
    """The total rank that one is padded to: the next of 16, 32, 48, 64, 96, 128, 192, and so on.

    Rows and columns of zeros change no number of what a pair gives. They cost `padding * (in + out)` multiplications a
    token beside the `in * out` of the base's layer: on 3072 x 3072, 1 % of them for 33 in 48, 4 % for 129 in 192.
    """
    size = _LEAST
    while size < rank:
        half = 3 * size // 2
        if size > _LEAST and half >= rank:
            return half
        size *= 2
    return size


def joined_pairs(
    pairs: Mapping[str, Sequence[Pair]], dtypes: Mapping[str, mx.Dtype], alike: Mapping[str, StackPair]
) -> dict[str, StackPair]:
    """Join the pairs of layers that share an input.

    Args:
        pairs: By path, in stack order, factors included; a layer without pairs is not in it.
        dtypes: What each is to be computed in.
        alike: Those of the same adapters at other scales, whose down matrices serve again; empty where there are none.
    """
    ups = {path: _up(some, dtypes[path]) for path, some in pairs.items()}
    if all(path in alike and alike[path].up.shape == up.shape for path, up in ups.items()):
        return {path: alike[path]._replace(up=up) for path, up in ups.items()}
    ends = np.cumsum([up.shape[1] for up in ups.values()]).tolist()
    spans = {path: (end - up.shape[1], end) for (path, up), end in zip(ups.items(), ends, strict=True)}
    down = _down(pairs, spans, mx.result_type(*(up.dtype for up in ups.values())))
    return {path: StackPair(down, spans[path], up) for path, up in ups.items()}


def _up(pairs: Sequence[Pair], dtype: mx.Dtype) -> mx.array:
    whole = mx.array(side_by_side([pair.up for pair in pairs], axis=1)).astype(dtype)
    missing = padded(whole.shape[1]) - whole.shape[1]
    return mx.pad(whole, [(0, 0), (0, missing)]) if missing else whole


def _down(pairs: Mapping[str, Sequence[Pair]], spans: Mapping[str, tuple[int, int]], dtype: mx.Dtype) -> mx.array:
    """In one go, and in `dtype` already when it is put together: it is the larger half of a stack that is new."""
    parts: list[mx.array] = []
    for path, some in pairs.items():
        begin, end = spans[path]
        parts += [mx.array(pair.down).astype(dtype) for pair in some]
        missing = end - begin - sum(len(pair.down) for pair in some)
        parts += [mx.zeros((missing, parts[-1].shape[1]), dtype)] if missing else []
    return mx.concatenate(parts) if len(parts) > 1 else parts[0]


def side_by_side(matrices: Sequence[Matrix], axis: int) -> Matrix:
    """StackPair along an axis; a single one as it is."""
    return matrices[0] if len(matrices) == 1 else np.concatenate(matrices, axis=axis)
