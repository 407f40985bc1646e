"""The head of the line is enough to tell whose turn it is, whoever came, went and changed in between."""

import random
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kilnmark.daemon.jobs.line import Line, LinePlace
from kilnmark.daemon.jobs.turn import NO_STACK, Pace, StackKey, next_turn


@dataclass(eq=False)
class Standing:
    """A render, as far as its turn depends on it."""

    place: int
    since: float
    level: int
    stack: StackKey
    passed_at: float | None = None


STACKS: list[StackKey] = [NO_STACK, ("dev", ()), ("dev", (("/ink", 1.0),)), ("dev", (("/ink", 0.5),))]
renders = st.builds(
    Standing,
    place=st.just(0),
    since=st.integers(0, 600).map(float),
    level=st.integers(0, 2),
    stack=st.sampled_from(STACKS),
)
changes = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "change level"]), renders, st.integers(0, 1000)), max_size=60
)


@given(changes, st.sampled_from(STACKS), st.sampled_from([0.0, 50.0, 300.0]))
def test_the_next_of_all_is_the_next_of_the_heads(
    made: list[tuple[str, Standing, int]], on_base: StackKey, ageing: float
) -> None:
    line, standing = Line[Standing](), list[Standing]()
    pace = Pace(ageing=ageing)
    for place, (what, render, chosen) in enumerate(made):
        if what == "add" or not standing:
            one = Standing(place, render.since, render.level, render.stack)
            line.add(one)
            standing.append(one)
        elif what == "remove":
            line.remove(standing.pop(chosen % len(standing)))
        else:
            one = standing[chosen % len(standing)]
            line.remove(one)
            one.level = render.level
            line.add(one)
        heads = list(line.heads(on_base))
        assert len(heads) <= 6
        assert next_turn(heads, on_base=on_base, now=700.0, pace=pace) == next_turn(
            standing, on_base=on_base, now=700.0, pace=pace
        )
    assert len(line) == len(standing)


def test_who_does_not_stand_in_line_is_not_missed() -> None:
    line = Line[Standing]()
    line.remove(Standing(0, 0.0, 0, NO_STACK))
    assert list(line.heads(NO_STACK)) == []


def test_those_who_left_behind_the_eldest_cost_no_memory() -> None:
    line, eldest = Line[Standing](), Standing(0, 0.0, 1, NO_STACK)
    line.add(eldest)
    for place in range(1, 1000):
        one = Standing(place, float(place), 1, NO_STACK)
        line.add(one)
        line.remove(one)
    assert set(line.heads(NO_STACK)) == {eldest}
    assert [len(places) for places in (*line._levels.values(), *line._stacks.values())] == [1, 1]


def test_many_who_come_leave_and_change_levels_have_the_next_of_all() -> None:
    chance = random.Random(7)
    line, standing = Line[Standing](), list[Standing]()
    for place in range(3000):
        one = Standing(place, float(chance.randrange(500)), chance.randrange(3), chance.choice(STACKS))
        line.add(one)
        standing.append(one)
        if len(standing) > chance.randrange(1, 40):
            line.remove(standing.pop(chance.randrange(len(standing))))
        if standing:
            moved = chance.choice(standing)
            line.remove(moved)
            moved.level = chance.randrange(3)
            line.add(moved)
        if place % 10 == 0:
            asked: dict[str, Any] = {"on_base": chance.choice(STACKS), "now": 700.0, "pace": Pace(ageing=50.0)}
            assert next_turn(line.heads(asked["on_base"]), **asked) == next_turn(standing, **asked)
    assert sum(len(places) for places in line._stacks.values()) == len(standing)


@given(st.lists(renders, max_size=30), st.integers(0, 40))
def test_all_are_told_in_order_from_any_place_on(many: list[Standing], chosen: int) -> None:
    line = Line[Standing]()
    for place, one in enumerate(many):
        one.place = place
        line.add(one)
    ordered = sorted((LinePlace(one.level, one.since, one.place), one.place) for one in many)
    told = [(at, one.place) for at, one in line.since(LinePlace(-1, 0.0, 0))]
    assert told == ordered
    if told:
        first = chosen % len(told)
        assert [(at, one.place) for at, one in line.since(told[first][0])] == ordered[first:]
