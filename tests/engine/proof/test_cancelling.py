"""Which adapters of a stack undo each other, from made-up changes whose products are plain arithmetic."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.engine.proof.beside import Weighed, cancellations
from kilnmark.engine.proof.cancelling import EVERY_SIZE_UP_TO, cancelling_groups
from kilnmark.protocol.picture.beside import Cancellation

SHARE = 1e-3
Change = tuple[float, ...]


def named(stack: Sequence[tuple[str, float, Change]]) -> list[Cancellation | None]:
    """Of members as file, scale, and what the file changes at scale 1; each is named as its file."""
    changes = [tuple(scale * number for number in change) for _, scale, change in stack]
    products = [[sum(a * b for a, b in zip(one, other, strict=True)) for other in changes] for one in changes]
    total = np.array(products, dtype=float).reshape(len(stack), len(stack))
    return cancellations([Weighed(file, file, scale) for file, scale, _ in stack], total)


def accused(stack: Sequence[tuple[str, float, Change]]) -> list[bool]:
    return [each is not None for each in named(stack)]


def test_one_file_at_opposite_scales_cancels_and_is_told_with_its_scales() -> None:
    found = named([("a", 1.0, (3.0, 4.0)), ("a", -1.0, (3.0, 4.0))])
    assert found == [Cancellation(("a", "a"), (1.0, -1.0), one_file=True)] * 2


def test_two_files_are_told_by_their_names() -> None:
    found = named([("a", 0.5, (2.0, 0.0)), ("b", -1.0, (1.0, 0.0))])
    assert found == [Cancellation(("a", "b"), (0.5, -1.0), one_file=False)] * 2


@pytest.mark.parametrize(("left", "cancels"), [(0.9e-3, True), (1.1e-3, False)])
def test_what_is_left_is_held_against_the_sum_of_single_norms(left: float, cancels: bool) -> None:
    assert accused([("a", 1.0, (1.0, 0.0)), ("b", 1.0, (-1.0, 2 * left))]) == [cancels] * 2


@pytest.mark.parametrize("scales", [(1.0, -0.5), (1.0, 1.0)])
def test_one_file_twice_that_leaves_something_is_alive(scales: tuple[float, float]) -> None:
    assert accused([("a", scale, (1.0,)) for scale in scales]) == [False, False]


def test_members_of_a_group_are_told_in_stack_order() -> None:
    stack = [("a", 1.0, (2.0,)), ("b", -4.0, (1.0,)), ("a", 1.0, (2.0,))]
    assert named(stack) == [Cancellation(("a", "b", "a"), (1.0, -4.0, 1.0), one_file=False)] * 3


def test_three_files_that_only_together_add_up_to_nothing_are_found() -> None:
    assert accused([("a", 1.0, (1.0, 0.0)), ("b", 1.0, (0.0, 1.0)), ("c", -1.0, (1.0, 1.0))]) == [True] * 3


def test_a_faint_neighbour_of_two_that_cancel_is_not_accused_with_them() -> None:
    faint = ("c", 1e-5, (0.0, 1.0))
    assert accused([("a", 1.0, (1.0, 0.0)), ("b", -1.0, (1.0, 0.0)), faint]) == [True, True, False]
    assert accused([("a", 1.0, (1.0, 0.0)), ("a", -1.0, (1.0, 0.0)), faint]) == [True, True, False]


def test_a_live_neighbour_hides_no_three_that_cancel() -> None:
    three = [("a", 1.0, (1.0, 0.0, 0.0)), ("b", 1.0, (0.0, 1.0, 0.0)), ("c", -1.0, (1.0, 1.0, 0.0))]
    assert accused([*three, ("d", 1.0, (0.0, 0.0, 9.0))]) == [True, True, True, False]


@pytest.mark.parametrize("live", [EVERY_SIZE_UP_TO - 2, EVERY_SIZE_UP_TO + 2])
def test_in_a_large_stack_two_that_cancel_are_found_and_nobody_else(live: int) -> None:
    def along(axis: int) -> Change:
        return tuple(float(place == axis) for place in range(live + 1))

    stack = [(f"f{axis}", 1.0, along(axis)) for axis in range(live + 1)]
    assert accused([*stack, ("last", -1.0, along(0))]) == [True, *[False] * live, True]


def test_no_stack_has_nothing_to_tell() -> None:
    assert named([]) == []


numbers = st.integers(-4, 4).filter(bool).map(float)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5), st.integers(0, 5), numbers)
def test_a_live_neighbour_never_hides_a_dead_one(changes: list[tuple[float, float]], place: int, far: float) -> None:
    stack = [(f"f{at}", 1.0, (*change, 0.0)) for at, change in enumerate(changes)]
    before = accused(stack)
    at = min(place, len(stack))
    after = accused([*stack[:at], ("neighbour", 1.0, (0.0, 0.0, far)), *stack[at:]])
    assert after == [*before[:at], False, *before[at:]]


LAYERS = 6
Layers = list[list[float]]
"""What one adapter changes: on each layer a few numbers."""


def groups(files: str, *changes: Layers, floor: float = 0.0) -> dict[tuple[int, ...], list[int]]:
    """The layers that each group adds up to nothing on."""
    whole = np.array(changes)
    products = np.einsum("ilk,jlk->lij", whole, whole)
    found = cancelling_groups(files, products, SHARE, np.full(products.shape[0], floor))
    return {group.members: np.flatnonzero(group.layers).tolist() for group in found}


def along(axis: int, *, times: float = 1.0) -> list[float]:
    return [times * float(place == axis) for place in range(4)]


def test_two_that_cancel_on_five_of_six_layers_are_found_on_those() -> None:
    one = [along(0) for _ in range(LAYERS)]
    other = [along(0, times=-1) for _ in range(LAYERS - 1)] + [along(1)]
    assert groups("ab", one, other) == {(0, 1): [0, 1, 2, 3, 4]}


def test_three_of_four_that_cancel_are_found_without_the_fourth() -> None:
    three = [[along(0)] * 6, [along(1)] * 6, [[-1.0, -1.0, 0, 0]] * 5 + [along(2)]]
    assert groups("abcd", *three, [along(3)] * 6) == {(0, 1, 2): [0, 1, 2, 3, 4]}


def test_each_layer_has_its_own_groups() -> None:
    one = [along(0), along(0), along(0)]
    other = [along(0, times=-1), along(1), along(2)]
    third = [along(3), along(0, times=-1), along(3)]
    assert groups("abc", one, other, third) == {(0, 1): [0], (0, 2): [1]}


def test_who_changes_nothing_on_a_layer_is_in_no_group_there() -> None:
    nothing = [[0.0] * 4, along(3)]
    assert groups("abc", [along(0)] * 2, [along(0, times=-1)] * 2, nothing) == {(0, 1): [0, 1]}
    assert groups("ab", [along(0)] * 2, nothing) == {}


def test_who_changes_no_more_than_the_floor_is_in_none() -> None:
    faint = [[along(0, times=1e-9)], [along(0, times=-1e-9)]]
    assert groups("ab", *faint) == {(0, 1): [0]}
    assert groups("ab", *faint, floor=1e-8) == {}


def test_one_file_in_two_places_is_weighed_as_one() -> None:
    half = [along(0, times=0.5)]
    assert groups("aba", half, [along(0, times=-1)], half) == {(0, 1, 2): [0]}
    assert groups("aba", half, [along(1)], [along(0, times=-0.5)]) == {(0, 2): [0]}
