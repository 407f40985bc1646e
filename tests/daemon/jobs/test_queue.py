"""Who joins whom, the queue's limit, and what it remembers."""

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import NoOpTracer

from kilnmark.daemon.asked.accept import accept
from kilnmark.daemon.jobs.jobs import Job, Render
from kilnmark.daemon.jobs.outcome import result_of
from kilnmark.daemon.jobs.queue import JobQueue
from kilnmark.daemon.jobs.turn import Pace
from kilnmark.daemon.pictures.hashes import Seen
from kilnmark.daemon.spans import RenderTrace
from kilnmark.keymaps.files.identity import FileIdentity
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import Cancelled, InvalidParams, QueueFull
from kilnmark.protocol.wire.replies import Timings
from kilnmark.protocol.wire.requests import CallMeta, RenderParams
from kilnmark.protocol.wire.status import QueueInfo
from kilnmark.protocol.wire.work import Finished

SETTINGS = Settings(socket=Path("/run/kiln/d.sock"), output_dir=Path("/var/kiln"))
INK: dict[str, Any] = {"lora_paths": ["/l/ink.safetensors"], "lora_scales": [1.0]}


def params(job_id: str | None, **asked: Any) -> RenderParams:
    return RenderParams(prompt="a mill", job_id=job_id, **asked)


def job(job_id: str, *, at: float = 0.0, **asked: Any) -> Job:
    asked_for = params(job_id, **asked)
    order, _, repeatable = accept(asked_for, SETTINGS, job_id)
    trace = RenderTrace(NoOpTracer(), asked_for.meta, order, "standin")
    return Job(order, asked_for, warnings=(), repeatable=repeatable, trace=trace, accepted_at=at)


def added(queue: JobQueue, job_id: str, *, at: float = 0.0, **asked: Any) -> Job:
    """A job that was taken in and has its place."""
    one = job(job_id, at=at, **asked)
    queue.add(one)
    queue.make_ready(one)
    return one


def seen(inode: int = 1) -> Seen:
    """The ink adapter's file, as some file of that name."""
    return Seen((FileIdentity("/l/ink.safetensors", 4096, 5, 6, 1, inode),), at_ns=0)


def taken(queue: JobQueue, now: float = 0.0) -> Render:
    """The render whose turn it is; there must be one."""
    render = queue.take(now)
    assert render is not None
    return render


def finish(queue: JobQueue, done: Job) -> bool:
    event = Finished(job_id=done.job_id, image_path="/x.png", prompt="a mill", timings=Timings(), loras=[], warnings=[])
    return queue.end(done, result_of(done, event, now=0.0))


def test_jobs_start_in_the_order_they_came_and_one_at_a_time() -> None:
    queue = JobQueue(limit=10)
    first, _, _ = (added(queue, name) for name in "abc")
    assert taken(queue).order.job_id == "a"
    assert queue.take(0.0) is None
    finish(queue, first)
    assert taken(queue).order.job_id == "b"


def test_a_job_whose_adapters_are_still_looked_for_holds_nobody_up() -> None:
    queue = JobQueue(limit=10)
    queue.add(job("slow", **INK))
    added(queue, "quick")
    assert taken(queue).order.job_id == "quick"
    assert [open_job.job_id for open_job in queue.open_jobs] == ["quick", "slow"]


def test_a_higher_priority_is_listed_and_started_before_an_older_job() -> None:
    queue = JobQueue(limit=10)
    for name, priority in (("a", "low"), ("b", "normal"), ("c", "high"), ("d", "high")):
        added(queue, name, priority=priority)
    assert [open_job.job_id for open_job in queue.open_jobs] == ["c", "d", "b", "a"]
    assert taken(queue).order.job_id == "c"
    assert queue.info == QueueInfo(high=1, normal=1, low=1)


