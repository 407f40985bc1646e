"""Who joins whom, the queue's limit, and what it remembers."""

from typing import Any

import pytest

from kilnmark.daemon.jobs.turn import Pace
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.errors import JobIdTaken, QueueFull
from kilnmark.protocol.wire.jobs import QueueInfo
from tests.daemon.jobs.queues import CANCELLED, FAILED, GOLD, INK, Asked, params, seen


def open_ids(asked: Asked) -> list[str]:
    return [job.job_id for job in asked.queue.state.open_jobs]


def begun(asked: Asked) -> list[str]:
    return [render.picture for render in asked.queue.state.begun]


def test_jobs_start_in_the_order_they_came_and_one_at_a_time() -> None:
    asked = Asked()
    for name in "abc":
        asked.added(name)
    assert asked.taken().picture == "a"
    assert asked.queue.begin_next() is None
    asked.finish("a")
    assert asked.taken().picture == "b"


def test_a_job_whose_adapters_are_still_looked_for_holds_nobody_up() -> None:
    asked = Asked()
    asked.accepted("slow", **INK)
    asked.added("quick")
    assert asked.taken().picture == "quick"
    assert open_ids(asked) == ["quick", "slow"]


def test_a_higher_priority_is_listed_and_started_before_an_older_job() -> None:
    asked = Asked()
    for name, priority in (("a", "low"), ("b", "normal"), ("c", "high"), ("d", "high")):
        asked.added(name, priority=priority)
    assert open_ids(asked) == ["c", "d", "b", "a"]
    assert asked.taken().picture == "c"
    assert asked.queue.state.info == QueueInfo(high=1, normal=1, low=1, running=1)


def test_the_stack_on_the_base_goes_on_until_the_eldest_was_passed_for_long_enough() -> None:
    asked = Asked(pace=Pace(batch_delay=30.0))
    for name, stack in (("a", INK), ("b", GOLD), ("c", INK), ("d", INK), ("e", INK)):
        asked.added(name, **stack)
    started = []
    for now in (0.0, 20.0, 40.0, 60.0, 80.0):
        started.append(asked.taken(now).picture)
        asked.finish(started[-1])
    assert started == ["a", "c", "d", "b", "e"]
    assert asked.queue.state.info.switches == 3


def test_a_wall_clock_that_is_set_back_runs_on_from_where_it_was() -> None:
    asked = Asked()
    asked.added("a", at=100.0)
    asked.ran = 7.0
    asked.added("b", at=40.0)
    assert [event.at for event in asked.events] == [100.0, 100.0, 107.0, 107.0]
    assert asked.taken(now=103.0).picture == "a"
    assert asked.events[-1].at == 107.0
    asked.finish("a")
    assert asked.taken(now=500.0).picture == "b"
    assert asked.events[-1].at == 500.0


def test_the_eldest_is_passed_for_no_longer_when_the_wall_clock_is_set_back() -> None:
    asked = Asked(pace=Pace(batch_delay=30.0))
    for name, stack in (("a", INK), ("b", GOLD), ("c", INK), ("d", INK), ("e", INK)):
        asked.added(name, at=9000.0, **stack)
    started = []
    for ran in (0.0, 20.0, 40.0, 60.0, 80.0):
        asked.ran = ran
        started.append(asked.taken(now=10.0).picture)
        asked.finish(started[-1])
    assert started == ["a", "c", "d", "b", "e"]


def test_a_render_goes_on_to_be_joined_once_its_first_job_has_left() -> None:
    asked = Asked()
    for name in ("a", "b"):
        asked.added(name, seed=1)
    asked.taken()
    asked.queue.end("a", CANCELLED)
    assert asked.added("c", seed=1).shared_with == "a"
    assert asked.render("c") is asked.render("b")
    assert asked.queue.state.info.shared == 2


def test_a_job_that_takes_the_id_of_a_begun_picture_is_not_joined_in_its_stead() -> None:
    asked = Asked()
    for name in ("a", "b"):
        asked.ready(asked.accepted(name, seed=1, **INK), seen(1))
    asked.taken()
    asked.queue.end("a", CANCELLED)
    asked.ready(asked.accepted("a", seed=1, **INK), seen(2))
    asked.ready(asked.accepted("c", seed=1, **INK), seen(1))
    assert asked.render("c") is asked.render("b")
    assert asked.render("a") is not asked.render("b")


def test_no_render_is_begun_under_the_id_of_one_that_is_being_saved() -> None:
    asked = Asked()
    for name in ("a", "b"):
        asked.ready(asked.accepted(name, seed=1, **INK), seen(1))
    first = asked.taken()
    asked.queue.end("a", CANCELLED)
    asked.ready(asked.accepted("a", seed=1, **INK), seen(2))
    asked.queue.painted(first)
    assert asked.queue.begin_next() is None
    asked.finish("b")
    assert asked.taken() is asked.render("a")


def test_one_job_more_than_may_wait_is_refused() -> None:
    asked = Asked(limit=2)
    asked.added("a")
    asked.queue.check_room()
    asked.added("b")
    with pytest.raises(QueueFull, match="2 renders"):
        asked.queue.check_room()


