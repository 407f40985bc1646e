"""How a daemon ends: by the method, by a signal, by two; what becomes of its renders, its socket and its worker."""

import os
import signal

import pytest

from tests.daemon.conftest import SMALL, Daemon, wait_until_gone
from tests.daemon.shuttered import shuttered

LONG = {**SMALL, "steps": 100, "_meta": {"progressToken": "t"}}


def assert_gone(daemon: Daemon, worker: int) -> None:
    assert not daemon.socket.exists()
    wait_until_gone(worker)


@pytest.mark.slow
def test_a_signal_ends_every_render_and_the_exit_status_tells_of_it() -> None:
    with shuttered("step 1") as daemon:
        worker = daemon.warm().worker_pid()
        with daemon.wire() as wire, daemon.wire() as other:
            running = wire.send("render", LONG)
            wire.progressed("denoise 1/")
            sharing = other.send("render", LONG)
            queued = other.send("render", {**LONG, "seed": 8})
            other.progressed("queued")
            daemon.process.send_signal(signal.SIGTERM)
            assert wire.reply(running)["error"]["code"] == -32002
            replies = [other.read_until(lambda message: "error" in message) for _ in range(2)]
            assert {reply["id"]: reply["error"]["code"] for reply in replies} == {sharing: -32002, queued: -32002}
            with pytest.raises(EOFError):
                wire.read()
        assert daemon.ended() == -signal.SIGTERM
        assert_gone(daemon, worker)


def test_ctrl_c_ends_a_daemon_that_is_still_warming() -> None:
    with shuttered("load") as daemon:
        worker = daemon.worker_pid()
        daemon.process.send_signal(signal.SIGINT)
        daemon.release("load")
        assert daemon.ended() == 130
        assert "Traceback" not in daemon.log
        assert_gone(daemon, worker)


def test_shutdown_with_drain_finishes_what_was_accepted_and_takes_no_more() -> None:
    with shuttered("step 1") as daemon:
        worker = daemon.warm().worker_pid()
        with daemon.wire() as wire, daemon.wire() as other:
            running = wire.send("render", {**LONG, "steps": 2})
            wire.progressed("denoise 1/")
            queued = other.send("render", {**LONG, "steps": 1})
            other.progressed("queued")
            with daemon.wire() as late:
                assert late.result("shutdown", {"drain": True}) == {"draining": True, "jobs": 2, "kept": False}
                assert late.result("status")["state"] == "draining"
                assert late.error("render", SMALL)["code"] == -32002
            daemon.release("step 1")
            assert "result" in wire.reply(running)
            assert "result" in other.reply(queued)
        assert daemon.ended() == 0
        assert_gone(daemon, worker)


def test_shutdown_without_drain_ends_while_the_base_is_warming() -> None:
    with shuttered("load") as daemon:
        with daemon.wire() as wire:
            waiting = wire.send("render", SMALL)
            worker = daemon.worker_pid()
            assert wire.result("shutdown") == {"draining": False, "jobs": 1, "kept": False}
            assert wire.reply(waiting)["error"]["code"] == -32002
        daemon.release("load")
        assert daemon.ended() == 0
        assert_gone(daemon, worker)


@pytest.mark.slow
def test_a_second_signal_ends_at_once_a_worker_that_does_not_listen() -> None:
    with shuttered() as daemon:
        worker = daemon.warm().worker_pid()
        os.kill(worker, signal.SIGSTOP)
        with daemon.wire() as wire:
            daemon.process.send_signal(signal.SIGTERM)
            wire.status_once(lambda status: status["state"] == "draining")
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.ended() == 128 + signal.SIGTERM
        assert_gone(daemon, worker)


@pytest.mark.slow
def test_a_worker_that_does_not_listen_is_killed_in_the_end() -> None:
    with shuttered() as daemon:
        worker = daemon.warm().worker_pid()
        os.kill(worker, signal.SIGSTOP)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.ended() == -signal.SIGTERM
        assert_gone(daemon, worker)


@pytest.mark.slow
def test_a_killed_daemon_takes_its_worker_along_and_its_socket_is_replaced() -> None:
    with shuttered() as first:
        worker = first.warm().worker_pid()
        first.process.kill()
        first.ended()
        assert first.socket.exists()
        wait_until_gone(worker)
        with shuttered(socket=str(first.socket)) as second, first.wire() as wire:
            assert wire.result("ping")["pid"] == second.process.pid
