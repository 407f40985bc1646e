"""The course of many renders: pure, with the clock in the test's hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.client.many import FIRST_PAUSE, LONGEST_PAUSE, Rendered, Turn, Turns
from kilnmark.client.request import RenderRequest
from kilnmark.protocol.wire.errors import InvalidParams, QueueFull, RenderFailed
from kilnmark.protocol.wire.replies import RenderResult, StackInfo, Timings


def requests(count: int) -> list[RenderRequest]:
    return [{"prompt": f"kiln {number}", "seed": number} for number in range(count)]


def turns(count: int, *, concurrency: int = 2, ordered: bool = True, full_timeout: float | None = 60.0) -> Turns:
    return Turns(requests(count), concurrency=concurrency, ordered=ordered, full_timeout=full_timeout)


def begun(many: Turns, now: float = 0.0) -> list[Turn]:
    """All that can begin now."""
    return list(iter(lambda: many.begin(now), None))


def result(turn: Turn) -> RenderResult:
    return RenderResult(
        job_id=f"job-{turn.index}",
        image_path="/p.png",
        width=64,
        height=64,
        seed=turn.params.seed or 0,
        steps=1,
        guidance=3.5,
        variant="standin",
        prompt=turn.params.prompt,
        timings=Timings(),
        loras=[],
        stack=StackInfo(source="none"),
    )


def test_no_more_begin_than_may_be_under_way() -> None:
    many = turns(5, concurrency=3)
    first, *_ = begun(many)
    assert begun(many) == []
    many.ended(first, result(first), 0.0)
    assert [turn.index for turn in begun(many)] == [3]


def test_requests_are_drawn_only_when_there_is_room() -> None:
    drawn: list[int] = []

    def endless() -> "object":
        for number in range(1000):
            drawn.append(number)
            yield {"prompt": "kiln"}

    many = Turns(endless(), concurrency=2, ordered=True, full_timeout=None)  # type: ignore[arg-type]
    begun(many)
    assert drawn == [0, 1]


@given(st.permutations(range(6)))
def test_in_order_means_in_the_order_of_the_requests(order: list[int]) -> None:
    many = turns(6, concurrency=6)
    begin, seen = begun(many), list[Rendered]()
    for index in order:
        many.ended(begin[index], result(begin[index]), 0.0)
        seen += many.ready()
    assert [each.index for each in seen] == list(range(6))


@given(st.permutations(range(6)))
def test_as_they_end_means_without_waiting(order: list[int]) -> None:
    many = turns(6, concurrency=6, ordered=False)
    begin = begun(many)
    for index in order:
        many.ended(begin[index], result(begin[index]), 0.0)
        assert [each.index for each in many.ready()] == [index]


def test_each_ending_keeps_its_request() -> None:
    many = turns(2)
    one, two = begun(many)
    failure = RenderFailed("no")
    many.ended(two, failure, 0.0)
    many.ended(one, done := result(one), 0.0)
    assert list(many.ready()) == [
        Rendered(0, {"prompt": "kiln 0", "seed": 0}, result=done),
        Rendered(1, {"prompt": "kiln 1", "seed": 1}, error=failure),
    ]


def test_it_is_over_when_all_were_handed_out() -> None:
    many = turns(1)
    (only,) = begun(many)
    assert not many.is_over
    many.ended(only, result(only), 0.0)
    assert not many.is_over
    assert len(list(many.ready())) == 1
    assert many.is_over


def test_nothing_at_all_is_over_at_once() -> None:
    many = turns(0)
    assert begun(many) == []
    assert many.is_over


def test_a_request_that_cannot_be_sent_ends_without_being_sent() -> None:
    bad: list[RenderRequest] = [{"prompt": " "}, {"prompt": "kiln"}, {"prompt": "kiln", "steps": 0}]
    many = Turns(bad, concurrency=4, ordered=False, full_timeout=None)
    assert [turn.index for turn in begun(many)] == [1]
    errors = {each.index: each.error for each in many.ready()}
    assert sorted(errors) == [0, 2]
    assert all(isinstance(error, InvalidParams) for error in errors.values())


def test_a_keyword_that_nobody_knows_is_the_programmers_mistake() -> None:
    many = Turns([{"prompt": "kiln", "sead": 7}], concurrency=1, ordered=True, full_timeout=None)  # type: ignore[typeddict-unknown-key]
    with pytest.raises(TypeError, match="sead"):
        many.begin(0.0)


def test_a_full_queue_is_asked_again_ever_later() -> None:
    many = turns(1)
    (turn,) = begun(many)
    now, pauses = 0.0, []
    for _ in range(8):
        many.ended(turn, QueueFull("full"), now)
        assert begun(many, now) == []
        pause = many.wait(now)
        assert pause is not None
        pauses.append(pause)
        now += pause
        assert begun(many, now) == [turn]
    assert pauses[:3] == pytest.approx([FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE])
    assert pauses[-1] == pytest.approx(LONGEST_PAUSE)


def test_those_that_found_the_queue_full_go_first_and_in_order() -> None:
    many = turns(4)
    one, two = begun(many)
    many.ended(two, QueueFull("full"), 0.0)
    many.ended(one, QueueFull("full"), 0.0)
    assert [turn.index for turn in begun(many, 60.0)] == [0, 1]


def test_a_queue_that_stays_full_is_an_error_in_the_end() -> None:
    many = turns(1, full_timeout=10.0)
    (turn,) = begun(many)
    many.ended(turn, QueueFull("full"), 9.9)
    assert begun(many, 20.0) == [turn]
    many.ended(turn, QueueFull("full"), 20.0)
    (rendered,) = many.ready()
    assert isinstance(rendered.error, QueueFull)


def test_with_nothing_to_try_again_there_is_no_time_to_wait_for() -> None:
    many = turns(3)
    assert many.wait(0.0) is None
    begun(many)
    assert many.wait(0.0) is None


@pytest.mark.parametrize(("bounds", "word"), [({"concurrency": 0}, "concurrency"), ({"full_timeout": -1}, "full_time")])
def test_a_bound_that_is_none_is_refused(bounds: dict[str, int], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        turns(1, **bounds)  # type: ignore[arg-type]
