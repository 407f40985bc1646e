"""The places of a model where an adapter can be put: linear layers and norms, their shapes and the way to swap them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from mlx import nn

from kilnmark.engine.stack.exact import ExactLayer
from kilnmark.engine.stack.layers import FactoredLinear

__all__ = ["Slot", "children", "find_slots"]

Holder = nn.Module | list[nn.Module] | dict[str, nn.Module]
_PACKED_BITS = 32
"""Bits of one element of a quantized weight, which packs several columns."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One linear layer or norm of a base, as it stands when no adapter is on it.

    Attributes:
        path: mflux's module path, such as `transformer_blocks.0.attn.to_q`.
        holder, name: The module, list or dict that holds it, and under which name or index.
        linear: The base's own layer; a norm where the shape is `(width, 1)`.
        shape: `(out, in)` of the weight it stands for, also where it is stored packed or factored.
        others: The numbers of the base's layers by path, which each adds its own to.
        numbers: Those of the layer, exact.
    """

    path: str
    holder: Holder
    name: str | int
    linear: nn.Module
    shape: tuple[int, int]
    others: WeakValueDictionary[str, ExactLayer] = field(default_factory=WeakValueDictionary, repr=False, compare=False)
    numbers: ExactLayer = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", ExactLayer(self.linear, self.shape, self.others))
        self.others[self.path] = self.numbers

    def put(self, module: nn.Module) -> None:
        """Let the model call `module` here."""
        self.holder[self.name] = module  # type: ignore[index]  # a module is a dict of its children

    def current(self) -> nn.Module:
        """What the model calls here now."""
        return self.holder[self.name]  # type: ignore[index]


def find_slots(model: nn.Module) -> Mapping[str, Slot]:
    """Every linear layer, and every RMS norm, of a model that carries no stack, by path."""
    slots = {}
    others: WeakValueDictionary[str, ExactLayer] = WeakValueDictionary()
    for path, holder, name, module in children(model):
        if isinstance(module, nn.Linear | nn.QuantizedLinear | FactoredLinear | nn.RMSNorm):
            slots[path] = Slot(path, holder, name, module, _shape(module), others)
    return slots


def children(model: nn.Module) -> Iterator[tuple[str, Holder, str | int, nn.Module]]:
    """Every module below `model` with its path and the module, list or dict that holds it."""
    todo: list[tuple[str, Holder]] = [("", model)]
    while todo:
        prefix, holder = todo.pop()
        items = list(enumerate(holder)) if isinstance(holder, list) else list(dict.items(holder))
        for name, child in items:
            path = f"{prefix}{name}"
            if isinstance(child, nn.Module):
                yield path, holder, name, child
            if isinstance(child, list | dict):  # a module is a dict, too
                todo.append((f"{path}.", child))


def _shape(linear: nn.Module) -> tuple[int, int]:
    if isinstance(linear, FactoredLinear):
        return linear.up.shape[1], linear.down.shape[0]
    if isinstance(linear, nn.RMSNorm):
        return linear.weight.shape[0], 1
    out, into = linear.weight.shape
    if isinstance(linear, nn.QuantizedLinear):
        into = into * _PACKED_BITS // linear.bits
    return out, into
