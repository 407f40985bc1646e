"""The two linear layers we add to a FLUX: a factored one that stands in for a big matrix, and one that carries a stack.

Neither ever writes to the layer it stands for or wraps.
"""

import mlx.core as mx
from mlx import nn

__all__ = ["FactoredLinear", "StackedLinear"]


class FactoredLinear(nn.Module):
    """A linear layer of true shape whose weight is the product of two thin matrices.

    Args:
        down: `(in, rank)`.
        up: `(rank, out)`.
        bias: `(out,)`; None for a layer without one.
    """

    def __init__(self, down: mx.array, up: mx.array, bias: mx.array | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.down = down
        self.up = up
        if bias is not None:
            self.bias = bias

    @property
    def weight(self) -> mx.array:
        """The whole matrix `(out, in)`, lazily: reading its shape costs nothing, its values the full product."""
        return (self.down @ self.up).T

    def __call__(self, x: mx.array) -> mx.array:
        """`(..., in)` to `(..., out)`."""
        thin = x @ self.down
        return mx.addmm(self.bias, thin, self.up) if "bias" in self else thin @ self.up


class StackedLinear(nn.Module):
    """A base layer plus the sum of every adapter of a stack on it, as one pair of matrices.

    The adapters are concatenated on the rank axis with scale and alpha/rank folded into `up`, so that a step costs
    what the total rank costs, however many adapters there are.

    Args:
        linear: The base's own layer; it is called, never changed.
        down: `(total rank, in)`, float32.
        up: `(out, total rank)`, float32.
    """

    def __init__(self, linear: nn.Module, down: mx.array, up: mx.array) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.linear = linear
        self.down = down
        self.up = up

    def __call__(self, x: mx.array) -> mx.array:
        """`(..., in)` to `(..., out)`."""
        return mx.addmm(self.linear(x), x @ self.down.T, self.up.T)
