"""The layers we add to a FLUX: a factored one that stands in for a big matrix, and those that carry a stack.

Neither ever writes to the layer it stands for or wraps.
"""

from collections.abc import Sequence

import mlx.core as mx
from mlx import nn

__all__ = ["FactoredLinear", "HadamardTerm", "KroneckerTerm", "StackedLinear", "StackedNorm"]


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
        factors: `(rows,)`: what each of those rows is multiplied by; None leaves them.
    """

    def __init__(
        self,
        first: mx.array,
        second: Sequence[mx.array],
        ranges: Sequence[tuple[int, int]],
        factors: mx.array | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.first = first
        self.second = list(second)
        height = first.shape[0] * second[0].shape[0]
        self.ranges = [] if list(ranges) == [(0, height)] else list(ranges)
        if factors is not None:
            self.factors = factors

    def added(self) -> list[mx.array]:
        """Its arrays."""
        return [self.first, *self.second, *([self.factors] if "factors" in self else [])]

    def __call__(self, x: mx.array) -> mx.array:
        """`(..., c * d)` to `(..., rows)`."""
        lead, columns = x.shape[:-1], self.first.shape[1]
        thin = x.reshape(*lead, columns, x.shape[-1] // columns)
        for factor in reversed(self.second):
            thin = thin @ factor.T
        whole = (thin.swapaxes(-1, -2) @ self.first.T).swapaxes(-1, -2).reshape(*lead, -1)
        parts = [whole[..., begin:end] for begin, end in self.ranges]
        kept = mx.concatenate(parts, axis=-1) if parts else whole
        return kept * self.factors if "factors" in self else kept


class HadamardTerm(nn.Module):
    """The product, element by element, of two low-rank products, times an input: no more memory than its factors.

    Args:
        first: `(out, rank1)`, with all factors of rows folded in, and `(rank1, in)`.
        second: `(out, rank2)` and `(rank2, in)`.
    """

    def __init__(self, first: tuple[mx.array, mx.array], second: tuple[mx.array, mx.array]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.first = list(first)
        self.second = list(second)

    def added(self) -> list[mx.array]:
        """Its arrays."""
        return [*self.first, *self.second]

    def __call__(self, x: mx.array) -> mx.array:
        """`(..., in)` to `(..., out)`: one column of the first product at a time stretches the second."""
        (up_1, down_1), (up_2, down_2) = self.first, self.second
        total = mx.zeros((*x.shape[:-1], up_1.shape[0]), dtype=mx.float32)
        for place in range(up_1.shape[1]):
            total = total + (x @ (down_1[place] * down_2).T) @ up_2.T * up_1[:, place]
        return total


class StackedLinear(nn.Module):
    """A base layer plus the sum of every adapter of a stack on it.

    The low-rank adapters are concatenated on the rank axis into one pair of matrices, with scale and alpha/rank folded
    into `up`, so that a step costs what the total rank costs, however many adapters there are.

    Args:
        linear: The base's own layer; it is called, never changed.
        pair: `(total rank, in)` and `(out, total rank)`, float32; None without low-rank adapters.
        terms: One for each Kronecker product, and for each Hadamard product of a high rank.
        gain: `(out,)`: what DoRA adds to each row of the base's weight, as a multiple of it; None without DoRA.
        bias: `(out,)`: what is added to the base's bias, with scales folded in; None for nothing.
    """

    def __init__(
        self,
        linear: nn.Module,
        pair: tuple[mx.array, mx.array] | None,
        terms: Sequence[KroneckerTerm | HadamardTerm] = (),
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
        return [*pair, *rows, *(term.added() for term in self.terms)]

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
