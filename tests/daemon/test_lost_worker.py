"""What callers hear when the worker is lost or has no base, and how a daemon is drained: the whole daemon, with a fake.

What a real process does when it is killed, stopped or signalled stands in `worker/test_worker` and `test_shutdown`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.wire.work import Prefetch
from tests.daemon.conftest import SMALL, FakeDaemon, Wire

LONG: dict[str, Any] = {**SMALL, "steps": 100, "_meta": {"progressToken": "t"}}


@pytest.fixture
def frail() -> Iterator[FakeDaemon]:
    """A daemon of one's own, whose renders wait at each step, and whose lost worker is replaced at once."""
    with FakeDaemon(restart_delay_max=0.001, heartbeat_interval=0.01) as daemon:
        daemon.worker.hold("denoise")
        yield daemon.warm()


@pytest.fixture
def cold() -> Iterator[FakeDaemon]:
    """A daemon of one's own, whose base is being loaded until it may go on."""
    worker = FakeWorker()
    worker.hold("load")
    settings: dict[str, Any] = {"restart_delay_max": 0.001, "heartbeat_interval": 0.01, "bases": {"dev": "standin"}}
    with FakeDaemon(worker=worker, queue_limit=1, **settings) as daemon:
        yield daemon


def assert_no_base(wire: Wire, error: dict[str, Any]) -> None:
    assert (error["code"], error["data"]["retryable"]) == (-32011, False)
    assert "no such directory" in error["message"]
    assert "warm_up" in error["message"]
    assert "pid" in wire.result("ping")


def wait_for_the_next_worker(wire: Wire, lost: int) -> None:
    """Wait until another worker has the render."""
    wire.status_once(lambda status: status["worker"]["pid"] != lost and status["state"] == "busy")


def test_what_a_lost_worker_had_is_painted_by_the_next_one(frail: FakeDaemon) -> None:
    lost = frail.status()["worker"]["pid"]
    with frail.wire() as wire, frail.wire() as other:
        ids = [wire.send("render", {**LONG, "job_id": name}) for name in ("unlucky", "too")]
        wire.progressed("denoise 0/")
        queued = other.send("render", {**SMALL, "seed": 8})
        other.result("ping")
        frail.worker.hold()
        frail.worker.die()
        assert [wire.reply(id_)["result"]["seed"] for id_ in ids] == [7, 7]
        assert Path(other.reply(queued)["result"]["image_path"]).is_file()
    status = frail.status()
    assert (status["worker"]["restarts"], status["failed"], status["rendered"]) == (1, 0, 2)
    assert status["worker"]["pid"] != lost


def test_a_render_that_costs_two_workers_ends_for_every_job_of_it_and_the_waiting_ones_are_painted(
    frail: FakeDaemon,
) -> None:
    lost = frail.status()["worker"]["pid"]
    with frail.wire() as wire, frail.wire() as other:
        ids = {wire.send("render", {**LONG, "job_id": name}): name for name in ("unlucky", "too")}
        wire.progressed("denoise 0/")
        queued = other.send("render", {**SMALL, "seed": 8})
        other.result("ping")
        frail.worker.die()
        wait_for_the_next_worker(other, lost)
        frail.worker.die()
        for _ in ids:
            message = wire.read_until(lambda message: "error" in message)
            error = message["error"]
            assert (error["code"], error["data"]["retryable"]) == (-32003, False)
            assert error["data"]["job_id"] == ids[message["id"]]
            assert "SIGKILL" in error["message"]
        frail.worker.hold()
        assert Path(other.reply(queued)["result"]["image_path"]).is_file()
        assert wire.result("render", {**SMALL, "job_id": "unlucky-again"})
    status = frail.status()
    assert (status["worker"]["restarts"], status["failed"], status["rendered"]) == (2, 1, 2)
    assert status["worker"]["pid"] != lost


def test_a_picture_being_saved_is_painted_again_with_the_one_being_painted(frail: FakeDaemon) -> None:
    frail.worker.hold("save", "denoise")
    with frail.wire() as wire:
        saving = wire.send("render", {**LONG, "steps": 1})
        frail.worker.go(2)
        wire.progressed("save")
        painting = wire.send("render", {**LONG, "seed": 8})
        wire.progressed("denoise 0/")
        frail.worker.hold()
        frail.worker.die()
        assert [wire.reply(id_)["result"]["seed"] for id_ in (saving, painting)] == [7, 8]


def test_while_a_render_is_tried_again_nothing_of_another_one_is_prepared(frail: FakeDaemon) -> None:
    lost = frail.status()["worker"]["pid"]
    with frail.wire() as wire:
        wire.send("render", {**LONG, "job_id": "deadly"})
        wire.progressed("denoise 0/")
        wire.send("render", {**SMALL, "seed": 8})
        while not frail.worker.prefetched:
            wire.result("ping")
        frail.worker.prefetched.clear()
        frail.worker.die()
        wait_for_the_next_worker(wire, lost)
        assert frail.worker.prefetched == []


