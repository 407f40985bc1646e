"""The layers we add to a FLUX: a factored one that stands in for a big matrix, and those that carry a stack.

Neither ever writes to the layer it stands for or wraps.
"""

from collections.abc import Sequence

import mlx.core as mx
from mlx import nn

__all__ = ["FactoredLinear", "KroneckerTerm", "StackedLinear", "StackedNorm"]


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


class KroneckerTerm(nn.Module):
    """Some rows of a Kronecker product, times an input: one small product with each factor.

    Args:
        first: `(a, c)`, with scale and alpha/rank folded in.
        second: `(b, d)`, or `(b, rank)` and `(rank, d)`.
        ranges: Rows of the product `(a * b, c * d)` to keep, put one behind the other.
    """

    def __init__(self, first: mx.array, second: Sequence[mx.array], ranges: Sequence[tuple[int, int]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.first = first
        self.second = list(second)
        height = first.shape[0] * second[0].shape[0]
        self.ranges = [] if list(ranges) == [(0, height)] else list(ranges)

    def __call__(self, x: mx.array) -> mx.array:
        """`(..., c * d)` to `(..., rows)`."""
        lead, columns = x.shape[:-1], self.first.shape[1]
        thin = x.reshape(*lead, columns, x.shape[-1] // columns)
        for factor in reversed(self.second):
            thin = thin @ factor.T
        whole = (thin.swapaxes(-1, -2) @ self.first.T).swapaxes(-1, -2).reshape(*lead, -1)
        parts = [whole[..., begin:end] for begin, end in self.ranges]
        return mx.concatenate(parts, axis=-1) if parts else whole


class StackedLinear(nn.Module):
    """A base layer plus the sum of every adapter of a stack on it.

    The low-rank adapters are concatenated on the rank axis into one pair of matrices, with scale and alpha/rank folded
    into `up`, so that a step costs what the total rank costs, however many adapters there are.

    Args:
        linear: The base's own layer; it is called, never changed.
        pair: `(total rank, in)` and `(out, total rank)`, float32; None without low-rank adapters.
        terms: One for each Kronecker product.
        gain: `(out,)`: what DoRA adds to each row of the base's weight, as a multiple of it; None without DoRA.
        bias: `(out,)`: what is added to the base's bias, with scales folded in; None for nothing.
    """

    def __init__(
        self,
        linear: nn.Module,
        pair: tuple[mx.array, mx.array] | None,
        terms: Sequence[KroneckerTerm] = (),
        gain: mx.array | None = None,
        bias: mx.array | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.linear = linear
        if pair is not None:
            self.down, self.up = pair
        self.terms = list(terms)
        if gain is not None:
            self.factor = 1 + gain
            # The base's bias is in what it gives, and no part of the weight.
            own = -gain * linear.bias if "bias" in linear else mx.array(0.0)
            bias = own if bias is None else own + bias
        if bias is not None:
            self.shift = bias

    def added(self) -> object:
        """Every array that the stack brings, and none of the base's."""
        pair = (self.down, self.up) if "down" in self else ()
        rows = [self[name] for name in ("factor", "shift") if name in self]
        return [*pair, *rows, *((term.first, *term.second) for term in self.terms)]

    def __call__(self, x: mx.array) -> mx.array:
        """`(..., in)` to `(..., out)`."""
        y: mx.array = self.linear(x)
        if "factor" in self:
            y = y * self.factor
        if "shift" in self:
            y = y + self.shift
        if "down" in self:
            y = mx.addmm(y, x @ self.down.T, self.up.T)
        for term in self.terms:
            y = y + term(x)
        return y


class StackedNorm(nn.Module):
    """A base's RMS norm with its scales changed by every adapter of a stack.

    Args:
        norm: The base's own; it is never changed.
        change: `(width,)`, added to its scales, float32.
    """

    def __init__(self, norm: nn.Module, change: mx.array) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.norm = norm
        self.weight = norm.weight.astype(mx.float32) + change

    def added(self) -> object:
        """Every array that the stack brings, and none of the base's."""
        return [self.weight]

    def __call__(self, x: mx.array) -> mx.array:
        """`(..., width)` to the same."""
        y = mx.fast.rms_norm(x.astype(mx.float32), self.weight, self.norm.eps)
        return y.astype(mx.result_type(x, self.norm.weight))
