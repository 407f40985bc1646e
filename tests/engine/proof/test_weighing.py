"""Stacks weighed by estimates where these are good enough, and by exact products where anything depends on them."""

import math
import random
from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kilnmark.engine.proof.beside import Beside
from kilnmark.engine.proof.doubts import nearly_undone
from kilnmark.engine.proof.estimates import Estimates
from kilnmark.engine.proof.imprecise import TOLERANCE
from kilnmark.engine.proof.weighing import Weighing
from tests.engine.proof.stacks import Change, Told, dense, measured, pairs, slots, sums

LAYERS = 60
CHANGES = [pairs(seed, LAYERS) for seed in range(8)]


def norms(change: Change) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(dense(change), axis=(1, 2)))


def resized(change: Change, sizes: NDArray[np.float64]) -> Change:
    """Of these norms, layer by layer."""
    factors = (sizes / norms(change)).astype(np.float32)
    return [(factor * up, down) for factor, (up, down) in zip(factors, change, strict=True)]


def weighing(layers: int = LAYERS) -> Weighing:
    return Weighing(slots(layers))


def assert_told_as(found: Sequence[Beside], true: Sequence[Beside]) -> None:
    """All that is a word as it is, every figure to within what it may be wrong by."""
    for mine, his in zip(found, true, strict=True):
        assert (mine.undone, mine.drowned) == (his.undone, his.drowned)
        assert mine.effective_share == pytest.approx(his.effective_share, abs=TOLERANCE)
        assert mine.stack_share == pytest.approx(his.stack_share, abs=TOLERANCE)
        assert mine.group_shares == pytest.approx(his.group_shares, abs=TOLERANCE)


def test_of_alike_sizes_none_is_multiplied() -> None:
    weighed = weighing()
    told = Told(weighed, [measured(f"{place}", change) for place, change in enumerate(CHANGES[:4])])
    true, _ = told.by([dense(change) for change in CHANGES[:4]])
    assert_told_as(told.beside, true)
    assert weighed.overlaps.computed == 0


def test_beside_much_larger_ones_as_much_is_exact_as_the_figures_need() -> None:
    stack = [sums((factor, change)) for factor, change in zip((1.0, 0.8, 0.02), CHANGES, strict=False)]
    weighed = weighing()
    told = Told(weighed, [measured(f"{place}", change) for place, change in enumerate(stack)])
    true, _ = told.by([dense(change) for change in stack])
    assert_told_as(told.beside, true)
    assert LAYERS < weighed.overlaps.computed < 3 * LAYERS


def test_two_that_undo_each_other_are_multiplied_and_no_neighbour_is() -> None:
    stack = [CHANGES[0], sums((-1.0, CHANGES[0])), *CHANGES[1:4]]
    weighed = weighing()
    told = Told(weighed, [measured(f"{place}", change) for place, change in enumerate(stack)])
    assert [each is not None for each in told.cancelled] == [True, True, False, False, False]
    assert weighed.overlaps.computed == LAYERS


def test_three_of_five_that_only_together_undo_themselves_on_most_layers_are_told_with_them() -> None:
    third = sums((-1.0, CHANGES[0]), (-1.0, CHANGES[1]))
    stack = [CHANGES[0], CHANGES[2], CHANGES[1], [*CHANGES[5][:5], *third[5:]], CHANGES[3]]
    weighed = weighing()
    told = Told(weighed, [measured(f"{place}", change) for place, change in enumerate(stack)])
    true, _ = told.by([dense(change) for change in stack])
    assert_told_as(told.beside, true)
    assert [each.undone.names for each in told.beside] == [("2", "3"), (), ("0", "3"), ("0", "2"), ()]


def test_of_those_that_undo_themselves_no_product_with_a_neighbour_is_in_doubt() -> None:
    third = sums((-1.0, CHANGES[0]), (-1.0, CHANGES[1]))
    stack = [CHANGES[0], CHANGES[2], CHANGES[1], [*CHANGES[5][:5], *third[5:]], CHANGES[3]]
    estimate = Estimates(weighing().sketches).of([measured(f"{at}", change) for at, change in enumerate(stack)])
    cells = nearly_undone(estimate)
    assert not cells[:5].any()
    members = np.isin(range(5), (0, 2, 3))
    assert np.array_equal(cells[5:], np.broadcast_to(np.outer(members, members), (LAYERS - 5, 5, 5)))


@pytest.mark.parametrize(("left", "undone"), [(0.9e-3, LAYERS), (1.1e-3, 0)])
def test_who_is_undone_or_not_is_exact_however_near_it_is(left: float, undone: int) -> None:
    """Of two, the sum of whose norms is 2 of the first's: so many times that is left."""
    rest = resized(CHANGES[1], 2 * left * norms(CHANGES[0]))
    stack = [CHANGES[0], sums((-1.0, CHANGES[0]), (1.0, rest)), CHANGES[2]]
    told = Told(weighing(), [measured(f"{place}", change) for place, change in enumerate(stack)])
    assert [each.undone.count for each in told.beside] == [undone, undone, 0]


