"""A stack like those that people have: one adapter of rank 16 on every linear layer of the transformer.

Its numbers mean nothing and it is no file's; it is there so that what a stack computes with is compiled before the
first real one comes.
"""

from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from kilnmark.engine.stack.member import Member
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.names.shapes import Shapes, encoder_of, is_norm
from kilnmark.keymaps.updates.kinds.lora import PairUpdate

__all__ = ["RANK", "usual_stack"]

RANK = 16
"""Others up to the size that total ranks are padded to have the same traces, and all have the same kernels."""

_SMALL = 1e-4


def usual_stack(shapes: Shapes) -> list[Member]:
    """One for a base.

    Args:
        shapes: Of its layers; those of text encoders and norms are left as they are.
    """
    updates = tuple(
        PairUpdate(path, _numbers(RANK, shape[1]), _numbers(shape[0], RANK), 1.0, norm=_SMALL)
        for path, shape in shapes.items()
        if not is_norm(shape) and not encoder_of(path)
    )
    made_up = Adapter(
        path="",
        name="",
        sha256="",
        size=0,
        metadata=MappingProxyType({}),
        convention="",
        convention_version=0,
        share=1.0,
        kind="lora",
        rank=RANK,
        total_key_count=0,
        matched_key_count=0,
        ignored_keys=MappingProxyType({}),
        unmatched_keys=(),
        updates=updates,
    )
    return [Member(made_up, 1.0)]


@cache
def _numbers(rows: int, columns: int) -> NDArray[np.float32]:
    """One array for all layers of a shape."""
    return np.full((rows, columns), _SMALL, np.float32)