def test_a_worker_lost_while_a_render_is_being_cancelled_ends_it_as_cancelled(frail: FakeDaemon) -> None:
    with frail.wire() as wire:
        render = wire.send("render", {**LONG, "job_id": "stopping"})
        wire.progressed("denoise 0/")
        frail.worker.fall_silent()
        assert wire.result("cancel", {"job_id": "stopping", "reason": "enough"})["cancelled"]
        beat = wire.read_until(
            lambda message: (
                message.get("method") == "notifications/heartbeat" and message["params"]["state"] == "cancelling"
            )
        )
        assert beat["params"]["job_id"] == "stopping"
        frail.worker.die()
        error = wire.reply(render)["error"]
        assert (error["code"], "enough" in error["message"]) == (-32800, True)


def test_the_socket_answers_and_cancels_while_the_base_is_warming(cold: FakeDaemon) -> None:
    with cold.wire() as wire:
        render = wire.send("render", {**SMALL, "_meta": {"progressToken": 1}})
        assert wire.read()["params"]["message"] == "warming"
        status = wire.result("status")
        assert (status["state"], status["base"], status["jobs"][0]["state"]) == ("warming", None, "queued")
        assert wire.error("render", {**SMALL, "seed": 8})["code"] == -32001
        beat = wire.read_until(lambda message: message.get("method") == "notifications/heartbeat")
        assert beat["params"]["state"] == "warming"
        warm_up = wire.send("warm_up")
        wire.send("$/cancelRequest", {"id": warm_up}, id=None)
        assert wire.reply(warm_up)["error"]["code"] == -32800
        cold.worker.hold()
        assert "result" in wire.reply(render)
        assert wire.result("status")["state"] == "ready"


def test_a_base_that_cannot_be_held_is_said_so_and_what_was_accepted_is_painted_once_it_can(cold: FakeDaemon) -> None:
    cold.worker.script.unheld["standin"] = "no such directory"
    with cold.wire() as wire, cold.wire() as other:
        waiting = wire.send("render", {**SMALL, "job_id": "early"})
        wire.result("ping")
        cold.worker.hold()
        error = wire.reply(waiting)["error"]
        assert_no_base(wire, error)
        assert (error["data"]["retryable"], "kept as 'early'" in error["message"]) == (False, True)
        status = wire.result("status")
        assert (status["state"], status["worker"]["restarts"], status["worker"]["pid"]) == ("degraded", 0, None)
        assert status["worker"]["degraded"]["reason"] == "no such directory"
        assert [job["state"] for job in status["jobs"]] == ["queued"]
        for params in (SMALL, {**SMALL, "job_id": "early"}):
            assert_no_base(wire, wire.error("render", params))
        assert_no_base(wire, wire.error("warm_up"))
        patient = other.send("jobs.wait", {"job_id": "early"})
        cold.worker.script.unheld.clear()
        assert wire.result("warm_up")["base"]["variant"] == "standin"
        assert Path(other.reply(patient)["result"]["result"]["image_path"]).is_file()
        assert wire.result("render", {**SMALL, "job_id": "early"})["variant"] == "standin"
        status = wire.result("status")
        assert (status["state"], status["worker"]["degraded"], status["rendered"]) == ("ready", None, 1)


def test_while_no_worker_gets_ready_nobody_waits_in_vain_and_nothing_accepted_is_lost(cold: FakeDaemon) -> None:
    with cold.wire() as wire, cold.wire() as other:
        waiting = wire.send("render", {**SMALL, "job_id": "early"})
        lost = 0
        for _ in range(5):
            lost = wait_until_it_loads(other, lost)
            cold.worker.mutter("terminate called after throwing an instance of 'std::bad_alloc'\n")
            cold.worker.die(-6)
        error = wire.reply(waiting)["error"]
        assert (error["code"], error["data"]["retryable"], error["data"]["detail"]) == (-32011, True, {"kept": True})
        assert all(word in error["message"] for word in ("5 workers in a row", "SIGABRT", "kept as 'early'"))
        status = wire.result("status")
        assert (status["state"], status["worker"]["death"]["words"]["first_failure"][:9]) == ("degraded", "terminate")
        assert (wire.error("render", {**SMALL, "seed": 8})["code"], status["queue"]["normal"]) == (-32011, 1)
        cold.worker.hold()
        assert "result" in wire.call("warm_up")
        assert wire.result("render", {**SMALL, "job_id": "early"})["job_id"] == "early"


