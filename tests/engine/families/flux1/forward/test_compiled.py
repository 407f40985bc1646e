"""Compiled blocks of FLUX.1: traced once a form, whatever stack of it is on the base, and the same numbers."""

import gc
import random
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from kilnmark.engine.families.base import Base
from kilnmark.engine.families.flux1.forward.transformer import Asked, FastTransformer
from kilnmark.engine.stack.build import Member
from kilnmark.engine.stack.member import member_of
from kilnmark.engine.stack.stack import Stacker
from kilnmark.keymaps.names.blocks import Blocks
from kilnmark.protocol.picture.catalog import FAMILIES
from tests.engine.arrays import PRECISION, as_float64, given
from tests.engine.flux import flux_of
from tests.engine.small_flux import Sizes, inputs_for, small_flux
from tests.engine.small_stack import pairs_on_all, stacker_of

import mlx.core as mx  # isort: skip - after the engine, which puts the fast BLAS first
from mflux.models.flux.model.flux_transformer.transformer import Transformer

INPUTS = inputs_for()
ASKED = Asked([1.0, 0.5], 3.5, given(INPUTS.text)[None], given(INPUTS.pooled)[None], INPUTS.rows, INPUTS.columns)
LATENTS = mx.array(INPUTS.latents.astype(np.float32))[None]


@pytest.fixture(scope="module")
def transformer() -> Transformer:
    """A block of each kind: others share their traces, as the standin shows."""
    return small_flux(Sizes(joint=1, single=1), dtype=PRECISION)


@pytest.fixture
def stacker(transformer: Transformer) -> Iterator[Stacker]:
    stacker = stacker_of(transformer)
    yield stacker
    stacker.clear()


@pytest.fixture
def compiled(transformer: Transformer) -> FastTransformer:
    return FastTransformer(transformer, PRECISION, "on")


def built(fast: FastTransformer) -> mx.array:
    """A step that is traced, and never computed."""
    return fast.begin(ASKED).noise(1, LATENTS)


def test_all_blocks_of_a_flux_come_to_two_traces(base: Base) -> None:
    fast = FastTransformer(flux_of(base).transformer, PRECISION, "on")
    text, pooled = base.encode("a kiln")
    steps = fast.begin(Asked([1.0, 0.5], 3.5, text, pooled, 2, 2))
    for step in range(2):
        steps.noise(step, mx.zeros((1, 4, 64)))
    assert (fast.traces.made, fast.traces.plain) == (2, 0)


def test_a_hundred_flips_rescales_and_stacks_of_one_rank_make_no_trace_but_the_first(
    transformer: Transformer, stacker: Stacker, compiled: FastTransformer
) -> None:
    ranks = {1: 4, 2: 8, 3: 2, 4: 16, 5: 14}
    adapters = {seed: pairs_on_all(transformer, rank, seed=seed) for seed, rank in ranks.items()}
    some = random.Random(7)
    built(compiled)
    stacker.switch([Member(adapters[1], 1.0)])
    built(compiled)
    first = compiled.traces.made
    assert first == 4
    blocks = Blocks.of([update.target for update in adapters[1].updates], FAMILIES["flux1"])
    for _ in range(100):
        stack = some.choice([[], [1], [2], [3], [4], [5], [1, 2], [2, 1], [1, 3], [3, 2, 1], [1, 1]])
        scales = some.choice([{}, {"double": 0.0}, {"double.0": some.uniform(-2, 2), "single": 0.3}, {"single.0": 0.0}])
        stacker.switch(
            [member_of(adapters[seed], some.choice([1.0, 0.5, some.uniform(-2, 2)]), scales, blocks) for seed in stack]
        )
        built(compiled)
    assert stacker.builds > 40
    assert (compiled.traces.made, compiled.traces.plain) == (first, 0)


def test_a_larger_total_rank_is_traced_once(
    transformer: Transformer, stacker: Stacker, compiled: FastTransformer
) -> None:
    small, large = (pairs_on_all(transformer, rank, seed=rank) for rank in (16, 4))
    for stack in ([small], [small, large], [large, small], [small]):
        stacker.switch([Member(adapter, 1.0) for adapter in stack])
        built(compiled)
    assert compiled.traces.made == 4


def test_compiled_and_plain_give_the_same_noise_under_every_stack(
    transformer: Transformer, stacker: Stacker, compiled: FastTransformer
) -> None:
    plain = FastTransformer(transformer, PRECISION)
    one, other = (pairs_on_all(transformer, 4, seed=seed) for seed in (1, 2))
    seen = []
    for stack in ([], [Member(one, 1.0)], [Member(other, 0.5)], [Member(one, -1.0)], []):
        stacker.switch(stack)
        seen.append(as_float64(built(compiled)))
        truth = as_float64(built(plain))
        assert np.linalg.norm(seen[-1] - truth) < 1e-5 * np.linalg.norm(truth)
    assert np.array_equal(seen[0], seen[-1])
    assert len({each.tobytes() for each in seen}) == 4


def test_beside_a_reference_a_flip_makes_no_trace_and_leaves_none(
    transformer: Transformer, stacker: Stacker, compiled: FastTransformer
) -> None:
    beside, plain = ASKED._replace(reference=LATENTS[..., ::-1]), FastTransformer(transformer, PRECISION)
    stack = [Member(pairs_on_all(transformer, 4, seed=1), 1.0)]
    seen, made = [], []
    for members in ([], stack, [], stack):
        stacker.switch(members)
        alone = as_float64(compiled.begin(ASKED).noise(1, LATENTS))
        noise, truth = (as_float64(fast.begin(beside).noise(1, LATENTS)) for fast in (compiled, plain))
        assert np.linalg.norm(noise - truth) < 1e-5 * np.linalg.norm(truth)
        assert not np.array_equal(noise, alone)
        seen.append((alone, noise))
        made.append(compiled.traces.made)
    assert made[1:] == [made[1]] * 3
    assert compiled.traces.plain == 0
    assert np.array_equal(seen[0], seen[2])
    assert np.array_equal(seen[1], seen[3])
    assert not np.array_equal(seen[0], seen[1])


def test_steps_that_began_keep_the_stack_that_was_on(
    transformer: Transformer, stacker: Stacker, compiled: FastTransformer
) -> None:
    for fast in (compiled, FastTransformer(transformer, PRECISION)):
        steps = fast.begin(ASKED)
        before = steps.noise(1, LATENTS)
        mx.eval(before)
        with stacker.aside([Member(pairs_on_all(transformer, 4, seed=1), 1.0)]):
            assert bool(mx.array_equal(steps.noise(1, LATENTS), before))


def test_a_base_that_leaves_is_held_by_no_trace_of_it() -> None:
    before = mx.get_active_memory()
    leaving = small_flux(dtype=PRECISION, seed=9)
    stacker, fast = stacker_of(leaving), FastTransformer(leaving, PRECISION, "on")
    for stack in ([], [Member(pairs_on_all(leaving, 4, seed=1), 1.0)]):
        stacker.switch(stack)
        built(fast)
    block, traces = weakref.ref(leaving.single_transformer_blocks[0]), (fast._joint, fast._single)
    assert mx.get_active_memory() - before > 4e6
    del leaving, stacker, fast
    gc.collect()
    assert block() is None
    assert mx.get_active_memory() - before < 1e4
    assert len(traces) == 2
