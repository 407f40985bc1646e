"""Whose turn it is, under a clock that nobody waits for: priorities, batches, and the bound on what they cost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kilnmark.daemon.jobs.turn import NO_STACK, Pace, StackKey, level_at, next_turn

HIGH, NORMAL, LOW = range(3)


def stack(name: str) -> StackKey:
    return "standin", ((name, 1.0),)


@dataclass
class Asked:
    """A render that comes at `since` and takes `takes` seconds."""

    place: int
    since: float = 0.0
    level: int = NORMAL
    stack: StackKey = NO_STACK
    takes: float = 1.0
    passed_at: float | None = None


@dataclass(frozen=True)
class Start:
    """A render that was begun, and those that waited then."""

    at: float
    taken: Asked
    others: tuple[Asked, ...]


def painted(asked: Sequence[Asked], pace: Pace) -> Iterator[Start]:
    """One worker paints them all, by its turns."""
    coming, waiting = sorted(asked, key=lambda one: one.since), list[Asked]()
    now, on_base = 0.0, NO_STACK
    while coming or waiting:
        now = now if waiting else max(now, coming[0].since)
        while coming and coming[0].since <= now:
            waiting.append(coming.pop(0))
        turn = next_turn(waiting, on_base=on_base, now=now, pace=pace)
        assert turn is not None
        if turn.passed is not None and turn.passed.passed_at is None:
            turn.passed.passed_at = now
        waiting.remove(turn.taken)
        yield Start(now, turn.taken, tuple(waiting))
        on_base = turn.taken.stack
        now += turn.taken.takes


def switches(starts: Sequence[Start]) -> int:
    """How often the stack on the base changed; it had none at first."""
    stacks = [NO_STACK, *(start.taken.stack for start in starts)]
    return sum(one != next_one for one, next_one in pairwise(stacks))


seconds = st.integers(0, 60).map(float)
crowds = st.lists(
    st.builds(
        Asked,
        place=st.just(0),
        since=seconds,
        level=st.sampled_from([HIGH, NORMAL, LOW]),
        stack=st.sampled_from([(), stack("a"), stack("b")]),
        takes=st.integers(1, 60).map(float),
    ),
    min_size=10,
    max_size=20,
).map(lambda crowd: [numbered(place, one) for place, one in enumerate(sorted(crowd, key=lambda one: one.since))])
paces = st.builds(Pace, batch_delay=st.sampled_from([0.0, 10.0, 30.0]), ageing=st.sampled_from([0.0, 50.0, 300.0]))


def numbered(place: int, one: Asked) -> Asked:
    one.place = place
    return one


@given(crowds, paces)
def test_everybody_has_a_turn_and_only_one(crowd: list[Asked], pace: Pace) -> None:
    assert sorted(start.taken.place for start in painted(crowd, pace)) == list(range(len(crowd)))


@given(crowds, paces)
def test_nobody_goes_before_a_higher_level(crowd: list[Asked], pace: Pace) -> None:
    for start in painted(crowd, pace):
        level = level_at(start.taken, start.at, pace.ageing)
        assert all(level_at(one, start.at, pace.ageing) >= level for one in start.others)


@given(crowds, paces)
def test_the_eldest_of_its_level_is_passed_by_younger_ones_for_no_longer_than_the_delay(
    crowd: list[Asked], pace: Pace
) -> None:
    first_passed: dict[int, float] = {}
    for start in painted(crowd, pace):
        level = level_at(start.taken, start.at, pace.ageing)
        peers = [one for one in start.others if level_at(one, start.at, pace.ageing) == level]
        eldest = min([start.taken, *peers], key=lambda one: one.place)
        if eldest is not start.taken:
            began = first_passed.setdefault(eldest.place, start.at)
            assert pace.batch_delay > 0
            assert start.at - began < pace.batch_delay


@given(crowds, paces)
def test_an_elder_is_passed_only_for_the_stack_that_is_on_the_base(crowd: list[Asked], pace: Pace) -> None:
    on_base = NO_STACK
    for start in painted(crowd, pace):
        level = level_at(start.taken, start.at, pace.ageing)
        elder = [one for one in start.others if level_at(one, start.at, pace.ageing) == level]
        if any(one.place < start.taken.place for one in elder):
            assert start.taken.stack == on_base
            assert all(one.stack != on_base or one.place > start.taken.place for one in elder)
        on_base = start.taken.stack


@given(crowds)
def test_without_a_delay_each_level_is_served_by_age(crowd: list[Asked]) -> None:
    starts = list(painted(crowd, Pace(batch_delay=0.0, ageing=0.0)))
    for level in (HIGH, NORMAL, LOW):
        places = [start.taken.place for start in starts if start.taken.level == level]
        assert places == sorted(places)


@given(st.permutations([stack(name) for name in "abcdef" for _ in range(10)]), st.floats(0.01, 3.0))
def test_sixty_renders_of_six_stacks_asked_for_at_once_are_six_batches(stacks: list[StackKey], takes: float) -> None:
    crowd = [Asked(place, stack=each, takes=takes) for place, each in enumerate(stacks)]
    assert switches(list(painted(crowd, Pace(batch_delay=30.0)))) == 6


@given(st.permutations([stack(name) for name in "abcdef" for _ in range(10)]))
def test_renders_of_six_seconds_still_need_no_more_than_twelve_switches(stacks: list[StackKey]) -> None:
    crowd = [Asked(place, stack=each, takes=6.0) for place, each in enumerate(stacks)]
    assert switches(list(painted(crowd, Pace(batch_delay=30.0)))) <= 12


def test_a_low_render_has_its_turn_however_many_high_ones_come() -> None:
    low = Asked(0, level=LOW)
    crowd = [low, *(Asked(place, since=place * 10.0 - 10.0, level=HIGH, takes=10.0) for place in range(1, 200))]
    [start] = [start for start in painted(crowd, Pace(batch_delay=0.0, ageing=300.0)) if start.taken is low]
    assert 590.0 <= start.at <= 610.0


def test_without_ageing_a_low_render_waits_for_all_higher_ones() -> None:
    crowd = [Asked(0, level=LOW), *(Asked(place, level=HIGH) for place in range(1, 50))]
    assert list(painted(crowd, Pace(ageing=0.0)))[-1].taken.level == LOW


def test_a_batch_never_keeps_a_higher_priority_waiting() -> None:
    crowd = [Asked(place, stack=stack("a")) for place in range(10)] + [Asked(10, 2.5, HIGH, stack("b"))]
    assert [start.taken.place for start in painted(crowd, Pace())][:4] == [0, 1, 2, 10]


def test_nobody_waits_is_nobodys_turn() -> None:
    assert next_turn(list[Asked](), on_base=NO_STACK, now=0.0, pace=Pace()) is None
