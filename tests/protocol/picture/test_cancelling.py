"""Which adapters of a stack undo each other, from made-up changes whose products are plain arithmetic."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.protocol.picture.beside import Cancellation
from kilnmark.protocol.picture.cancelling import EVERY_SIZE_UP_TO, Weighed, cancellations

SHARE = 1e-3
Change = tuple[float, ...]


def named(stack: Sequence[tuple[str, float, Change]]) -> list[Cancellation | None]:
    """Of members as file, scale, and what the file changes at scale 1; each is named as its file."""
    changes = [tuple(scale * number for number in change) for _, scale, change in stack]
    products = [[sum(a * b for a, b in zip(one, other, strict=True)) for other in changes] for one in changes]
    return cancellations([Weighed(file, file, scale) for file, scale, _ in stack], products, SHARE)


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
    assert cancellations([], [], SHARE) == []


numbers = st.integers(-4, 4).filter(bool).map(float)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5), st.integers(0, 5), numbers)
def test_a_live_neighbour_never_hides_a_dead_one(changes: list[tuple[float, float]], place: int, far: float) -> None:
    stack = [(f"f{at}", 1.0, (*change, 0.0)) for at, change in enumerate(changes)]
    before = accused(stack)
    at = min(place, len(stack))
    after = accused([*stack[:at], ("neighbour", 1.0, (0.0, 0.0, far)), *stack[at:]])
    assert after == [*before[:at], False, *before[at:]]
