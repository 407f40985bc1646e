"""What layers give on the way through a block: the base's part and what a stack adds, summed in float32 or kept apart.

A layer that carries a stack has a method `parts`; every other one is the base's own and is called. How a stack is
computed is no business of this room.
"""

from collections.abc import Sequence

import mlx.core as mx
from mlx import nn

__all__ = ["summed", "summed_each"]


def summed(layer: nn.Module, x: mx.array) -> mx.array:
    """What a layer and its stack give, for an operation in float32 that follows.

    Args:
        layer: The base's own, or one that carries a stack.
        x: `(..., in)`, in the type that is computed in.

    Returns:
        `(..., out)`, in float32 where a stack adds to it, else as the layer gives it.
    """
    parts = getattr(layer, "parts", None)
    base, added = (layer(x), None) if parts is None else parts(x)
    whole: mx.array = base if added is None else base.astype(mx.float32) + added.astype(mx.float32)
    return whole


def summed_each(layers: Sequence[nn.Module], x: mx.array) -> list[mx.array]:
    """The same of layers that share an input."""
    return [summed(layer, x) for layer in layers]
