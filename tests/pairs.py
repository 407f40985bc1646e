"""The updates of an adapter that are a pair of matrices, for tests that look at the numbers of pairs."""

from kilnmark.keymaps.adapter import Adapter
from kilnmark.keymaps.updates.kinds.lora import PairUpdate


def pairs_of(adapter: Adapter) -> tuple[PairUpdate, ...]:
    return tuple(update for update in adapter.updates if isinstance(update, PairUpdate))
