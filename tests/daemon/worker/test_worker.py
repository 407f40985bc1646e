"""The worker is lost, hung or without a base: the daemon answers throughout, and the next render succeeds."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from kilnmark.protocol.wire import work
from tests.daemon.conftest import SMALL, Daemon, StartDaemon, Wire, running_daemon
from tests.protocol.samples import BASE

LONG: dict[str, Any] = {**SMALL, "steps": 100, "_meta": {"progressToken": "t"}}


@pytest.fixture(scope="module")
def frail() -> Iterator[Daemon]:
    """A warm daemon that soon finds out when its worker hangs."""
    with running_daemon(beat_timeout=8.0, heartbeat_interval=0.2) as daemon:
        yield daemon.warm()


@contextmanager
def worker_that_only_runs(code: str) -> Iterator[dict[str, str]]:
    """The environment of a daemon whose workers run this code, with the socket as `fd`, and nothing of the engine."""
    with TemporaryDirectory(prefix="kiln-") as folder:
        guard = "import os, sys, time\nif 'kilnmark.engine' in sys.orig_argv:\n    fd = int(sys.orig_argv[-1])\n    "
        Path(folder, "sitecustomize.py").write_text(guard + code)
        yield {"PYTHONPATH": folder}


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


def test_a_killed_worker_costs_its_render_and_nothing_else(frail: Daemon) -> None:
    lost = frail.worker_pid()
    with frail.wire() as wire, frail.wire() as other:
        running = wire.send("render", {**LONG, "job_id": "unlucky"})
        wire.progressed("denoise 1/")
        queued = other.send("render", SMALL)
        assert wire.result("ping")["pid"] == frail.process.pid
        os.kill(lost, signal.SIGKILL)
        error = wire.reply(running)["error"]
        assert (error["code"], error["data"]["retryable"], error["data"]["job_id"]) == (-32003, True, "unlucky")
        assert "SIGKILL" in error["message"]
        status = wire.result("status")
        assert (status["state"], status["base"], status["worker"]["restarts"]) == ("warming", None, 1)
        assert Path(other.reply(queued)["result"]["image_path"]).is_file()
        assert "result" in wire.call("render", {**SMALL, "job_id": "unlucky-again"})
    assert frail.worker_pid() != lost


@pytest.mark.slow
def test_a_stopped_worker_is_found_by_its_missing_beat(frail: Daemon) -> None:
    with frail.wire() as wire, stopped(frail.worker_pid()):
        render = wire.send("render", LONG)
        error = wire.reply(render)["error"]
        assert error["code"] == -32003
        assert "no beat for 3 seconds" in error["message"]
        assert wire.result("ping")["pid"] == frail.process.pid
        assert "result" in wire.call("render", SMALL)


@pytest.mark.slow
def test_a_worker_without_progress_is_killed(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(step_timeout=0.3).warm()
    with daemon.wire() as wire:
        error = wire.error("render", {**SMALL, "width": 1024, "height": 1024})
    assert error["code"] == -32003
    assert "no progress for 0.3 seconds" in error["message"]


@pytest.mark.slow
def test_the_socket_answers_and_cancels_while_the_base_is_warming(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(heartbeat_interval=0.1, queue_limit=1)
    with daemon.wire() as wire:
        render = wire.send("render", {**SMALL, "_meta": {"progressToken": 1}})
        assert wire.read()["params"]["message"] == "warming"
        status = wire.result("status")
        assert (status["state"], status["base"], status["jobs"][0]["state"]) == ("warming", None, "queued")
        assert wire.error("render", SMALL)["code"] == -32001
        beat = wire.read_until(lambda message: message.get("method") == "notifications/heartbeat")
        assert beat["params"]["state"] == "warming"
        warm_up = wire.send("warm_up")
        wire.send("$/cancelRequest", {"id": warm_up}, id=None)
        assert wire.reply(warm_up)["error"]["code"] == -32800
        assert "result" in wire.reply(render)
        assert wire.result("status")["state"] == "ready"


@pytest.mark.slow
def test_a_base_that_cannot_be_held_is_said_so_and_tried_again_only_when_asked(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(variant="/nowhere/at-all")
    with daemon.wire() as wire:
        waiting = wire.send("render", SMALL)
        assert_no_base(wire, wire.reply(waiting)["error"])
        status = wire.result("status")
        assert (status["state"], status["worker"]["restarts"], status["worker"]["pid"]) == ("failed", 0, None)
        assert "/nowhere/at-all" in status["worker"]["last_error"]
        assert_no_base(wire, wire.error("render", SMALL))
        assert_no_base(wire, wire.error("warm_up"))
        assert daemon.log.count("started for /nowhere/at-all") == 2


def assert_no_base(wire: Wire, error: dict[str, Any]) -> None:
    assert error["code"] == -32000
    assert "/nowhere/at-all" in error["message"]
    assert "warm_up" in error["message"]
    assert "pid" in wire.result("ping")


@pytest.mark.slow
def test_a_base_that_is_not_warm_in_time_counts_as_one_that_cannot_be_held(start_daemon: StartDaemon) -> None:
    with start_daemon(load_timeout=0.2).wire() as wire:
        error = wire.error("render", SMALL)
    assert error["code"] == -32000
    assert "not warm after 0.2 seconds" in error["message"]


@pytest.mark.slow
def test_a_worker_that_dies_again_and_again_while_warming_is_not_started_for_ever(start_daemon: StartDaemon) -> None:
    with worker_that_only_runs("os._exit(3)") as env:
        daemon = start_daemon(env=env, restart_delay_max=0.01)
        with daemon.wire() as wire:
            error = wire.error("render", SMALL)
            assert error["code"] == -32000
            assert "5 workers in a row" in error["message"]
            assert "status 3" in error["message"]
            assert wire.result("status")["state"] == "failed"
    assert daemon.log.count("started for standin") == 5


@pytest.mark.slow
def test_another_base_that_is_not_warm_in_time_costs_the_worker_and_not_the_daemon(start_daemon: StartDaemon) -> None:
    held = work.encode(work.Ready(base=BASE))
    begun = work.encode(work.Loading(variant="dev"))
    code = f"""
    os.read(fd, 1 << 16), os.write(fd, {held!r}), os.read(fd, 1 << 16), os.write(fd, {begun!r}), time.sleep(60)
    """
    with worker_that_only_runs(code.strip()) as env:
        daemon = start_daemon(env=env, bases={"dev": "standin"}, load_timeout=0.5)
        with daemon.wire() as wire:
            error = wire.error("warm_up", {"variant": "dev"})
            assert (error["code"], error["data"]["retryable"]) == (-32003, True)
            assert "before dev was warm" in error["message"]
            assert "dev was not warm after 0.5 seconds" in wire.result("status")["worker"]["last_error"]


@pytest.mark.slow
def test_a_worker_that_talks_nonsense_is_killed_and_quoted(start_daemon: StartDaemon) -> None:
    with worker_that_only_runs("os.write(fd, b'nonsense\\n'); time.sleep(60)") as env:
        daemon = start_daemon(env=env, restart_delay_max=0.01)
        with daemon.wire() as wire:
            assert "no event" in wire.error("render", SMALL)["message"]


@pytest.mark.slow
def test_a_worker_that_hangs_up_without_leaving_is_killed(start_daemon: StartDaemon) -> None:
    with worker_that_only_runs("os.close(fd); time.sleep(60)") as env:
        daemon = start_daemon(env=env, restart_delay_max=0.01)
        with daemon.wire() as wire:
            assert "SIGKILL" in wire.error("render", SMALL)["message"]
