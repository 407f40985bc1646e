"""The queue's order, its limit, and what it remembers."""

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import NoOpTracer

from kilnmark.daemon.accept import accept
from kilnmark.daemon.outcome import result_of
from kilnmark.daemon.queue import Job, JobQueue
from kilnmark.daemon.settings import Settings
from kilnmark.daemon.spans import RenderTrace
from kilnmark.protocol.errors import Cancelled, InvalidParams, QueueFull
from kilnmark.protocol.messages import CallMeta, RenderParams, Timings
from kilnmark.protocol.work import Finished

SETTINGS = Settings(socket=Path("/run/kiln/d.sock"), output_dir=Path("/var/kiln"))


def params(job_id: str | None, **asked: Any) -> RenderParams:
    return RenderParams(prompt="a mill", job_id=job_id, **asked)


def job(job_id: str, **asked: Any) -> Job:
    asked_for = params(job_id, **asked)
    order = accept(asked_for, SETTINGS, job_id).order
    trace = RenderTrace(NoOpTracer(), asked_for.meta, order, "standin")
    return Job(order, asked_for, warnings=(), trace=trace, accepted_at=0.0)


def finish(queue: JobQueue, done: Job) -> None:
    event = Finished(job_id=done.job_id, image_path="/x.png", prompt="a mill", timings=Timings(), loras=[], warnings=[])
    queue.end(done, "done", result_of(done, event))


def test_jobs_start_in_the_order_they_came_and_one_at_a_time() -> None:
    queue = JobQueue(limit=10)
    for name in "abc":
        queue.add(job(name))
    first = queue.start_next()
    assert first is not None
    assert queue.start_next() is None
    finish(queue, first)
    second = queue.start_next()
    assert (first.job_id, second and second.job_id) == ("a", "b")


def test_a_job_whose_adapters_are_still_looked_for_holds_nobody_up() -> None:
    queue = JobQueue(limit=10)
    queue.add(job("slow", lora_paths=["x.safetensors"], lora_scales=[1.0]))
    queue.add(job("quick"))
    started = queue.start_next()
    assert started is not None
    assert started.job_id == "quick"
    assert [open_job.job_id for open_job in queue.open_jobs] == ["quick", "slow"]


def test_one_job_more_than_may_wait_is_refused() -> None:
    queue = JobQueue(limit=2)
    queue.add(job("a"))
    queue.add(job("b"))
    with pytest.raises(QueueFull, match="2 renders"):
        queue.add(job("c"))


def test_the_running_job_does_not_count_as_waiting() -> None:
    queue = JobQueue(limit=1)
    queue.add(job("a"))
    queue.start_next()
    queue.add(job("b"))
    assert queue.find("b") is not None


def test_the_same_request_finds_its_job_waiting_running_and_done() -> None:
    queue = JobQueue(limit=2)
    queue.add(job("a"))
    waiting = queue.find_same(params("a", meta=CallMeta(progress_token=5)))
    running = queue.start_next()
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
    queue.end(cancelled, "cancelled", Cancelled("the render was cancelled"))
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
        done = job(name)
        queue.add(done)
        finish(queue, done)
    assert [queue.find(name) is not None for name in "abc"] == [False, True, True]
