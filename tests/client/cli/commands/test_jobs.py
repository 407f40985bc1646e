"""The commands about jobs, asked of a real daemon."""

import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from kilnmark.client import AdapterNotEngaged, AdapterRefused, Cancelled, Client
from kilnmark.protocol.wire.replies import CancelResult, JobResult, JobsResult, RenderResult
from tests.client.conftest import FakeDaemon

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PATIENCE = 60.0


@pytest.fixture
def done(daemon: FakeDaemon) -> RenderResult:
    """A job that has ended with a picture."""
    with Client(daemon.socket) as client:
        return client.render("a kiln", width=64, height=64, steps=1, seed=3, cache=False)


@contextmanager
def running(daemon: FakeDaemon) -> Iterator[str]:
    """A job that goes on until it is cancelled."""
    job_id, begun = uuid.uuid4().hex, threading.Event()

    def ask() -> None:
        with Client(daemon.socket) as client, pytest.raises(Cancelled):
            client.render("a kiln", width=64, height=64, steps=100, job_id=job_id, on_progress=lambda _: begun.set())

    daemon.worker.hold("denoise")
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        assert begun.wait(PATIENCE)
        yield job_id
    finally:
        with Client(daemon.socket) as client:
            client.cancel(job_id)
        asking.join(PATIENCE)
        daemon.worker.hold()


def test_jobs_are_listed_the_latest_first(run: Run, done: RenderResult) -> None:
    listed = msgspec.json.decode(run("jobs", "--json").stdout, type=JobsResult)
    assert (listed.jobs[0].job_id, listed.jobs[0].state) == (done.job_id, "done")
    header, line, *_ = run("jobs").stdout.splitlines()
    assert header.split()[:3] == ["job", "state", "accepted"]
    assert line.split()[:2] == [done.job_id, "done"]
    assert line.endswith(" a kiln")
    first = listed.jobs[0]
    assert first.accepted <= first.ended
    assert first.adapters_ms == done.timings.adapters_ms
    assert (first.painted_ms, first.cached, first.prompt) == (done.timings.painting_ms, False, "a kiln")


def test_a_job_whose_picture_was_there_is_not_taken_for_a_painted_one(run: Run, daemon: FakeDaemon) -> None:
    with Client(daemon.socket) as client:
        made = [client.render("a kiln in the snow", width=64, height=64, steps=1, seed=4).cached for _ in range(2)]
        listed = client.jobs_list().jobs[:2]
    assert made == [False, True]
    assert [(job.cached, job.painted_ms is None) for job in listed] == [(True, True), (False, False)]
    assert ["cached" in line.split() for line in run("jobs").stdout.splitlines()[1:3]] == [True, False]


def test_a_job_is_shown_with_its_picture(run: Run, done: RenderResult) -> None:
    for waits in ([], ["--wait"]):
        shown = run("jobs", done.job_id, *waits, "--json")
        assert (shown.returncode, msgspec.json.decode(shown.stdout, type=JobResult).result) == (0, done)
    assert done.image_path in run("jobs", done.job_id).stdout


def test_jobs_are_listed_by_what_they_are(run: Run, done: RenderResult) -> None:
    found = run("jobs", "--text", "A KILN", "--since", "1d", "--until", "today", "--state", "done", "--json").stdout
    assert done.job_id in [job.job_id for job in msgspec.json.decode(found, type=JobsResult).jobs]
    assert len(msgspec.json.decode(run("jobs", "--limit", "1", "--json").stdout, type=JobsResult).jobs) == 1
    assert run("jobs", "--genre", "none").stdout == "no job is like that\n"
    wrong = run("jobs", "--since", "soon")
    assert (wrong.returncode, "90m, 6h, 2d" in wrong.stderr) == (2, True)
    assert run("jobs", done.job_id, "--genre", "ink").returncode == 2


def test_a_job_that_waits_is_moved_and_one_that_ended_is_not(run: Run, daemon: FakeDaemon, done: RenderResult) -> None:
    assert run("jobs", "move", done.job_id, "high").stdout == f"{done.job_id}: is begun or has ended already\n"
    assert run("jobs", "move", done.job_id, "higher").returncode == 2
    assert run("jobs", "move", done.job_id).returncode == 2
    with (
        running(daemon),
        Client(daemon.socket) as client,
        closing(client.render_stream("a mill", width=64, height=64, steps=1, job_id="waiting")) as stream,
    ):
        next(stream)
        assert run("jobs", "move", "waiting", "low").stdout == "waiting: low priority now\n"


def test_a_job_is_cancelled_by_its_name_and_then_says_so(run: Run, daemon: FakeDaemon) -> None:
    with running(daemon) as job_id:
        assert run("jobs", job_id).stdout.startswith("running")
        waited = run("jobs", job_id, "--wait", "--timeout", "0.1")
        assert waited.returncode == 1
        assert "goes on" in waited.stderr
        told = msgspec.json.decode(run("cancel", job_id, "--reason", "enough", "--json").stdout, type=CancelResult)
        assert told == CancelResult(job_id=job_id, cancelled=True)
        shown = run("jobs", job_id, "--wait")
        assert shown.returncode == 1
        assert "enough" in shown.stdout
    assert run("cancel", job_id).stdout == f"{job_id}: had ended already\n"


def test_a_refused_job_is_shown_with_what_its_adapters_did(run: Run, daemon: FakeDaemon, dead: Path) -> None:
    job_id = uuid.uuid4().hex
    with Client(daemon.socket) as client, pytest.raises(AdapterNotEngaged):
        client.render("a kiln", lora_paths=[dead], job_id=job_id)
    shown = run("jobs", job_id)
    assert shown.returncode == 1
    assert {"because", "noop"} <= set(shown.stdout.split())


@pytest.mark.parametrize("wrong", [["--wait"], ["some", "--timeout", "3"]])
def test_options_that_say_nothing_are_usage_errors(run: Run, wrong: list[str]) -> None:
    assert run("jobs", *wrong).returncode == 2


def test_an_unknown_job_is_named(run: Run) -> None:
    refused = run("jobs", "never")
    assert refused.returncode == 1
    assert "'never'" in refused.stderr


def test_those_that_failed_are_listed_alone_each_with_its_reason(
    run: Run, done: RenderResult, daemon: FakeDaemon
) -> None:
    job_id = uuid.uuid4().hex
    with Client(daemon.socket) as client, pytest.raises(AdapterRefused):
        client.render("a moor", lora_paths=["/no/such.safetensors"], job_id=job_id)
    listed = msgspec.json.decode(run("jobs", "--failed", "--json").stdout, type=JobsResult)
    assert {job.state for job in listed.jobs} == {"failed"}
    [job] = [job for job in listed.jobs if job.job_id == job_id]
    assert "/no/such.safetensors" in job.reason
    assert done.job_id not in run("jobs", "--failed").stdout
    assert run("jobs", "--failed", job_id).returncode == 2
