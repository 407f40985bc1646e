"""A real worker is lost, hung or without a base: the daemon answers throughout, and the next render succeeds."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.conftest import SMALL, StartDaemon, Wire
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
        assert "no beat for 8 seconds" in wire.result("status")["worker"]["last_error"]
        assert wire.result("ping")["pid"] == daemon.process.pid


@pytest.mark.slow
def test_a_worker_without_progress_is_killed(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(step_timeout=0.3).warm()
    with daemon.wire() as wire:
        error = wire.error("render", {**SMALL, "width": 1024, "height": 1024})
    assert (error["code"], error["data"]["retryable"]) == (-32003, False)
    assert "no progress for 0.3 seconds" in error["message"]


@pytest.mark.slow
def test_a_base_that_cannot_be_held_is_said_so_and_tried_again_at_once_when_asked(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(variant="/nowhere/at-all", degraded_delay_max=3600.0)
    with daemon.wire() as wire:
        assert_no_base(wire, wire.error("render", SMALL))
        assert "/nowhere/at-all" in wire.error("warm_up")["message"]
        status = wire.result("status")
        assert (status["state"], status["worker"]["restarts"], status["worker"]["pid"]) == ("degraded", 0, None)
        assert "/nowhere/at-all" in status["worker"]["last_error"]
        assert status["worker"]["degraded"]["tries"] == daemon.log.count("started for /nowhere/at-all") == 2
        assert_no_base(wire, wire.error("render", SMALL))


def assert_no_base(wire: Wire, error: dict[str, Any]) -> None:
    assert error["code"] == -32000
    assert "/nowhere/at-all" in error["message"]
    assert "warm_up" in error["message"]
    assert "pid" in wire.result("ping")