def test_a_daemon_that_drains_does_not_wait_for_a_worker_that_does_not_get_ready(cold: FakeDaemon) -> None:
    cold.worker.script.unheld["standin"] = "no such directory"
    with cold.wire() as wire:
        waiting = wire.send("render", SMALL)
        wire.result("ping")
        cold.worker.hold()
        assert_no_base(wire, wire.reply(waiting)["error"])
        assert wire.result("shutdown", {"drain": True}) == {"draining": False, "jobs": 1, "kept": False}
    cold.wait_until_ended()


def wait_until_it_loads(wire: Wire, lost: int) -> int:
    """Wait until another worker loads its base; its process."""
    status = wire.status_once(lambda status: status["loading"] is not None and status["worker"]["pid"] != lost)
    pid: int = status["worker"]["pid"]
    return pid


def test_another_base_that_cannot_be_held_fails_what_wants_it_and_nothing_else(cold: FakeDaemon) -> None:
    cold.worker.hold()
    cold.worker.script.unheld["dev"] = "no such directory"
    with cold.warm().wire() as wire:
        for method, params in (("render", {**SMALL, "variant": "dev"}), ("warm_up", {"variant": "dev"})):
            error = wire.error(method, params)
            assert (error["code"], "no such directory" in error["message"]) == (-32000, True)
        assert wire.result("status")["state"] == "ready"
        assert "result" in wire.call("render", SMALL)


def test_shutdown_with_drain_finishes_what_was_accepted_and_takes_no_more(frail: FakeDaemon) -> None:
    with frail.wire() as wire, frail.wire() as late:
        running = wire.send("render", LONG)
        wire.progressed("denoise 0/")
        queued = wire.send("render", {**LONG, "seed": 8})
        wire.progressed("queued")
        assert late.result("shutdown", {"drain": True}) == {"draining": True, "jobs": 2, "kept": False}
        assert late.result("status")["state"] == "draining"
        assert late.error("render", {**SMALL, "seed": 9})["code"] == -32002
        frail.worker.hold()
        assert [wire.reply(id_)["result"]["seed"] for id_ in (running, queued)] == [7, 8]
    frail.wait_until_ended()


def test_a_second_shutdown_without_drain_ends_what_the_first_would_have_finished(frail: FakeDaemon) -> None:
    with frail.wire() as wire, frail.wire() as late:
        running = wire.send("render", LONG)
        wire.progressed("denoise 0/")
        queued = wire.send("render", {**LONG, "seed": 8})
        wire.progressed("queued")
        assert late.result("shutdown", {"drain": True})["jobs"] == 2
        assert late.result("shutdown", {"drain": False}) == {"draining": False, "jobs": 2, "kept": False}
        replies = [wire.read_until(lambda message: "error" in message) for _ in range(2)]
        assert {reply["id"]: reply["error"]["code"] for reply in replies} == {running: -32002, queued: -32002}
        with pytest.raises(EOFError):
            late.read()
    frail.wait_until_ended()


def test_shutdown_without_drain_ends_while_the_base_is_warming(cold: FakeDaemon) -> None:
    with cold.wire() as wire:
        waiting = wire.send("render", SMALL)
        assert wire.result("shutdown") == {"draining": False, "jobs": 1, "kept": False}
        assert wire.reply(waiting)["error"]["code"] == -32002
    cold.wait_until_ended()


def test_what_comes_next_is_announced_once_and_that_nothing_does(frail: FakeDaemon) -> None:
    ink = make_adapter(frail.loras / "ink.safetensors", blocks=1, rank=1)
    asked = {**SMALL, "lora_paths": [str(ink)], "lora_scales": [0.5], "prompt": "dusk"}
    with frail.wire() as wire:
        running = wire.send("render", LONG)
        wire.progressed("denoise 0/")
        following = wire.send("render", {**asked, "seed": 8})
        while not frail.worker.prefetched:
            wire.result("ping")
        frail.worker.hold()
        assert all("result" in wire.reply(id_) for id_ in (running, following))
    assert frail.worker.prefetched == [
        Prefetch(variant="standin", lora_paths=[str(ink.resolve())], lora_scales=[0.5], prompt="dusk"),
        Prefetch(variant="", lora_paths=[]),
    ]


def test_a_render_that_is_cancelled_while_it_waits_is_needed_no_more(frail: FakeDaemon) -> None:
    with frail.wire() as wire:
        wire.send("render", LONG)
        wire.progressed("denoise 0/")
        wire.send("render", {**SMALL, "seed": 8, "job_id": "waits"})
        while not frail.worker.prefetched:
            wire.result("ping")
        wire.result("cancel", {"job_id": "waits"})
        while len(frail.worker.prefetched) < 2:
            wire.result("ping")
    assert [needed.prompt for needed in frail.worker.prefetched] == [SMALL["prompt"], None]
