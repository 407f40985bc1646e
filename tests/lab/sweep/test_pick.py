"""The earliest checkpoint that passes every bar, with its reason; and what a person says over it."""

import msgspec
import pytest

from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.sweep.bars import read_bars
from kilnmark.lab.sweep.errors import CannotPick
from kilnmark.lab.sweep.pick import early_rows, overruled, pick_of
from kilnmark.lab.sweep.rows import SweepRow
from tests.lab.sweep.test_cells import checkpoint

BARS = read_bars("style")
GOOD = SweepRow(
    step=400,
    sha256="400",
    scale=1.0,
    cells=6,
    painted=6,
    engaged=1.0,
    changed=0.6,
    discrimination=0.2,
    layout=0.4,
    nearness=0.2,
    collapsed=0.0,
    memorised=0.0,
    learnt=0.7,
    astray=0.2,
)


def row(step: int, scale: float = 1.0, **numbers: float | None) -> SweepRow:
    return msgspec.structs.replace(GOOD, step=step, sha256=str(step), scale=scale, **numbers)


def test_the_earliest_that_passes_is_picked_though_later_ones_pass_too() -> None:
    rows = [row(800), row(200, learnt=0.02), row(400), row(600, memorised=0.5)]
    pick = pick_of(rows, BARS)
    assert pick is not None
    assert (pick.step, pick.scale, pick.by) == (400, 1.0, None)
    assert "the earliest of 4 that passes every bar" in pick.why
    assert "share of the way to the training pictures' manner 0.7 (at least 0.05)" in pick.why
    assert "step 200 misses share of the way to the training pictures' manner: 0.02, to be at least 0.05" in pick.why
    assert "step 600 misses share of cells that are a training picture nearly: 0.5, to be at most 0" in pick.why


def test_one_that_has_come_little_of_the_way_that_others_come_is_early() -> None:
    rows = [row(200, learnt=0.3), row(400, learnt=0.5), row(600, learnt=0.7), row(800, learnt=1.9, astray=2.0)]
    pick = pick_of(rows, BARS)
    assert pick is not None
    assert pick.step == 400
    assert [row.step for row in early_rows(rows, BARS)] == [200]
    assert "step 200 is early: it has come 0.3 of the way, less than 0.6 of the 0.7" in pick.why


def test_none_is_early_where_none_has_come_any_of_the_way() -> None:
    loose = read_bars("style", {"learnt": -1.0})
    rows = [row(200, learnt=-0.3), row(400, learnt=-0.1)]
    assert early_rows(rows, loose) == {}
    pick = pick_of(rows, loose)
    assert pick is not None
    assert pick.step == 200


@pytest.mark.parametrize(
    "missed",
    [
        {"engaged": 0.99},
        {"changed": 0.01},
        {"discrimination": 0.03},
        {"learnt": 0.01},
        {"astray": 1.2},
        {"layout": 0.0},
        {"nearness": 0.001},
        {"collapsed": 0.1},
        {"memorised": 0.1},
        {"painted": 5},
    ],
)
def test_one_bar_that_is_missed_is_enough(missed: dict[str, float]) -> None:
    rows = [row(200, **missed)]
    assert pick_of(rows, BARS) is None
    assert len(BARS.missed(rows[0])) == 1


def test_of_scales_that_pass_the_one_nearest_to_one_is_taken() -> None:
    found = pick_of([row(200, 0.6), row(200, 0.8), row(200, 1.0, astray=3.0), row(200, 1.2)], BARS)
    assert found is not None
    assert found.scale == 0.8


def test_what_could_not_be_measured_is_told_in_the_reason() -> None:
    found = pick_of([row(200, memorised=None, learnt=None, astray=None)], BARS)
    assert found is not None
    assert "not held to what could not be measured: share of the way" in found.why


def test_what_tells_wreckage_cannot_be_passed_unmeasured() -> None:
    rows = [row(200, layout=None, nearness=None)]
    assert pick_of(rows, BARS) is None
    assert (
        "prompts kept apart by layout: not measured, for want of two prompts with the trigger"
        in BARS.missed(rows[0])[0]
    )


def test_a_subject_is_held_to_its_trigger() -> None:
    bars = read_bars("subject")
    assert pick_of([row(200, discrimination=0.0)], bars) is None
    assert pick_of([row(200, learnt=0.0, astray=9.0)], bars) is not None


def test_a_style_that_is_always_on_is_held_to_no_trigger() -> None:
    found = pick_of([row(200, discrimination=None, unasked=None)], BARS)
    assert found is not None
    assert "not held to what could not be measured: how much more it changes with its trigger" in found.why


def test_a_run_has_bounds_of_its_own_and_they_show_in_the_version() -> None:
    own = read_bars("style", {"learnt": 0.8, "too_near": 0.3})
    assert (own.version, own.too_near, own.bars["learnt"].least) == (f"{BARS.version}+", 0.3, 0.8)
    assert pick_of([row(200)], own) is None


def test_a_bar_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(
        RunUnusable, match=r"sweep\.bars\.lernt is no bar of a style; give one of too_near, most_of_the_way, engaged"
    ):
        read_bars("style", {"lernt": 0.8})


def test_a_person_picks_with_a_reason() -> None:
    found = overruled([checkpoint(200), checkpoint(400)], 400, 0.8, " hands are better ", "mira")
    assert (found.step, found.scale, found.why, found.by) == (400, 0.8, "hands are better", "mira")


@pytest.mark.parametrize(
    ("step", "why", "said"),
    [(300, "x", "its steps are: 200, 400, 400"), (200, " ", "needs a reason"), (400, "x", "2 checkpoints of step 400")],
)
def test_what_cannot_be_picked_is_told(step: int, why: str, said: str) -> None:
    with pytest.raises(CannotPick, match=said):
        overruled([checkpoint(200), checkpoint(400), checkpoint(400, "b")], step, 1.0, why, "mira")
