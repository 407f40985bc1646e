"""What adapters come to beside each other, held to dense float64 arithmetic, and to what a person would say of them."""

import math
import random
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kilnmark.engine.proof.beside import Beside, StackLayer, Weighed, weigh
from kilnmark.protocol.picture.beside import LayersBeside

Change = NDArray[np.float64]
"""`(layers, rows, columns)`: what one adapter changes."""

LAYERS, SHAPE = 6, (8, 5)
GROUPS = ("attention", "attention", "attention", "mlp", "mlp", "")
TARGETS = [f"blocks.{place}" for place in range(LAYERS)]


def change(seed: int, size: float = 1.0) -> Change:
    return size * np.random.default_rng(seed).standard_normal((LAYERS, *SHAPE))


def beside(stack: Mapping[str, Change], files: Sequence[str] = ()) -> dict[str, Beside]:
    """By name, of adapters whose changes are given with their scales in them."""
    whole = np.array(list(stack.values()))
    products = np.einsum("ilab,jlab->lij", whole, whole)
    layers = [StackLayer(target, group, 100.0) for target, group in zip(TARGETS, GROUPS, strict=True)]
    names = zip(files or stack, stack, strict=True)
    return dict(zip(stack, weigh([Weighed(file, name, 1.0) for file, name in names], layers, products), strict=True))


def with_layers(whole: Change, other: Change, *places: int) -> Change:
    """One with some layers of another."""
    mixed = whole.copy()
    mixed[list(places)] = other[list(places)]
    return mixed


def test_shares_are_those_of_the_dense_changes() -> None:
    stack = {"a": change(1), "b": change(2, 0.3) + 0.4 * change(1), "c": change(3, 2.0)}
    total = sum(stack.values())
    for name, found in beside(stack).items():
        along = float(np.sum(stack[name] * total))
        assert found.effective_share == pytest.approx(along / np.sum(stack[name] ** 2), rel=1e-9)
        assert found.stack_share == pytest.approx(along / np.sum(np.square(total)), rel=1e-9)
        of_mlp = float(np.sum((stack[name] * total)[3:5]) / np.sum(np.square(total)[3:5]))
        assert found.group_shares["mlp"] == pytest.approx(of_mlp, rel=1e-9)
        assert set(found.group_shares) == {"attention", "mlp"}


def test_one_alone_is_left_whole_and_paints_all() -> None:
    assert beside({"a": change(1)})["a"] == Beside(LayersBeside(), LayersBeside(), 1.0, 1.0, {})


def test_no_stack_has_nothing_to_tell() -> None:
    assert weigh([], [], np.zeros((0, 0, 0))) == []


@pytest.mark.parametrize(("others", "left"), [(-0.5, 0.5), (1.0, 2.0), (-3.0, -2.0)])
def test_what_is_left_of_it_beside_its_like(others: float, left: float) -> None:
    assert beside({"a": change(1), "b": others * change(1)})["a"].effective_share == pytest.approx(left)


def test_an_adapter_and_its_own_negative_at_half_scale_are_not_undone() -> None:
    found = beside({"a": change(1), "b": -0.5 * change(1)})
    assert [each.undone.count for each in found.values()] == [0, 0]


def test_two_that_cancel_on_five_of_six_layers_are_told_with_these() -> None:
    found = beside({"a": change(1), "b": with_layers(-change(1), change(2), 5), "c": change(3)})
    first = ("blocks.0", "blocks.1", "blocks.2")
    assert found["a"].undone == LayersBeside(5, first, ("attention", "mlp"), ("b",))
    assert found["b"].undone == LayersBeside(5, first, ("attention", "mlp"), ("a",))
    assert found["c"].undone == LayersBeside()
    assert 0 < (found["a"].effective_share or 0) < 0.4


def test_three_of_four_that_cancel_are_told_of_each_other() -> None:
    third = with_layers(-change(1) - change(2), change(4), 0)
    found = beside({"a": change(1), "b": change(2), "c": third, "d": change(3)})
    assert {name: each.undone.names for name, each in found.items()} == {
        "a": ("b", "c"),
        "b": ("a", "c"),
        "c": ("a", "b"),
        "d": (),
    }
    assert found["a"].undone.groups == ("mlp",)
    assert found["a"].undone.count == 5


