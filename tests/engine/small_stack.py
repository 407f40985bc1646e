"""A small FLUX.1 under stacks: adapters on all of its layers, and the stacker that puts them on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from kilnmark.engine.families.flux1.forward.blocks import shared_inputs
from kilnmark.engine.stack.build import Member
from kilnmark.engine.stack.slots import find_slots
from kilnmark.engine.stack.stack import Stacker
from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.names.shapes import is_norm
from kilnmark.keymaps.updates.kinds.lora import PairUpdate
from tests.engine.forward64 import Array64
from tests.engine.small_layer import adapter

from mflux.models.flux.model.flux_transformer.transformer import Transformer  # isort: skip - after the engine

__all__ = ["changes", "pairs_on_all", "stacker_of"]


def stacker_of(transformer: Transformer) -> Stacker:
    """As a base in `fast` has it."""
    return Stacker(find_slots(transformer), shared=shared_inputs(transformer))


def pairs_on_all(transformer: Transformer, rank: int, *, seed: int, strength: float = 1.0) -> Adapter:
    """A pair on every linear layer of the blocks, each about `strength` as large as a weight."""
    rng = np.random.default_rng(seed)
    updates = []
    for path, slot in find_slots(transformer).items():
        if is_norm(slot.shape) or not path.startswith(("transformer_blocks.", "single_transformer_blocks.")):
            continue
        out, into = slot.shape
        down = rng.standard_normal((rank, into)).astype("f4")
        up = rng.standard_normal((out, rank)).astype("f4") * (strength * (rank * into) ** -0.5)
        updates.append(PairUpdate(path, down, up, 1.0, norm=1.0))
    return replace(adapter(updates[0], f"pairs {seed} of rank {rank} at {strength}"), updates=tuple(updates))


def changes(members: Sequence[Member]) -> Mapping[str, Array64]:
    """What a stack of such adapters adds to each weight, dense."""
    total: dict[str, Array64] = {}
    for member in members:
        for update in member.adapter.updates:
            assert isinstance(update, PairUpdate)
            change = member.scale * (update.up.astype(np.float64) @ update.down.astype(np.float64))
            total[update.target] = total.get(update.target, 0.0) + change
    return total
