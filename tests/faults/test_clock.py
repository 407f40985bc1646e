"""The wall clock is stepped while the daemon works, as by NTP, by a person, or by waking from sleep."""

from pathlib import Path
from typing import Any

import pytest

from tests.daemon.conftest import SMALL
from tests.faults.conftest import Found
from tests.faults.forked import daemon

LONG: dict[str, Any] = {**SMALL, "steps": 100, "_meta": {"progressToken": "t"}}


@pytest.mark.parametrize("hours", [1, -1, 24 * 400, -24 * 400])
@pytest.mark.faults(
    "the wall clock is stepped by {hours} hours while one render is painted and three wait",
    "nothing times out, nobody is killed or forgotten; all are painted in their order, also those of a daemon that "
    "starts then",
)
def test_the_clock_is_stepped(home: Path, found: Found, hours: int) -> None:
    with daemon(home, pace=0.005, beat_timeout=3.0, step_timeout=5.0) as running, running.wire() as wire:
        for i in range(4):
            wire.send("render", {**LONG, "seed": i, "job_id": f"j{i}", "_meta": {"progressToken": f"j{i}"}})
        wire.progressed("denoise 10/")
        running.control.step_clock(hours * 3600)
        results = [wire.read_until(lambda message: "id" in message)["result"] for _ in range(4)]
        status = wire.result("status")
        timings = [result["timings"]["total_ms"] for result in results]
        assert wire.error("jobs.wait", {"job_id": "nobody"})["code"] == -32004
        held = wire.send("render", {**LONG, "steps": 100, "seed": 9, "job_id": "held"})
        wire.progressed("denoise")
        running.kill()
    with daemon(home) as running, running.wire() as wire:
        listed = {job["job_id"]: job["state"] for job in wire.result("jobs.list")["jobs"]}
        assert wire.result("jobs.wait", {"job_id": "held"})["job"]["state"] == "done"
    found(
        f"{len(results)} pictures in order, worker restarts {status['worker']['restarts']}, up {status['uptime_s']:g} s"
    )
    found(f"{sum(state == 'done' for state in listed.values())} ended jobs known in the next daemon; held is painted")
    assert [result["seed"] for result in results] == [0, 1, 2, 3]
    assert (status["worker"]["restarts"], 0 < status["uptime_s"] < 600) == (0, True)
    assert all(0 < ms < 60_000 for ms in timings)
    assert {f"j{i}" for i in range(4)} <= set(listed)
    assert held


@pytest.mark.faults(
    "the wall clock is stepped an hour forward where ended jobs are remembered for ten minutes, with renders open",
    "ended jobs may be forgotten, open ones never; the pictures stay",
)
def test_open_jobs_are_not_forgotten(home: Path, found: Found) -> None:
    with daemon(home, holds=["denoise"], jobs_kept_for=600.0) as running, running.wire() as wire:
        for i in range(3):
            wire.send("render", {**LONG, "seed": i, "job_id": f"open{i}"})
            wire.progressed("queued" if i else "denoise")
        running.control.step_clock(3600)
        states = [wire.result("jobs.get", {"job_id": f"open{i}"})["job"]["state"] for i in range(3)]
        running.kill()
    with daemon(home, jobs_kept_for=600.0) as running, running.wire() as wire:
        after = [wire.result("jobs.wait", {"job_id": f"open{i}"})["job"]["state"] for i in range(3)]
    found(f"{', '.join(states)}; then {', '.join(after)}")
    assert (states, after) == (["running", "queued", "queued"], ["done"] * 3)