def test_as_many_more_may_be_made_ready_and_no_more() -> None:
    asked = Asked(limit=1)
    asked.added("a")
    asked.queue.check_room(ready=False)
    asked.accepted("b")
    with pytest.raises(QueueFull):
        asked.queue.check_room(ready=False)


def test_a_job_that_is_given_up_before_it_is_ready_makes_room() -> None:
    asked = Asked(limit=1)
    asked.accepted("a")
    asked.queue.end("a", CANCELLED)
    asked.queue.check_room(ready=False)


def test_the_running_job_does_not_count_as_waiting() -> None:
    asked = Asked(limit=1)
    asked.added("a")
    asked.taken()
    asked.queue.check_room()
    asked.added("b")
    with pytest.raises(QueueFull):
        asked.queue.check_room()


def test_jobs_that_share_the_running_render_count_as_waiting() -> None:
    asked = Asked(limit=1)
    asked.added("a", seed=7)
    asked.taken()
    asked.queue.check_room()
    asked.added("b", seed=7)
    with pytest.raises(QueueFull):
        asked.queue.check_room()


def test_equal_jobs_are_one_render_whether_it_waits_or_runs() -> None:
    asked = Asked()
    asked.added("a", seed=7)
    asked.added("b", seed=7)
    render = asked.taken()
    asked.added("c", seed=7)
    assert list(render.jobs) == ["a", "b", "c"]
    assert [asked.job(name).shared_with for name in "abc"] == [None, "a", "a"]
    assert (asked.queue.begin_next(), asked.queue.state.info) == (None, QueueInfo(shared=2, switches=0, running=3))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"seed": 7}, {"seed": 8}),
        ({"seed": 7}, {"seed": 7, "steps": 3}),
        ({"seed": 7}, {"seed": 7, "negative_prompt": "fog"}),
        ({"seed": 7}, {"seed": 7, "on_mismatch": "warn"}),
        ({"seed": 7}, {"seed": 7, "cache": False}),
        ({"seed": 7, "cache": False}, {"seed": 7}),
        ({"seed": 7}, {"seed": 7, **INK}),
    ],
    ids=["drawn seeds", "seed", "steps", "negative prompt", "on_mismatch", "anew", "made anew", "stack"],
)
def test_jobs_that_differ_are_painted_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    asked = Asked()
    asked.added("a", **one)
    asked.added("b", **other)
    assert asked.render("a") is not asked.render("b")


@pytest.mark.parametrize(("inode", "shared"), [(1, True), (2, False)])
def test_a_stack_is_equal_when_its_files_are_the_same_ones(inode: int, shared: bool) -> None:
    asked = Asked()
    asked.ready(asked.accepted("a", seed=7, **INK), seen())
    asked.ready(asked.accepted("b", seed=7, **INK), seen(inode))
    assert (asked.render("a") is asked.render("b")) is shared


def test_a_stack_whose_files_could_not_be_looked_at_is_like_no_other() -> None:
    asked = Asked()
    for name in "ab":
        asked.added(name, seed=7, **INK)
    assert asked.render("a") is not asked.render("b")


def test_a_shared_render_has_the_highest_priority_of_its_jobs_and_the_age_of_its_oldest() -> None:
    asked = Asked()
    asked.added("a", at=0.0, seed=7, priority="low")
    asked.added("b", at=1.0)
    asked.added("c", at=2.0, seed=7, priority="high")
    assert (asked.render("c").level, asked.render("c").since) == (0, 0.0)
    assert asked.taken(now=3.0).picture == "a"


def test_a_shared_render_loses_the_priority_that_left_it() -> None:
    asked = Asked()
    asked.added("a", seed=7, priority="low")
    asked.added("b")
    asked.added("c", seed=7, priority="high")
    asked.queue.end("c", CANCELLED)
    assert open_ids(asked) == ["b", "a"]
    assert asked.taken().picture == "b"


def test_a_render_goes_on_under_the_next_name_when_its_first_job_leaves_before_it_began() -> None:
    asked = Asked()
    for name in "ab":
        asked.added(name, seed=7)
    asked.queue.end("a", CANCELLED)
    render = asked.taken()
    assert (render.picture, render.command.job_id) == ("b", "b")
    assert asked.job("b").shared_with is None


def test_a_begun_render_keeps_its_name_when_its_first_job_leaves() -> None:
    asked = Asked()
    for name in "ab":
        asked.added(name, seed=7)
    render = asked.taken()
    asked.queue.end("a", CANCELLED)
    assert (render.command.job_id, asked.job("b").shared_with, asked.job("a").shared_with) == ("a", "a", None)
    assert asked.finish("b").shared_with == "a"
    assert asked.queue.state.running is None


