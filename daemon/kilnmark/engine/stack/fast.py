"""A base's layer that carries a stack in the base's own precision: nothing of it brings float32 into a model in bf16.

A layer's output in bf16 lies on a grid, and an update of a thousandth of the weights moves it by a fifth of a step of
that grid. Added there, it would be rounded away. So it is added where numbers are still float32: inside the product of
the base's weight, in the operation that comes after the layer (`parts`), or, where there is neither, with `settled`.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import mlx.core as mx
from mlx import nn

from kilnmark.engine.stack.layers import Term, compute_type, through_weight
from kilnmark.engine.stack.pairs import StackPair
from kilnmark.engine.stack.rounding import settled
from kilnmark.keymaps.updates.change import Site

__all__ = ["FastLinear", "Parts", "parts_of", "shared_parts"]

FEW_TOKENS = 64
"""Below so many, products are added up in float32 beside the base's: MLX 0.32 adds to that of a single vector on Metal
after rounding it (`kernels/gemv.h`), and what few tokens give is small."""


class Parts(NamedTuple):
    """What a layer gives, as a sum that is yet to be made in float32 and rounded once.

    Attributes:
        given: `(..., out)`, in the precision of the input and the base's layer; most of it.
        added: What comes on top: `(..., out)`, or `(out,)` for all tokens alike; None for nothing. Float32 or in that
            precision; float32 is made of arrays in that precision by elementwise operations alone, which a compiled
            trace makes part of the one that follows.
    """

    given: mx.array
    added: mx.array | None

    def total(self) -> mx.array:
        """The sum, float32."""
        total = self.given.astype(mx.float32)
        return total if self.added is None else total + self.added.astype(mx.float32)


class FastLinear(nn.Module):
    """A base's layer plus the sum of what every adapter of a stack changes of it, computed in the base's precision.

    Args:
        linear: The base's own layer; it is called, never changed.
        pair: Of all low-rank parts, in the precision that the layer computes in; None without any.
        terms: One for each part that is no pair and no gain.
        gain: `(out,)`, float32: what is added to each row of the base's weight, as a multiple of it; None for nothing.
        bias: `(out,)`, float32: what is added to the base's bias; None for nothing.
    """

    def __init__(
        self,
        linear: nn.Module,
        pair: StackPair | None,
        terms: Sequence[Term] = (),
        gain: mx.array | None = None,
        bias: mx.array | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.linear = linear
        self._rows = (0, 0)
        if pair is not None:
            self.down, self._rows, self.up = pair
        self.terms = list(terms)
        if gain is not None:
            self.gain = gain
        biases = [each.astype(mx.float32) for each in (linear.get("bias"), bias) if each is not None]
        if biases:
            self.shift = sum(biases[1:], biases[0])

    @property
    def rows(self) -> tuple[int, int]:
        """Begin and end of its own rows of `down`, which several layers may have together."""
        return self._rows

    @property
    def pair(self) -> StackPair | None:
        """Its pair, as it was given."""
        return StackPair(self.down, self._rows, self.up) if "down" in self else None

    def added(self) -> object:
        """Every array that the stack brings, and none of the base's."""
        own = [self[name] for name in ("down", "up", "gain", "shift") if name in self]
        return [*own, *(term.added() for term in self.terms)]

    def thin(self, x: mx.array) -> mx.array | None:
        """What its down matrix makes of an input, `(..., padded rank)`; None where it has no pair."""
        begin, end = self._rows
        return x @ self.down[begin:end].T if "down" in self else None

    def parts(self, x: mx.array, *, thin: mx.array | None = None, moved: bool = True) -> Parts:
        """What it gives, for an operation that adds both parts in float32 and rounds only what it makes of their sum.

        Args:
            x: `(..., in)`.
            thin: What `thin` gives for it, where that is known already.
            moved: Whether that operation moves all numbers off the grid that they lie on, as a norm and a product with
                a gate or a rotation do. An activation does not: it leaves large numbers as they are.
        """
        small = self._from_input(x, thin)
        if small is not None and self._can_begin_with(x):
            return Parts(through_weight(self.linear, x, small), self.get("shift"))
        parts = self._beside(x, small)
        return parts if moved else Parts(settled(parts.total(), parts.given.dtype), None)

    def __call__(self, x: mx.array) -> mx.array:
        """`(..., in)` to `(..., out)`, rounded to the precision of the input and the base's layer."""
        small = self._from_input(x, None)
        if small is not None and self._can_begin_with(x):
            if "shift" in self:
                small = settled(small.astype(mx.float32) + self.shift, small.dtype)
            return through_weight(self.linear, x, small)
        parts = self._beside(x, small)
        return settled(parts.total(), parts.given.dtype)

    def _can_begin_with(self, x: mx.array) -> bool:
        """Whether the product of the base's weight can begin with what is small instead of zero, and rounds once."""
        by_output = "gain" in self or any(term.site is Site.OUTPUT for term in self.terms)
        few = math.prod(x.shape[:-1]) < FEW_TOKENS
        return not (by_output or few or isinstance(self.linear, nn.QuantizedLinear))

    def _from_input(self, x: mx.array, thin: mx.array | None) -> mx.array | None:
        """What pairs and terms make of the input, in the precision of the product; None where there are none."""
        dtype = mx.result_type(x, compute_type(self.linear))
        thin = self.thin(x) if thin is None else thin
        given = [] if thin is None else [thin @ self.up.T]
        given += [term(x) for term in self.terms if term.site is Site.INPUT]
        mixed = [term(x) for term in self.terms if term.site is Site.BEFORE]
        if mixed:
            given.append(through_weight(self.linear, _sum(mixed).astype(x.dtype)))
        return _sum(given).astype(dtype) if given else None

    def _beside(self, x: mx.array, small: mx.array | None) -> Parts:
        """What the weight gives, and all the rest of the layer's output."""
        given = through_weight(self.linear, x)
        rest = [] if small is None else [small]
        rest += [term(given) for term in self.terms if term.site is Site.OUTPUT]
        if "gain" in self:
            rest.append(self.gain * given)
        if "shift" in self:
            rest.append(self.shift)
        return Parts(given, _sum(rest) if rest else None)


def parts_of(layer: nn.Module, x: mx.array, *, moved: bool = True) -> Parts:
    """What any layer gives, with a stack or without: see `FastLinear.parts`."""
    return layer.parts(x, moved=moved) if isinstance(layer, FastLinear) else Parts(layer(x), None)


def shared_parts(layers: Sequence[nn.Module], x: mx.array, moved: Sequence[bool] | None = None) -> list[Parts]:
    """The same for layers that are given one input; those that have their down matrices in one array share its product.

    Args:
        layers: With a stack or without.
        x: `(..., in)`.
        moved: For each; None for all of them.
    """
    whole: dict[int, mx.array] = {}
    found = []
    for layer, each in zip(layers, moved or [True] * len(layers), strict=True):
        if not isinstance(layer, FastLinear) or "down" not in layer:
            found.append(parts_of(layer, x, moved=each))
            continue
        down = layer.down
        if id(down) not in whole:
            whole[id(down)] = x @ down.T
        begin, end = layer.rows
        found.append(layer.parts(x, thin=whole[id(down)][..., begin:end], moved=each))
    return found


def _sum(arrays: Sequence[mx.array]) -> mx.array:
    """A single one as it is; several are added in float32."""
    if len(arrays) == 1:
        return arrays[0]
    first, *others = (array.astype(mx.float32) for array in arrays)
    return sum(others, first)
