"""The layers we add to a base: a factored one that stands in for a big matrix, and those that carry a stack.

Neither ever writes to the layer it stands for or wraps.
"""

from collections.abc import Sequence

import mlx.core as mx
from mlx import nn

from kilnmark.keymaps.updates.change import Site, Summand

__all__ = ["FactoredLinear", "StackedLinear", "StackedNorm", "Term", "compute_type", "through_weight"]


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


def compute_type(linear: nn.Module) -> mx.Dtype:
    """What a base's layer multiplies in: the type of its numbers, or of the scales of packed ones.

    Tiny floats are packed with scales of a byte, which are of no such type: then it is that of the bias, or bf16.
    """
    if isinstance(linear, FactoredLinear):
        return linear.down.dtype
    if not isinstance(linear, nn.QuantizedLinear):
        own: mx.Dtype = linear.weight.dtype
        return own
    told = (array.dtype for array in (linear.scales, linear.get("bias")) if array is not None)
    return next((dtype for dtype in told if mx.issubdtype(dtype, mx.floating)), mx.bfloat16)


def through_weight(linear: nn.Module, x: mx.array, onto: mx.array | None = None) -> mx.array:
    """What the weight of a base's layer alone gives, `(..., in)` to `(..., out)`.

    In half precision a bias that is added and taken off again would take a small number with it.

    Args:
        linear: It; not a quantized one where there is something to add to.
        x: The input.
        onto: `(..., out)`: what the product is added to before anything is rounded, in the precision of the product;
            None for nothing.
    """
    if isinstance(linear, nn.QuantizedLinear):
        return mx.quantized_matmul(
            x,
            linear.weight,
            scales=linear.scales,
            biases=linear.get("biases"),
            transpose=True,
            group_size=linear.group_size,
            bits=linear.bits,
            mode=linear.mode,
        )
    factored = isinstance(linear, FactoredLinear)
    left, right = (x @ linear.down, linear.up) if factored else (x, linear.weight.T)
    return left @ right if onto is None else mx.addmm(onto, left, right)


class Term(nn.Module):
    """A part of an update's change, as the update itself says that it is painted.

    Args:
        part: What it is; its numbers come with scale and alpha/rank folded in.
        dtype: What its matrices are multiplied in. Vectors, which are small and may be close to 1, stay float32.
    """

    def __init__(self, part: Summand, dtype: mx.Dtype = mx.float32) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.arrays = [mx.array(array).astype(dtype if array.ndim > 1 else mx.float32) for array in part.arrays()]
        self._part = part

    @property
    def site(self) -> Site:
        """What it is given, and where what it gives goes."""
        return self._part.site

    def added(self) -> list[mx.array]:
        """Its arrays."""
        return list(self.arrays)

    def __call__(self, value: mx.array) -> mx.array:
        """By its site."""
        given: mx.array = self._part.paint(mx, self.arrays, value)
        return given


class StackedLinear(nn.Module):
    """A base layer plus the sum of what every adapter of a stack changes of it, which is computed in float32.

    The low-rank adapters are concatenated on the rank axis into one pair of matrices, with scale and alpha/rank folded
    into `up`, so that a step costs what the total rank costs, however many adapters there are. What mixes the layer's
    inputs goes through the base's weight once more: added to the input it would be rounded away in half precision.

    Args:
        linear: The base's own layer; it is called, never changed.
        pair: `(total rank, in)` and `(out, total rank)`, float32; None without low-rank adapters.
        terms: One for each part that is no pair and no gain.
        gain: `(out,)`: what is added to each row of the base's weight, as a multiple of it; None for nothing.
        bias: `(out,)`: what is added to the base's bias, with scales folded in; None for nothing.
    """

    def __init__(
        self,
        linear: nn.Module,
        pair: tuple[mx.array, mx.array] | None,
        terms: Sequence[Term] = (),
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
        bare: mx.array = self.linear(x)
        y = bare
        if "factor" in self:
            y = y * self.factor
        if "shift" in self:
            y = y + self.shift
        if "down" in self:
            y = mx.addmm(y, x @ self.down.T, self.up.T)
        for term in self.terms:
            y = y + self._given(term, x, bare)
        return y

    def _given(self, term: Term, x: mx.array, bare: mx.array) -> mx.array:
        match term.site:
            case Site.INPUT:
                return term(x)
            case Site.OUTPUT:
                return term(bare - self.linear.bias if "bias" in self.linear else bare)
            case Site.BEFORE:
                return through_weight(self.linear, term(x).astype(x.dtype)).astype(mx.float32)


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
