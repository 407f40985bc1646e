"""The worker process dies, is stopped, hangs, runs out of memory or never gets ready: real ones, on a light base where
what is painted does not matter, and on the standin where it does.
"""

import os
import resource
import select
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.conftest import SMALL, Daemon, Wire, running_daemon, wait_until_gone
from tests.daemon.shuttered import shuttered
from tests.faults.conftest import Found
from tests.faults.measure import pings_while, resident, told

LONG: dict[str, Any] = {**SMALL, "steps": 30, "_meta": {"progressToken": "t"}}
LOST = -32003


def workers_of(pid: int) -> list[int]:
    """Processes whose parent this is."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("point", ["load", "step 1", "idle"])
@pytest.mark.faults(
    "the worker is killed with SIGKILL: held at {point!r}, two renders accepted",
    "a new one is started, both are painted; one worker in the end",
)
def test_a_killed_worker(found: Found, point: str) -> None:
    with shuttered(*([point] if point != "idle" else [])) as running, running.wire() as wire:
        if point != "load":
            running.warm()
        killed = running.worker_pid()
        renders = [wire.send("render", {**LONG, "seed": seed}) for seed in range(2)] if point != "idle" else []
        if point == "step 1":
            wire.progressed("denoise 1/")
        os.kill(killed, signal.SIGKILL)
        wait_until_gone(killed)
        if point != "idle":
            running.release(point)
        renders = renders or [wire.send("render", {**LONG, "seed": seed}) for seed in range(2)]
        began = time.monotonic()
        made = [Path(wire.reply(render)["result"]["image_path"]).is_file() for render in renders]
        took = time.monotonic() - began
        left = workers_of(running.process.pid)
        status = wire.result("status")["worker"]
    found(f"{sum(made)} of 2 pictures {took:.1f} s later, {status['restarts']} lost, {len(left)} worker")
    assert (made, len(left)) == ([True, True], 1)
    assert "SIGKILL" in status["last_error"]


@pytest.mark.faults(
    "the worker is stopped with SIGSTOP in a render (beat_timeout 2 s here, 30 s by default)",
    "noticed by its missing beat, killed, the picture is made; ping answers meanwhile",
)
def test_a_stopped_worker(found: Found) -> None:
    with shuttered("step 1", beat_timeout=2.0) as running, running.wire() as wire, running.wire() as other:
        stopped = running.warm().worker_pid()
        render = wire.send("render", LONG)
        wire.progressed("denoise 1/")
        os.kill(stopped, signal.SIGSTOP)
        running.release("step 1")
        began = time.monotonic()
        taken = pings_while(other, lambda: not select.select([wire.socket], [], [], 0)[0], least=100)
        made = Path(wire.reply(render)["result"]["image_path"]).is_file()
        took = time.monotonic() - began
        wait_until_gone(stopped)
        words = other.result("status")["worker"]["last_error"]
    found(f"picture after {took:.1f} s; {told(taken, 'ping')}; {words.partition(': ')[2]}")
    assert (made, "no beat" in words, took < 30) == (True, True, True)


@pytest.mark.faults(
    "the worker hangs in the first step of a render, beating on (step_timeout 2 s here)",
    "killed by the step's deadline and tried again; after two hangs the render ends with -32003, not to be sent again; "
    "the one behind it is painted",
)
def test_a_worker_that_hangs_in_a_step(found: Found) -> None:
    with shuttered("hang 1", step_timeout=2.0) as running, running.wire() as wire, running.wire() as other:
        running.warm()
        hung = wire.send("render", {**LONG, "job_id": "hangs"})
        wire.progressed("denoise")
        behind = other.send("render", {**SMALL, "seed": 8})
        began = time.monotonic()
        error = wire.reply(hung)["error"]
        took = time.monotonic() - began
        running.release("hang 1")
        made = Path(other.reply(behind)["result"]["image_path"]).is_file()
        words = other.result("status")["worker"]["last_error"]
    found(f"{error['code']} after {took:.1f} s, retryable {error['data']['retryable']}; {words.partition(': ')[2]}")
    assert (error["code"], error["data"]["retryable"], made) == (LOST, False, True)
    assert "no progress" in words


@pytest.mark.faults(
    "a render kills its worker at every try, with three neighbours that wait",
    "it ends with -32003 after two tries, not to be sent again; the neighbours are painted",
)
def test_a_worker_that_crashes_at_every_try(found: Found) -> None:
    with shuttered("step 1") as running, running.wire() as wire, ExitStack() as stack:
        running.warm()
        poison = wire.send("render", {**LONG, "job_id": "poison"})
        others = [stack.enter_context(running.wire()) for _ in range(3)]
        wire.progressed("denoise 1/")
        waiting = [other.send("render", {**LONG, "seed": 100 + i}) for i, other in enumerate(others)]
        others[-1].progressed("queued")
        with running.wire() as watching:
            killed = {kill_at_work(running, watching, "poison", set())}
            killed.add(kill_at_work(running, watching, "poison", killed))
        error = wire.reply(poison)["error"]
        running.release("step 1")
        made = ["result" in other.reply(render) for other, render in zip(others, waiting, strict=True)]
        restarts = wire.result("status")["worker"]["restarts"]
    found(f"{error['code']}, retryable {error['data']['retryable']}, {restarts} workers lost; {sum(made)} of 3 painted")
    assert (error["code"], error["data"]["retryable"], restarts) == (LOST, False, 2)
    assert made == [True] * 3


def kill_at_work(running: Daemon, watching: Wire, job_id: str, before: set[int]) -> int:
    """Kill a new worker once it has made the first step of a job; its process id."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = watching.result("status")
        pid, first = status["worker"]["pid"], (status["jobs"] or [{}])[0]
        if pid is not None and pid not in before and (first.get("job_id"), first.get("step")) == (job_id, 1):
            os.kill(pid, signal.SIGKILL)
            return int(pid)
    raise TimeoutError(f"{job_id} did not begin")


