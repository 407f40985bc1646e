"""The made-up stack that compiled blocks are made warm with: like those of people in all that a trace depends on."""

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.flux1.forward.transformer import Asked, FastTransformer
from kilnmark.engine.stack.stack import Member
from kilnmark.engine.stack.usual import RANK, usual_stack
from kilnmark.keymaps.adapter import Adapter
from tests.engine.arrays import PRECISION
from tests.engine.flux import flux_of
from tests.engine.small_stack import stacker_of

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first


def test_it_is_on_every_linear_layer_of_the_transformer_and_on_no_encoder(base: Base) -> None:
    (member,) = usual_stack(base.shapes)
    targets = {update.target for update in member.adapter.updates}
    assert len(targets) > base.info.target_count
    assert not any("encoder" in target for target in targets)
    assert member.adapter.rank == RANK


def test_a_real_stack_needs_no_trace_that_it_did_not_make(base: Base, healthy: Adapter) -> None:
    transformer = flux_of(base).transformer
    stacker, fast = stacker_of(transformer), FastTransformer(transformer, PRECISION, "on")
    text, pooled = base.encode("a kiln")

    def traces() -> int:
        """Of a step that is traced, and never computed."""
        fast.begin(Asked([1.0], 3.5, text, pooled, 2, 2)).noise(0, mx.zeros((1, 4, 64)))
        return fast.traces.made

    bare = traces()
    with stacker.aside(usual_stack(base.shapes), hold=False):
        warm = traces()
    stacker.switch([Member(healthy, 0.5)])
    try:
        assert (traces(), fast.traces.plain) == (warm, 0)
        assert warm > bare
    finally:
        stacker.clear()
