"""Which layers of FLUX.1 are given one input, held to what its forward pass gives them."""

from kilnmark.engine.families.base import Base
from tests.engine.flux import flux_of
from tests.engine.forward import noise
from tests.engine.short import BLOCKS

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mlx import nn


class Listener(nn.Module):
    """Calls a layer, and keeps what it was given."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.layer = layer
        self.heard: mx.array | None = None

    def __call__(self, x: mx.array) -> mx.array:
        self.heard = x
        given: mx.array = self.layer(x)
        return given


def test_the_layers_of_a_group_and_no_others_of_the_blocks_are_given_one_input(base: Base) -> None:
    groups = base.model.shared_inputs
    paths = [path for path in base.slots if path.startswith(("transformer_blocks.3.", "single_transformer_blocks.2."))]
    listeners = {path: Listener(base.slots[path].linear) for path in paths}
    try:
        for path, listener in listeners.items():
            base.slots[path].put(listener)
        noise(flux_of(base))
    finally:
        for path in paths:
            base.slots[path].put(base.slots[path].linear)
    by_input: dict[int, list[str]] = {}
    for path, listener in listeners.items():
        by_input.setdefault(id(listener.heard), []).append(path)
    together = {frozenset(some) for some in by_input.values() if len(some) > 1 and "norm" not in some[0]}
    assert together == {frozenset(group) for group in groups if group[0] in paths}
    assert len(together) == 3


def test_no_layer_is_in_two_groups_and_all_are_layers(base: Base) -> None:
    paths = [path for group in base.model.shared_inputs for path in group]
    assert len(paths) == len(set(paths)) == BLOCKS * (6 + 4)
    assert set(paths) <= base.slots.keys()
