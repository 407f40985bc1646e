"""Intervals of shares and the sign test, held to figures worked out elsewhere."""

import pytest

from kilnmark.lab.judging.intervals import Interval, sign_test, wilson


@pytest.mark.parametrize(
    ("passed", "of", "low", "high"),
    [
        (6, 6, 0.6097, 1.0),
        (5, 6, 0.4365, 0.9699),
        (0, 6, 0.0, 0.3903),
        (9, 10, 0.5958, 0.9821),
        (95, 100, 0.8882, 0.9785),
    ],
)
def test_a_share_has_wilsons_interval(passed: int, of: int, low: float, high: float) -> None:
    found = wilson(passed, of)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_of_none_nothing_is_known() -> None:
    assert wilson(0, 0) == Interval(0.0, 1.0)


def test_six_cells_are_wide_and_a_hundred_are_not() -> None:
    assert wilson(6, 6).is_wide
    assert not wilson(95, 100).is_wide


@pytest.mark.parametrize(("passed", "of"), [(7, 6), (-1, 6)])
def test_what_is_no_share_is_refused(passed: int, of: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(passed, of)


def test_intervals_meet_in_a_point_too() -> None:
    assert Interval(0.1, 0.3).meets(Interval(0.3, 0.4))
    assert not Interval(0.1, 0.2).meets(Interval(0.3, 0.4))


@pytest.mark.parametrize(
    ("better", "worse", "chance"), [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (6, 0, 0.03125), (5, 1, 0.21875)]
)
def test_pairs_that_differ_are_told_by_the_sign_test(better: int, worse: int, chance: float) -> None:
    assert sign_test(better, worse) == chance == sign_test(worse, better)