def test_one_that_is_undone_by_different_others_is_told_of_all_of_them() -> None:
    found = beside(
        {
            "a": change(1),
            "b": -with_layers(change(1), change(2), 0, 1, 2),
            "c": -with_layers(change(1), change(3), 3, 4, 5),
        }
    )
    assert found["a"].undone.count == 6
    assert found["a"].undone.names == ("b", "c")
    assert (found["b"].undone.count, found["c"].undone.count) == (3, 3)


def test_an_eraser_of_some_layers_is_undone_on_all_that_it_has() -> None:
    eraser = np.zeros((LAYERS, *SHAPE))
    eraser[:2] = -change(1)[:2]
    found = beside({"a": change(1), "b": eraser})
    assert (found["a"].undone.count, found["b"].undone.count) == (2, 2)
    assert found["b"].undone.groups == ("attention",)
    assert found["a"].undone.groups == ()


def test_a_layer_that_rounds_away_anyway_is_not_told_as_undone() -> None:
    faint = with_layers(change(1), change(1, 1e-8), 0)
    assert beside({"a": faint, "b": -faint})["a"].undone.count == 5


def test_one_that_another_drowns_is_told_and_the_other_is_not() -> None:
    found = beside({"loud": change(1, 5.0), "faint": change(2, 1e-3), "usual": change(3)})
    assert found["faint"].drowned == LayersBeside(6, tuple(TARGETS[:3]), ("attention", "mlp"), ("loud",))
    assert found["loud"].drowned == found["usual"].drowned == LayersBeside()


def test_one_that_drowns_on_half_of_its_layers_only_is_not_told() -> None:
    half = with_layers(change(2), change(2, 1e-4), 0, 1, 2)
    assert beside({"loud": change(1, 5.0), "half": half})["half"].drowned == LayersBeside()


def test_two_loud_ones_that_undo_each_other_drown_nobody() -> None:
    loud = change(1, 5.0)
    found = beside({"a": loud, "b": with_layers(-loud, change(4, 5.0), 5), "faint": change(2, 1e-3)})
    assert found["faint"].drowned == LayersBeside()


def test_one_file_at_two_scales_is_not_undone_by_itself() -> None:
    found = beside({"a": change(1), "a again": -0.4 * change(1), "b": change(2)}, files=("a", "a", "b"))
    assert [each.undone.count for each in found.values()] == [0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(2, 5),
    beside_it=st.integers(0, 3),
    kept=st.integers(0, 3),
    seed=st.integers(0, 2**32 - 1),
    order=st.randoms(use_true_random=False),
)
def test_any_subset_that_undoes_itself_on_some_layers_is_found_and_nobody_else(
    size: int, beside_it: int, kept: int, seed: int, order: random.Random
) -> None:
    rng = np.random.default_rng(seed)
    group = {f"g{place}": rng.normal(0, rng.uniform(0.1, 3), (LAYERS, *SHAPE)) for place in range(size - 1)}
    last = rng.standard_normal((LAYERS, *SHAPE))
    last[kept:] = -np.sum(list(group.values()), axis=0)[kept:]
    stack = {**group, "last": last, **{f"n{place}": rng.standard_normal(last.shape) for place in range(beside_it)}}
    names = order.sample(list(stack), len(stack))
    found = beside({name: stack[name] for name in names})
    members = [name for name in names if not name.startswith("n")]
    for name, each in found.items():
        others = tuple(other for other in members if other != name) if name in members else ()
        assert (each.undone.count, each.undone.names) == (LAYERS - kept if others else 0, others)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(2, 8),
    seed=st.integers(0, 2**32 - 1),
    common=st.floats(0, 0.9),
    sizes=st.lists(st.floats(math.log(1e-3), math.log(0.2)), min_size=8, max_size=8),
    slider=st.floats(-0.9, 0.9).filter(lambda scale: abs(scale) > 1e-3),
)
def test_a_healthy_stack_is_never_accused(
    count: int, seed: int, common: float, sizes: list[float], slider: float
) -> None:
    """Of trained sizes, also of one trainer, whose updates correlate, and with one file at opposite scales beside."""
    rng = np.random.default_rng(seed)
    alike = rng.standard_normal((LAYERS, *SHAPE))
    own = rng.standard_normal((count, LAYERS, *SHAPE))
    stack = {
        f"a{place}": math.exp(sizes[place]) * (common * alike + (1 - common) * own[place]) for place in range(count)
    }
    stack["slider"] = slider * stack["a0"]
    found = beside(stack)
    assert [each.undone.count for each in found.values()] == [0] * (count + 1)
    assert math.fsum(each.stack_share or 0 for each in found.values()) == pytest.approx(1.0)