@pytest.mark.parametrize(("faint", "drowned"), [(0.8e-3, LAYERS), (1.2e-3, 0)])
def test_who_is_drowned_or_not_is_exact_however_near_it_is(faint: float, drowned: int) -> None:
    loud = [sums((3.0, change)) for change in CHANGES[:2]]
    quiet = resized(CHANGES[2], faint * norms(sums((1.0, loud[0]), (1.0, loud[1]))))
    told = Told(weighing(), [measured(f"{place}", change) for place, change in enumerate([*loud, quiet])])
    assert [each.drowned.count for each in told.beside] == [0, 0, drowned]


def test_what_is_told_depends_on_no_order_and_on_nothing_that_was_weighed_before() -> None:
    stack = [CHANGES[0], sums((0.05, CHANGES[1])), sums((-1.0, CHANGES[0]), (0.3, CHANGES[2]))]
    named = [measured(f"{place}", change) for place, change in enumerate(stack)]
    first = Told(weighing(), named)
    used = weighing()
    Told(used, [*named, measured("4", sums((-1.0, CHANGES[1])))])
    for order in permutations(range(3)):
        again = Told(used, [named[place] for place in order])
        expected = first.products[:, order, :][:, :, order]
        assert np.array_equal(again.products, expected)


def test_changes_that_float32_cannot_multiply_are_weighed_as_others_are() -> None:
    few = [change[:12] for change in CHANGES[:3]]
    huge = [resized(change, 1e25 * norms(change)) for change in few]
    first, again = (
        Told(weighing(), [measured(f"{place}", change) for place, change in enumerate(stack)]) for stack in (few, huge)
    )
    for one, other in zip(first.beside, again.beside, strict=True):
        assert one.effective_share == pytest.approx(other.effective_share, rel=1e-4)


def test_one_alone_needs_no_sketch() -> None:
    weighed = weighing()
    told = Told(weighed, [measured("a", CHANGES[0])])
    assert (told.beside[0].effective_share, weighed.sketches.made) == (1.0, 0)


def test_adapters_of_different_layers_have_nothing_to_do_with_each_other() -> None:
    weighed = weighing()
    told = Told(weighed, [measured("a", CHANGES[0][:20]), measured("b", CHANGES[1][:40], first=20)])
    assert [each.effective_share for each in told.beside] == [1.0, 1.0]
    assert weighed.overlaps.computed == 0


def test_a_change_of_which_a_sketch_says_too_little_is_multiplied() -> None:
    """As one by a norm that is not its sketch's."""
    weighed = weighing(4)
    stack = [pairs(1, 4, rank=1), pairs(2, 4, rank=1)]
    named = [measured(f"{place}", change) for place, change in enumerate(stack)]
    hidden = named[0]._replace(norms=100 * named[0].norms)
    told = Told(weighed, [hidden, named[1]])
    assert weighed.overlaps.computed == 4
    assert told.products[:, 0, 1] == pytest.approx((dense(stack[0]) * dense(stack[1])).sum(axis=(1, 2)), rel=1e-4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    count=st.integers(2, 5),
    group=st.integers(0, 5),
    kept=st.integers(0, 8),
    sizes=st.lists(st.floats(math.log(1e-3), math.log(3)), min_size=6, max_size=6),
    common=st.floats(0, 0.95),
    rank=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
    order=st.randoms(use_true_random=False),
)
def test_whatever_a_stack_is_all_words_are_those_of_dense_arithmetic(
    count: int, group: int, kept: int, sizes: list[float], common: float, rank: int, seed: int, order: random.Random
) -> None:
    """Of any sizes, of common training, and with a subset that undoes itself on some layers or on all."""
    layers = 8
    alike = pairs(seed, layers, rank=rank)
    stack = [
        sums(
            (math.exp(size) * common, alike),
            (math.exp(size) * (1 - common), pairs(seed + 1 + place, layers, rank=rank)),
        )
        for place, size in zip(range(count), sizes, strict=False)
    ]
    if 1 < group <= count:
        last = sums(*((-1.0, change) for change in stack[:group]))
        stack.append([*pairs(seed + 9, layers)[:kept], *last[kept:]])
    stack = order.sample(stack, len(stack))
    told = Told(weighing(layers), [measured(f"{place}", change) for place, change in enumerate(stack)])
    true, cancelled = told.by([dense(change) for change in stack])
    assert told.cancelled == cancelled
    assert_told_as(told.beside, true)
