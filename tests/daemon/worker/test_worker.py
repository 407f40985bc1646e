"""A real worker is lost, hung or without a base: the daemon answers throughout, and the next render succeeds."""

import os
import resource
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.conftest import SMALL, StartDaemon, Wire, wait_until_gone
from tests.daemon.shuttered import shuttered

LONG: dict[str, Any] = {**SMALL, "steps": 100, "_meta": {"progressToken": "t"}}


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that is stopped for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return


def test_a_killed_worker_costs_its_render_time_and_nothing_else() -> None:
    with shuttered("step 1") as daemon, daemon.wire() as wire, daemon.wire() as other:
        lost = daemon.warm().worker_pid()
        running = wire.send("render", {**LONG, "steps": 8, "job_id": "unlucky"})
        wire.progressed("denoise 1/")
        queued = other.send("render", SMALL)
        assert wire.result("ping")["pid"] == daemon.process.pid
        os.kill(lost, signal.SIGKILL)
        daemon.release("step 1")
        assert Path(wire.reply(running)["result"]["image_path"]).is_file()
        assert Path(other.reply(queued)["result"]["image_path"]).is_file()
        worker = wire.result("status")["worker"]
        assert (worker["restarts"], "SIGKILL" in worker["last_error"]) == (1, True)
        assert daemon.worker_pid() != lost


@pytest.mark.slow
def test_a_stopped_worker_is_found_by_its_missing_beat() -> None:
    with shuttered(beat_timeout=3.0) as daemon, daemon.wire() as wire, stopped(daemon.warm().worker_pid()):
        assert "result" in wire.call("render", SMALL)
        assert "no beat for 3 seconds" in wire.result("status")["worker"]["last_error"]
        assert wire.result("ping")["pid"] == daemon.process.pid


@pytest.mark.slow
def test_a_worker_that_hangs_in_a_step_is_killed_by_the_steps_own_time() -> None:
    """It beats on. The first that hangs has painted steps of that size before, the second one has not."""
    with shuttered(step_timeout=2.0) as daemon, daemon.warm().wire() as wire:
        assert "result" in wire.call("render", {**SMALL, "steps": 4})
        daemon.hold("step 1")
        running = wire.send("render", {**LONG, "seed": 8})
        wire.progressed("denoise 1/")
        first = daemon.worker_pid()
        while (worker := wire.result("status")["worker"])["restarts"] == 0:
            pass
        lost = f"worker {first} was lost: its render made no progress for 2 seconds, where a step of 64x64 on shutter"
        assert lost in worker["last_error"]
        error = wire.reply(running)["error"]
        assert (error["code"], error["data"]["retryable"]) == (-32003, False)
        assert "no progress for 2 seconds" in error["message"]
        daemon.release("step 1")
        assert "result" in wire.call("render", SMALL)


@pytest.mark.slow
def test_a_worker_that_was_stopped_does_not_outlive_a_daemon_that_was_killed() -> None:
    with shuttered() as daemon, stopped(worker := daemon.warm().worker_pid()):
        daemon.process.kill()
        assert daemon.ended() == -signal.SIGKILL
        wait_until_gone(worker)


@pytest.mark.slow
def test_a_machine_that_slept_costs_no_render_and_no_worker() -> None:
    """Both are stopped for longer than a missing beat takes to be one, and the daemon goes on first."""
    with shuttered("step 1", beat_timeout=4.0) as daemon, daemon.wire() as wire:
        worker = daemon.warm().worker_pid()
        running = wire.send("render", {**LONG, "steps": 8})
        wire.progressed("denoise 1/")
        with stopped(worker):
            with stopped(daemon.process.pid):
                select.select([], [], [], 12.0)
            while "seconds are missing" not in daemon.log:
                select.select([], [], [], 0.02)
        daemon.release("step 1")
        assert Path(wire.reply(running)["result"]["image_path"]).is_file()
        assert (daemon.worker_pid(), wire.result("status")["worker"]["restarts"]) == (worker, 0)


@pytest.mark.slow
def test_another_worker_takes_over_after_so_many_pictures_and_every_render_is_painted() -> None:
    with shuttered(recycle_renders=2) as daemon, daemon.warm().wire() as wire:
        ids = [wire.send("render", {**SMALL, "seed": seed}) for seed in range(5)]
        assert ["result" in wire.read_until(lambda message: message.get("id") in ids) for _ in ids] == [True] * 5
        status = wire.result("status")
        assert (status["worker"]["recycled"], status["worker"]["restarts"], status["rendered"]) == (2, 0, 5)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
def test_a_picture_that_there_is_no_memory_for_is_named_with_its_size(start_daemon: StartDaemon) -> None:
    daemon = start_daemon().warm()
    resource.prlimit(daemon.process.pid, resource.RLIMIT_AS, (7 << 28, 7 << 28))
    os.kill(lost := daemon.worker_pid(), signal.SIGKILL)  # the next one has the daemon's limit
    with daemon.wire() as wire:
        while daemon.worker_pid() == lost:
            pass
        error = wire.error("render", {**SMALL, "width": 2048, "height": 2048})
        assert (error["code"] in (-32000, -32003), error["data"]["retryable"]) == (True, False)
        assert "memory" in error["message"]
        assert "2048 x 2048" in error["message"]
        assert "result" in wire.call("render", SMALL)


@pytest.mark.slow
def test_a_base_that_cannot_be_held_is_said_so_and_tried_again_at_once_when_asked(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(variant="/nowhere/at-all", degraded_delay_max=3600.0, keep_failed=True)
    with daemon.wire() as wire:
        assert_no_base(wire, wire.error("render", SMALL))
        assert "/nowhere/at-all" in wire.error("warm_up")["message"]
        status = wire.result("status")
        assert (status["state"], status["worker"]["restarts"], status["worker"]["pid"]) == ("degraded", 0, None)
        assert "/nowhere/at-all" in status["worker"]["last_error"]
        tries = status["worker"]["degraded"]["tries"]
        assert_no_base(wire, wire.error("warm_up"))
        assert wire.result("status")["worker"]["degraded"]["tries"] == tries + 1
        assert daemon.log.count("started for /nowhere/at-all") == tries + 1


@pytest.mark.slow
def test_a_daemon_that_is_not_to_stay_without_its_base_ends_with_1_and_the_reason(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(variant="/nowhere/at-all")
    assert daemon.ended() == 1
    assert "kilnmark daemon: the base /nowhere/at-all cannot be held: " in daemon.log
    assert "ready: " not in daemon.log


def assert_no_base(wire: Wire, error: dict[str, Any]) -> None:
    assert error["code"] in (-32000, -32011)  # before the first try has failed, and since
    assert "/nowhere/at-all" in error["message"]
    assert "warm_up" in error["message"]
    assert "pid" in wire.result("ping")
