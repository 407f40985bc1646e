"""Jobs are listed a page at a time: all of them, once, in order, however long a page is."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kilnmark.daemon.jobs import listing, remembered
from kilnmark.daemon.jobs.listing import first_jobs, page_of, pictures_in_use
from kilnmark.daemon.jobs.state import QueueState
from kilnmark.protocol.wire.errors import InvalidParams
from tests.daemon.jobs.queues import CANCELLED, INK, Asked
from tests.daemon.jobs.test_events import Deed, courses, lived


def pages(state: QueueState, limit: int) -> Iterator[list[str]]:
    cursor = None
    while True:
        page = page_of(state, cursor, limit)
        yield [job.job_id for job in page.jobs]
        if page.next is None:
            return
        cursor = page.next


def in_every_state() -> QueueState:
    """Two that share what is saved, one that is painted, four that wait, one that is looked into, two that ended."""
    asked = Asked(limit=100)
    for name, seed in (
        ("saved", 1),
        ("sharing", 1),
        ("painted", 2),
        ("low", 3),
        ("first", 4),
        ("second", 5),
        ("twin", 4),
    ):
        asked.added(name, seed=seed, priority="low" if name == "low" else "normal")
    asked.accepted("unready", **INK)
    for name in ("gone", "latest"):
        asked.added(name, seed=9)
        asked.queue.end(name, CANCELLED)
    asked.queue.painted(asked.taken())
    asked.taken()
    return asked.queue.state


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 9, 100])
def test_every_job_is_told_once_and_in_order(limit: int) -> None:
    told = list(pages(in_every_state(), limit))
    assert [name for page in told for name in page] == [
        *("saved", "sharing", "painted"),
        *("first", "twin", "second", "low"),
        "unready",
        *("latest", "gone"),
    ]
    assert all(len(page) == limit for page in told[:-1])


@given(courses, st.integers(1, 7))
def test_the_pages_of_any_queue_are_all_of_it(course: list[tuple[Deed, int]], limit: int) -> None:
    state = lived(course)[0].queue.state
    told = [name for page in pages(state, limit) for name in page]
    assert len(set(told)) == len(told)
    assert set(told) == state.known - set(state.notices)
    assert told[state.open_count :] == [job.job_id for job in state.ended_jobs]


@given(courses, st.integers(1, 4), st.sampled_from(["done", "failed", "cancelled", "queued", "running"]))
def test_the_pages_of_what_is_asked_for_are_all_of_it(course: list[tuple[Deed, int]], limit: int, wanted: str) -> None:
    state = lived(course)[0].queue.state
    told, cursor, looks_on = [], None, True
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(listing, "LOOKED_AT", 2)
        patched.setattr(remembered, "LOOKED_AT", 2)
        while looks_on:
            page = page_of(state, cursor, limit, lambda job: job.state == wanted)
            assert len(page.jobs) <= limit
            told += [job.job_id for job in page.jobs]
            cursor, looks_on = page.next, page.next is not None
    both = (*(job for page in pages(state, 100) for job in page),)
    assert told == [name for name in both if (job := state.find(name)) is not None and job.state == wanted]


def test_pictures_are_in_use_while_jobs_are_made_of_them_and_for_a_while_after_somebody_was_given_them() -> None:
    asked = Asked()
    for name, path in (("old", "/old.png"), ("failed", ""), ("given", "/found-again.png")):
        asked.now += 10.0
        asked.added(name, seed=1)
        asked.queue.end(name, replace(asked.result(name), image_path=path) if path else CANCELLED)
    facts = asked.accepted("open", seed=2)
    made_of = replace(facts, job_id="made", command=replace(facts.command, reference_images=["/face.png"]))
    asked.queue.accept(made_of)
    assert list(pictures_in_use(asked.queue.state, since=15.0)) == ["/face.png", "/found-again.png"]


def test_the_first_are_the_first_of_the_open_ones() -> None:
    state = in_every_state()
    assert [job.job_id for job in first_jobs(state, 4)] == ["saved", "sharing", "painted", "first"]
    assert len(first_jobs(state, 100)) == state.open_count


def test_a_page_goes_on_where_it_ended_though_jobs_come_and_go() -> None:
    asked = Asked(limit=100)
    for i in range(6):
        asked.added(f"j{i}", seed=i)
    page = page_of(asked.queue.state, None, 3)
    asked.queue.end("j0", CANCELLED)
    asked.queue.end("j2", CANCELLED)
    asked.added("late", seed=10)
    told = [job.job_id for job in page_of(asked.queue.state, page.next, 4).jobs]
    assert told == ["j3", "j4", "j5", "late"]


@pytest.mark.parametrize("cursor", ["", "x", "5b5d", "00", "ff", b"[9,[0,0,0],0]".hex(), b"[0,[0,0,0],-1]".hex()])
def test_what_is_no_end_of_a_page_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidParams, match=r"cursor"):
        page_of(in_every_state(), cursor, 3)


def test_a_long_queue_costs_a_page_no_more_than_a_short_one() -> None:
    """As a ratio within one process: a page of the end of a queue that is fifty times as long."""

    def seconds(count: int) -> float:
        asked = Asked(limit=100_000)
        for i in range(count):
            asked.added(f"j{i}", seed=i)
        state = asked.queue.state
        cursor = page_of(state, None, count - 60).next
        best = 1.0
        for _ in range(30):
            begun = time.process_time()
            assert len(page_of(state, cursor, 50).jobs) == 50
            first_jobs(state, 50)
            best = min(best, time.process_time() - begun)
        return best

    assert seconds(5000) < 4 * seconds(100)