def test_the_stack_on_the_base_goes_on_until_the_eldest_was_passed_for_long_enough() -> None:
    queue = JobQueue(limit=10, pace=Pace(batch_delay=30.0))
    gold = {"lora_paths": ["/l/gold.safetensors"], "lora_scales": [1.0]}
    for name, stack in (("a", INK), ("b", gold), ("c", INK), ("d", INK), ("e", INK)):
        added(queue, name, **stack)
    started = []
    for now in (0.0, 20.0, 40.0, 60.0, 80.0):
        render = taken(queue, now)
        started.append(render.order.job_id)
        finish(queue, render.jobs[0])
    assert started == ["a", "c", "d", "b", "e"]
    assert queue.info.switches == 3


def test_one_job_more_than_may_wait_is_refused() -> None:
    queue = JobQueue(limit=2)
    added(queue, "a")
    queue.check_room()
    added(queue, "b")
    with pytest.raises(QueueFull, match="2 renders"):
        queue.check_room()


def test_as_many_more_may_be_made_ready_and_no_more() -> None:
    queue = JobQueue(limit=1)
    added(queue, "a")
    queue.check_room(ready=False)
    queue.add(job("b"))
    with pytest.raises(QueueFull):
        queue.check_room(ready=False)


def test_the_running_job_does_not_count_as_waiting() -> None:
    queue = JobQueue(limit=1)
    added(queue, "a")
    taken(queue)
    queue.check_room()
    added(queue, "b")
    with pytest.raises(QueueFull):
        queue.check_room()


def test_jobs_that_share_the_running_render_count_as_waiting() -> None:
    queue = JobQueue(limit=1)
    added(queue, "a", seed=7)
    taken(queue)
    queue.check_room()
    added(queue, "b", seed=7)
    with pytest.raises(QueueFull):
        queue.check_room()


def test_equal_jobs_are_one_render_whether_it_waits_or_runs() -> None:
    queue = JobQueue(limit=10)
    first = added(queue, "a", seed=7)
    second = added(queue, "b", seed=7)
    render = taken(queue)
    third = added(queue, "c", seed=7)
    assert first.render is second.render is third.render is render
    assert [one.shared_with for one in (first, second, third)] == [None, "a", "a"]
    assert (queue.take(0.0), queue.info) == (None, QueueInfo(shared=2, switches=0))


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
    queue = JobQueue(limit=10)
    assert added(queue, "a", **one).render is not added(queue, "b", **other).render


@pytest.mark.parametrize(("inode", "shared"), [(1, True), (2, False)])
def test_a_stack_is_equal_when_its_files_are_the_same_ones(inode: int, shared: bool) -> None:
    queue = JobQueue(limit=10)
    one, other = job("a", seed=7, **INK), job("b", seed=7, **INK)
    one.seen, other.seen = seen(), seen(inode)
    for each in (one, other):
        queue.add(each)
        queue.make_ready(each)
    assert (one.render is other.render) is shared


def test_a_shared_render_has_the_highest_priority_of_its_jobs_and_the_age_of_its_oldest() -> None:
    queue = JobQueue(limit=10)
    added(queue, "a", at=0.0, seed=7, priority="low")
    added(queue, "b", at=1.0)
    urgent = added(queue, "c", at=2.0, seed=7, priority="high")
    assert (urgent.render.level, urgent.render.since) == (0, 0.0)
    assert taken(queue, now=3.0).order.job_id == "a"


def test_a_render_goes_on_under_the_next_name_when_its_first_job_leaves_before_it_began() -> None:
    queue = JobQueue(limit=10)
    first, second = (added(queue, name, seed=7) for name in "ab")
    assert not queue.end(first, Cancelled("the render was cancelled"))
    assert taken(queue).order.job_id == "b"
    assert second.shared_with is None