@pytest.mark.faults(
    "seven workers in a row are killed while they warm, with a render accepted",
    "never given up: `degraded` in `status` meanwhile, the render is painted once one lives",
)
def test_workers_that_die_while_warming(found: Found) -> None:
    with shuttered("load", restart_delay_max=0.2, degraded_delay_max=0.5) as running, running.wire() as wire:
        render = wire.send("render", {**LONG, "job_id": "patient"})
        killed: set[int] = set()
        states: set[str] = set()
        while len(killed) < 7:
            status = wire.result("status")
            states.add(status["state"])
            pid = status["worker"]["pid"]
            if pid is not None and pid not in killed:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            time.sleep(0.005)
        answered = "error" in wire.call("jobs.get", {"job_id": "patient"})
        running.release("load")
        state = wire.result("jobs.wait", {"job_id": "patient"})["job"]["state"]
        after = wire.result("status")
    found(f"{len(killed)} killed, states {', '.join(sorted(states))}; then {state}, {after['state']}")
    assert (state, after["state"], "degraded" in states, answered) == ("done", "ready", True, False)
    assert render


@pytest.mark.parametrize("stopped", [False, True], ids=["painting", "stopped"])
@pytest.mark.faults("the daemon is killed with SIGKILL, its worker is {id}", "the worker is gone by itself at once")
def test_no_orphan_stays(found: Found, stopped: bool) -> None:
    with shuttered("step 1") as running, running.wire() as wire:
        worker = running.warm().worker_pid()
        wire.send("render", LONG)
        wire.progressed("denoise 1/")
        if stopped:
            os.kill(worker, signal.SIGSTOP)
        began = time.monotonic()
        running.process.kill()
        running.ended()
        wait_until_gone(worker)
        took = time.monotonic() - began
    found(f"gone after {took:.2f} s")
    assert took < 5


@pytest.mark.faults("memory runs out on the machine", "the kernel is told to take the worker before the daemon")
def test_the_kernel_takes_the_worker_first(found: Found) -> None:
    with shuttered() as running:
        pids = {"worker": running.warm().worker_pid(), "daemon": running.process.pid}
        scores = {who: int(Path(f"/proc/{pid}/oom_score").read_text()) for who, pid in pids.items()}
    found(f"oom_score: worker {scores['worker']}, daemon {scores['daemon']}")
    assert scores["worker"] > scores["daemon"]


@pytest.mark.faults(
    "a picture of 4 megapixels where the worker's memory has a hard limit (RLIMIT_AS) that is too little for it",
    "it ends with the size named and is not to be sent again; a small one is painted afterwards",
)
def test_too_little_memory_for_the_size(found: Found) -> None:
    with running_daemon(variant="standin") as running, running.wire() as wire:
        running.warm()
        worker = running.worker_pid()
        limit = resident(worker, "VmSize") + (256 << 20)
        resource.prlimit(worker, resource.RLIMIT_AS, (limit, limit))
        error = wire.error("render", {**SMALL, "width": 2048, "height": 2048})
        made = Path(wire.result("render", SMALL)["image_path"]).is_file()
    found(f"{error['code']}, retryable {error['data']['retryable']}: {error['message'].partition(': ')[2]}")
    assert ("2048" in error["message"], error["data"]["retryable"], made) == (True, False, True)


@pytest.mark.faults(
    "a worker writes 30,000 lines and dies", "its last 200 lines and the first that failed are in `status`"
)
def test_what_a_dead_worker_said(found: Found) -> None:
    with shuttered() as running, running.wire() as wire:
        worker = running.warm().worker_pid()
        with open(f"/proc/{worker}/fd/2", "w") as said:  # noqa: PTH123 - its own standard error, from outside
            said.write("RuntimeError: it began here\n" + "and went on\n" * 30_000)
        os.kill(worker, signal.SIGKILL)
        wait_until_gone(worker)
        wire.result("render", SMALL)
        words = wire.result("status")["worker"]["death"]["words"]
    found(f"{len(words['lines'])} lines, first failure: {words['first_failure']}")
    assert (len(words["lines"]), words["first_failure"]) == (200, "RuntimeError: it began here")


@pytest.mark.faults(
    "no descriptor is left when the worker is lost, so that none can be started",
    "tried again and again; once there are some the render is painted, without anybody asking",
)
def test_a_worker_that_cannot_be_started(found: Found) -> None:
    with shuttered("step 1", restart_delay_max=0.2, degraded_delay_max=0.5) as running, running.wire() as wire:
        worker = running.warm().worker_pid()
        render = wire.send("render", LONG)
        wire.progressed("denoise 1/")
        pid = running.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used - 4, before[1]))
        os.kill(worker, signal.SIGKILL)
        running.release("step 1")
        restarts = 0
        with running.wire() as other:
            while restarts < 3:
                status = other.result("status")
                restarts = status["worker"]["restarts"]
            words = status["worker"]["last_error"]
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
            made = Path(wire.reply(render)["result"]["image_path"]).is_file()
            state = other.result("status")["state"]
    found(f"{restarts} tries without: {words.partition(': ')[2][:80]}; then painted {made}, {state}")
    assert (made, state) == (True, "ready")
