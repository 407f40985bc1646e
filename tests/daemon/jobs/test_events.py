"""What is written down of jobs comes back as it was, and is enough to make the queue again, wherever it broke off."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.jobs import events
from kilnmark.daemon.jobs.events import DaemonStarted, JobEvent, decode_event, encode_event
from kilnmark.daemon.jobs.jobs import Job
from kilnmark.daemon.jobs.queue import JobQueue
from kilnmark.daemon.jobs.state import QueueState
from kilnmark.protocol.picture.catalog import PRIORITIES
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.notices import BatchEnd
from tests.daemon.jobs.queues import CANCELLED, FAILED, GOLD, INK, Asked, seen

BATCH_END = BatchEnd(kind="poi", state="done", out="/o", manifest="/o/m", page="/o/p", total=1)
STACKS: list[dict[str, Any]] = [{}, INK, GOLD]


def told(job: Job) -> dict[str, Any]:
    """All that a view of a job is made of."""
    return {
        "job_id": job.job_id,
        "state": job.state,
        "priority": job.priority,
        "facts": job.facts,
        "ended": job.ended,
        "shared_with": job.shared_with,
        "stopping": job.render and job.render.stopping,
        "files": job.render and (job.render.lora_paths, job.render.seen, job.render.is_ready),
    }


def view(state: QueueState) -> dict[str, Any]:
    """All that `status`, `jobs.*` and the next turn depend on."""
    return {
        "open": [told(job) for job in state.open_jobs],
        "renders": [list(render.jobs) for render in state.begun],
        "ended": [told(job) for job in state.ended_jobs],
        "notices": state.notices.infos,
        "info": state.info,
        "counts": (state.open_count, state.unready, state.rendered, state.failed),
        "on base": state.on_base,
        "joinable": {likeness: render.place for likeness, render in state.likenesses.items()},
        "next": [(head.place, head.since, head.level, head.passed_at) for head in state.line.heads(state.on_base)],
    }


def accept(asked: Asked, choice: int) -> None:
    stack = STACKS[choice % 3]
    levels = ("high", "normal", "low")
    name = f"j{choice % 5}"
    job = asked.queue.state.find(name)
    if job is not None and job.render is not None:
        return
    meta = CallMeta(attached=choice % 7 > 2)
    facts = asked.accepted(name, seed=choice % 2, priority=levels[choice % 3], cache=choice % 5 > 0, meta=meta, **stack)
    if choice % 4:
        asked.ready(facts, seen() if stack and choice % 7 else None)


def make_ready(asked: Asked, choice: int) -> None:
    if unready := asked.queue.state.unready_jobs:
        facts = unready[choice % len(unready)]
        asked.ready(facts, seen())


def begin(asked: Asked, choice: int) -> None:
    asked.now += choice % 50
    asked.queue.begin_next()


def paint(asked: Asked, _: int) -> None:
    if asked.queue.state.running is not None:
        asked.queue.painted(asked.queue.state.running)


def finish(asked: Asked, choice: int) -> None:
    if begun := asked.queue.state.begun:
        for job_id in list(begun[choice % len(begun)].jobs):
            asked.finish(job_id)


def give_up(asked: Asked, choice: int) -> None:
    jobs = asked.queue.state.open_jobs
    if not jobs:
        return
    job = jobs[choice % len(jobs)]
    if job.state == "running" and len(asked.render(job.job_id).jobs) == 1:
        asked.queue.stop(job.job_id, CANCELLED)
    else:
        asked.queue.end(job.job_id, FAILED if choice % 3 else CANCELLED, step=choice % 3)


def lose_worker(asked: Asked, _: int) -> None:
    lost = [job_id for render in asked.queue.state.begun for job_id in render.jobs]
    asked.queue.worker_gone("the worker was lost")
    for job_id in lost:
        asked.queue.end(job_id, FAILED)


def move(asked: Asked, choice: int) -> None:
    if jobs := asked.queue.state.open_jobs:
        job = jobs[choice % len(jobs)]
        moved = asked.queue.move(job.job_id, PRIORITIES[choice % 3])
        assert moved is (job.state == "queued")


def leave_notice(asked: Asked, choice: int) -> None:
    asked.queue.leave(f"n{choice % 4}", "https://example.org/", BATCH_END)


Deed = Callable[[Asked, int], None]
DEEDS: list[Deed] = [accept, accept, accept, make_ready, move, leave_notice, begin, paint, finish, give_up, lose_worker]
courses = st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 1000)), max_size=40)


def lived(course: list[tuple[Deed, int]]) -> tuple[Asked, list[dict[str, Any]]]:
    """A queue that has lived through a course, and how it looked after each of its events."""
    looks = [view(QueueState())]
    asked = Asked(limit=1000, remembered=3)
    keep = asked.queue.state.apply

    def apply(event: JobEvent) -> None:
        keep(event)
        looks.append(view(asked.queue.state))

    asked.queue.state.apply = apply  # type: ignore[method-assign]
    for deed, choice in course:
        deed(asked, choice)
        assert_counts(asked)
    return asked, looks


def assert_counts(asked: Asked) -> None:
    """What is counted as events come is what counting everything would come to."""
    state = asked.queue.state
    jobs = state.open_jobs
    assert len({job.job_id for job in jobs}) == len(jobs) == state.open_count
    queued = Counter(job.priority for job in jobs if job.state == "queued")
    assert (state.info.high, state.info.normal, state.info.low) == (queued["high"], queued["normal"], queued["low"])
    assert state.unready == len(state.unready_jobs)
    waiting = {id(job.render): job.render for job in jobs if job.state == "queued"}
    assert len(state.line) + state.unready == len(waiting)
    assert len({render.name for render in state.begun}) == len(state.begun)
    for job in jobs:
        mate = job.render and next(iter(job.render.jobs.values()))
        assert mate is not None
        assert msgspec.structs.replace(mate.command, job_id="") == msgspec.structs.replace(job.facts.command, job_id="")


@given(courses)
def test_every_prefix_of_the_events_comes_to_the_queue_as_it_was_then(course: list[tuple[Deed, int]]) -> None:
    asked, looks = lived(course)
    written = [decode_event(encode_event(event)) for event in asked.events]
    assert written == asked.events
    state = QueueState(remembered=3)
    for length, event in enumerate(written, 1):
        state.apply(event)
        assert view(state) == looks[length]
    for length in {0, len(written) // 3, len(written) // 2}:
        assert view(QueueState.of(written[:length], remembered=3)) == looks[length]


@given(courses, st.integers(0, 200))
def test_a_daemon_that_begins_anew_with_a_prefix_paints_everything_that_was_open(
    course: list[tuple[Deed, int]], length: int
) -> None:
    asked, _ = lived(course)
    before = QueueState.of(asked.events[:length], remembered=3)
    given_up = {render.first.job_id for render in before.begun if render.stopping is not None}
    given_up |= {job_id for render in before.begun if render.is_tried_out for job_id in render.jobs}
    expected = {job.job_id for job in before.open_jobs} - given_up
    again = Asked(limit=1000, remembered=100, events=asked.events[:length])
    again.now = 10_000.0
    again.queue.go_on(lambda _: FAILED)
    state = again.queue.state
    waiting = {id(job.render): job.render for job in state.open_jobs if job.render is not None and job.render.is_ready}
    assert all(any(not facts.attached for facts in render.jobs.values()) for render in waiting.values())
    places = [render.place for render in state.unready_renders]  # a job that had shared a render has a later one now
    assert places == sorted(places)
    assert all(job.state == "queued" for job in state.open_jobs)
    assert {job.job_id for job in state.open_jobs} == expected
    assert all(again.job(name).ended is not None for name in given_up)
    for facts in state.unready_jobs:
        again.ready(facts, seen())
    painted = set()
    while state.open_count:
        for job_id in list(again.taken().jobs):
            again.finish(job_id)
            painted.add(job_id)
    assert painted == expected
    assert view(QueueState.of([*asked.events[:length], *again.events], remembered=100)) == view(state)


def test_what_the_worker_had_waits_again_in_its_old_place_and_is_still_shared() -> None:
    asked = Asked()
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        asked.added(name, seed=seed)
    asked.taken()
    again = JobQueue(10, clock=Clock(wall=lambda: 50.0), events=asked.events)
    again.go_on(lambda _: FAILED)
    assert again.state.unready_jobs == []
    assert [(job.job_id, job.state, job.shared_with) for job in again.state.open_jobs] == [
        ("a", "queued", None),
        ("b", "queued", "a"),
        ("c", "queued", None),
    ]


def test_what_attached_callers_share_waits_apart_until_each_is_back_and_is_shared_again_then() -> None:
    asked, alone = Asked(), CallMeta(attached=True)
    for name, seed, meta in (("a", 7, alone), ("b", 7, alone), ("c", 8, alone), ("d", 8, CallMeta()), ("e", 9, alone)):
        asked.added(name, seed=seed, meta=meta)
    assert asked.taken().tries == 1
    again = Asked(events=asked.events)
    again.queue.go_on(lambda _: FAILED)
    state = again.queue.state
    assert [facts.job_id for facts in state.unready_jobs] == ["a", "e", "b"]
    assert [again.render(name).tries for name in ("a", "b", "c")] == [1, 1, 0]
    assert list(again.taken().jobs) == ["c", "d"]
    for facts in state.unready_jobs:
        again.ready(facts)
    again.finish("c")
    again.finish("d")
    assert list(again.taken().jobs) == ["a", "b"]
    assert_counts(again)


def test_a_job_that_was_given_up_ends_so_instead_of_being_painted_again() -> None:
    asked = Asked()
    asked.added("a")
    asked.taken()
    asked.queue.stop("a", CANCELLED)
    kept: list[JobEvent] = []
    again = JobQueue(10, events=asked.events, keep=kept.append)
    again.go_on(lambda _: FAILED)
    job = again.state.find("a")
    assert job is not None
    assert job.state == "cancelled"
    assert isinstance(kept[-1], DaemonStarted)


def test_the_last_job_of_a_picture_that_bears_another_ones_id_ends_where_it_was_given_up() -> None:
    asked = Asked()
    for name in ("a", "b"):
        asked.added(name, seed=7)
    asked.taken()
    asked.queue.end("a", CANCELLED)
    asked.queue.stop("b", CANCELLED)
    again = JobQueue(10, events=asked.events)
    again.go_on(lambda _: FAILED)
    assert again.state.unready_jobs == []
    assert [(job.job_id, job.state) for job in again.state.ended_jobs] == [("b", "cancelled"), ("a", "cancelled")]


def test_a_job_keeps_the_priority_that_it_was_given_whoever_it_shares_a_picture_with() -> None:
    asked = Asked()
    asked.added("a", seed=1)
    other = asked.accepted("b", seed=1, priority="low")
    assert asked.queue.move("b", "high")
    asked.ready(other)
    assert asked.render("a") is asked.render("b")
    assert (asked.render("a").level, asked.queue.state.info.high) == (0, 1)
    again = JobQueue(10, events=asked.events)
    again.go_on(lambda _: FAILED)
    assert {job.job_id: job.priority for job in again.state.open_jobs} == {"a": "normal", "b": "high"}
    asked.queue.end("b", CANCELLED)
    assert (asked.job("b").priority, asked.render("a").level) == ("high", 1)
    assert not asked.queue.move("b", "low")
    asked.taken()
    assert not asked.queue.move("a", "low")


def test_an_event_is_kept_before_it_counts() -> None:
    """What could not be kept has not happened."""

    def full(_: JobEvent) -> None:
        raise OSError("no space left")

    facts = Asked().facts("a")
    queue = JobQueue(10, keep=full)
    with pytest.raises(OSError, match="no space"):
        queue.accept(facts)
    assert queue.state.open_jobs == []


def test_every_event_is_a_frozen_struct_of_the_union() -> None:
    kinds = {kind for kind in vars(events).values() if isinstance(kind, type) and kind.__module__ == events.__name__}
    assert {kind for kind in kinds if not kind.__name__.startswith("_")} == set(JobEvent.__args__)
    assert all(msgspec.structs.fields(kind) and kind.__struct_config__.frozen for kind in JobEvent.__args__)