def test_a_begun_render_keeps_its_name_when_its_first_job_leaves() -> None:
    queue = JobQueue(limit=10)
    first, second = (added(queue, name, seed=7) for name in "ab")
    render = taken(queue)
    assert not queue.end(first, Cancelled("the render was cancelled"))
    assert (render.order.job_id, second.shared_with, first.shared_with) == ("a", "a", None)
    assert finish(queue, second)
    assert queue.running is None


def test_a_render_that_is_being_stopped_is_joined_by_nobody() -> None:
    queue = JobQueue(limit=10)
    first = added(queue, "a", seed=7)
    taken(queue).stopping = Cancelled("the render was cancelled")
    second, third = (added(queue, name, seed=7) for name in "bc")
    assert first.render is not second.render is third.render
    queue.end(first, Cancelled("the render was cancelled"))
    assert added(queue, "d", seed=7).render is second.render


def test_an_ended_render_is_joined_by_nobody() -> None:
    queue = JobQueue(limit=10)
    first = added(queue, "a", seed=7)
    taken(queue)
    finish(queue, first)
    assert added(queue, "b", seed=7).render is not first.render


def test_the_same_request_finds_its_job_waiting_running_and_done() -> None:
    queue = JobQueue(limit=2)
    added(queue, "a")
    waiting = queue.find_same(params("a", meta=CallMeta(progress_token=5)))
    running = taken(queue).jobs[0]
    assert waiting is not None
    assert queue.find_same(params("a")) is running is waiting
    finish(queue, waiting)
    assert queue.find_same(params("a")) is waiting


def test_an_id_taken_by_other_parameters_is_refused() -> None:
    queue = JobQueue(limit=2)
    queue.add(job("a"))
    with pytest.raises(InvalidParams, match=r"\$\.params\.job_id"):
        queue.find_same(params("a", seed=1))


def test_a_job_without_a_picture_is_no_answer_to_the_same_request() -> None:
    queue = JobQueue(limit=2)
    cancelled = job("a")
    queue.add(cancelled)
    queue.end(cancelled, Cancelled("the render was cancelled"))
    assert queue.find_same(params("a")) is None
    again = job("a")
    queue.add(again)
    assert queue.find("a") is again


def test_a_request_without_an_id_is_never_the_same() -> None:
    queue = JobQueue(limit=2)
    queue.add(job("a"))
    assert queue.find_same(params(None)) is None


def test_the_oldest_ended_job_is_forgotten_first() -> None:
    queue = JobQueue(limit=3, remembered=2)
    for name in "abc":
        finish(queue, added(queue, name))
    assert [queue.find(name) is not None for name in "abc"] == [False, True, True]


def test_the_next_render_begins_while_the_painted_one_is_saved() -> None:
    queue = JobQueue(limit=1)
    first = added(queue, "a")
    render = taken(queue)
    second = added(queue, "b")
    queue.painted(render)
    assert (queue.running, queue.begun) == (None, [render])
    assert taken(queue).jobs == [second]
    assert [one.order.job_id for one in queue.begun] == ["a", "b"]
    assert finish(queue, first)
    assert [one.order.job_id for one in queue.begun] == ["b"]


def test_an_equal_job_joins_a_render_that_is_being_saved() -> None:
    queue = JobQueue(limit=2)
    first = added(queue, "a", seed=7)
    queue.painted(taken(queue))
    assert added(queue, "b", seed=7).render is first.render


def test_what_comes_next_can_be_told_and_stays_where_it_is() -> None:
    queue = JobQueue(limit=5)
    gold = {"lora_paths": ["/l/gold.safetensors"], "lora_scales": [1.0]}
    assert queue.following(0.0) is None
    for name, stack in (("a", INK), ("b", gold), ("c", INK)):
        added(queue, name, **stack)
    taken(queue)
    for _ in range(2):
        following = queue.following(1.0)
        assert following is not None
        assert following.order.job_id == "c"
    queue.add(job("unready", priority="high"))
    following = queue.following(1.0)
    assert following is not None
    assert following.order.job_id == "c"