def test_a_render_that_is_being_stopped_is_joined_by_nobody() -> None:
    asked = Asked()
    asked.added("a", seed=7)
    asked.taken()
    asked.queue.stop("a", CANCELLED)
    for name in "bc":
        asked.added(name, seed=7)
    assert asked.render("a") is not asked.render("b") is asked.render("c")
    asked.queue.end("a", CANCELLED)
    asked.added("d", seed=7)
    assert asked.render("d") is asked.render("b")


def test_an_ended_render_is_joined_by_nobody() -> None:
    asked = Asked()
    asked.added("a", seed=7)
    first = asked.taken()
    asked.finish("a")
    asked.added("b", seed=7)
    assert asked.render("b") is not first


def test_the_same_request_finds_its_job_waiting_running_and_done() -> None:
    asked = Asked()
    asked.added("a")
    states = []
    for change in (asked.taken, lambda: asked.finish("a"), lambda: None):
        found = asked.queue.find_same(params("a", meta=CallMeta(progress_token=5)))
        assert found is not None
        states.append(found.state)
        change()
    assert states == ["queued", "running", "done"]


def test_an_id_taken_by_other_parameters_is_refused() -> None:
    asked = Asked()
    asked.accepted("a")
    with pytest.raises(JobIdTaken, match=r"job_id"):
        asked.queue.find_same(params("a", seed=1))


def test_a_job_without_a_picture_is_no_answer_to_the_same_request() -> None:
    asked = Asked()
    asked.accepted("a")
    asked.queue.end("a", CANCELLED)
    assert asked.queue.find_same(params("a")) is None
    asked.accepted("a")
    assert asked.job("a").state == "queued"


def test_a_request_without_an_id_is_never_the_same() -> None:
    asked = Asked()
    asked.accepted("a")
    assert asked.queue.find_same(params(None)) is None


def test_the_oldest_ended_job_is_forgotten_first() -> None:
    asked = Asked(remembered=2)
    for name in "abc":
        asked.added(name)
        asked.taken()
        asked.finish(name)
    assert [asked.queue.state.find(name) is not None for name in "abc"] == [False, True, True]
    assert [job.job_id for job in asked.queue.state.ended_jobs] == ["c", "b"]


def test_the_next_render_begins_while_the_painted_one_is_saved() -> None:
    asked = Asked()
    asked.added("a")
    render = asked.taken()
    asked.added("b")
    asked.queue.painted(render)
    assert (asked.queue.state.running, begun(asked)) == (None, ["a"])
    assert list(asked.taken().jobs) == ["b"]
    assert begun(asked) == ["a", "b"]
    asked.finish("a")
    assert begun(asked) == ["b"]


def test_a_render_that_a_worker_was_lost_with_has_the_next_one_for_itself() -> None:
    asked = Asked()
    asked.added("innocent")
    asked.queue.painted(asked.taken())
    asked.added("deadly", seed=8)
    asked.taken()
    asked.queue.worker_gone("the worker was lost")
    asked.queue.painted(asked.taken())
    assert (begun(asked), asked.queue.begin_next()) == (["innocent"], None)
    asked.finish("innocent")
    assert list(asked.taken().jobs) == ["deadly"]
    asked.added("another", seed=9)
    asked.queue.painted(asked.render("deadly"))
    assert asked.queue.begin_next() is None
    asked.finish("deadly")
    asked.queue.painted(asked.taken())
    asked.added("a last one", seed=10)
    assert asked.queue.begin_next() is not None


def test_an_equal_job_joins_a_render_that_is_being_saved() -> None:
    asked = Asked()
    asked.added("a", seed=7)
    asked.queue.painted(asked.taken())
    asked.added("b", seed=7)
    assert asked.render("b") is asked.render("a")


def test_what_comes_next_can_be_told_and_stays_where_it_is() -> None:
    asked = Asked()
    assert asked.queue.following() is None
    for name, stack in (("a", INK), ("b", GOLD), ("c", INK)):
        asked.added(name, **stack)
    asked.taken()
    asked.accepted("unready", priority="high")
    for _ in range(2):
        following = asked.queue.following()
        assert following is not None
        assert following.picture == "c"


def test_pictures_and_failures_are_counted_once_however_many_jobs_shared_them() -> None:
    asked = Asked()
    for name in "ab":
        asked.added(name, seed=7)
    asked.taken()
    for name in "ab":
        asked.finish(name)
    asked.added("c")
    asked.queue.end("c", CANCELLED)
    assert (asked.queue.state.rendered, asked.queue.state.failed) == (1, 0)


def test_a_render_that_failed_is_counted_and_a_cancelled_one_is_not() -> None:
    asked = Asked()
    for name, error in (("a", FAILED), ("b", CANCELLED)):
        asked.added(name)
        asked.queue.end(name, error)
    assert (asked.queue.state.rendered, asked.queue.state.failed) == (0, 1)


def test_the_next_worker_has_no_stack_on_its_base() -> None:
    asked = Asked()
    for name in "ab":
        asked.added(name, **INK)
    asked.taken()
    asked.queue.worker_gone("the worker was lost")
    asked.queue.end("a", FAILED)
    asked.taken()
    assert asked.queue.state.info.switches == 2
