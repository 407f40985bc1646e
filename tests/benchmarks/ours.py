"""Our own way of everything that is measured: one function an action, and no other benchmark calls the engine's stacks.

When the engine's way changes, it changes here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mlx import nn

from kilnmark.engine.families.base import Base
from kilnmark.engine.stack.stack import Member, Stacker
from kilnmark.keymaps.adapter import Adapter, read_adapter

__all__ = ["Layers", "again", "cached", "cold", "flip", "hang", "layers_of", "off", "read", "rescale"]

Layers = Mapping[str, nn.Module]
"""What the model calls in place of the base's own layers, by path."""


def read(base: Base, path: Path) -> Adapter:
    """A file, read whole."""
    return read_adapter(path, base.shapes)


def off(base: Base) -> None:
    """Take the stack off, and forget everything that was built for it."""
    base.stacker.switch([])
    base.stacker = Stacker(base.slots, shared=base.model.shared_inputs if base.info.numerics == "fast" else None)


def cold(base: Base, path: Path) -> None:
    """From a file that nothing is known of to a stack on the base, evaluated."""
    base.stacker.switch([Member(read(base, path), 1.0)])


def cached(base: Base, adapter: Adapter) -> None:
    """From tensors in memory to a stack on the base, evaluated; it was not built before."""
    base.stacker.switch([Member(adapter, 1.0)])


def flip(base: Base, adapter: Adapter) -> None:
    """Back to a stack that was on the base before, at scale 1."""
    base.stacker.switch([Member(adapter, 1.0)])


def rescale(base: Base, adapter: Adapter, scale: float) -> None:
    """The adapter that is on the base, at another scale, evaluated."""
    base.stacker.switch([Member(adapter, scale)])


def again(base: Base, adapter: Adapter) -> None:
    """The stack that is on the base, asked for once more."""
    base.stacker.switch([Member(adapter, 1.0)])


def layers_of(base: Base, adapters: Sequence[Adapter], scale: float) -> Layers:
    """The layers of a stack, each adapter at one scale, evaluated; the base is left bare."""
    base.stacker.switch([Member(adapter, scale) for adapter in adapters])
    layers = {path: slot.current() for path, slot in base.slots.items() if slot.current() is not slot.linear}
    off(base)
    return layers


def hang(base: Base, layers: Layers) -> None:
    """Let the model call these layers, and the base's own everywhere else; no stack of ours may be on."""
    for path, slot in base.slots.items():
        slot.put(layers.get(path, slot.linear))
