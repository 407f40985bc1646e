"""The ways to give a render up, and that each ends it with its -32800."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.daemon.conftest import SMALL, FakeDaemon, Wire

LONG: dict[str, Any] = {**SMALL, "steps": 100, "_meta": {"progressToken": "t"}}


@pytest.fixture(autouse=True)
def held(daemon: FakeDaemon) -> Iterator[None]:
    """Every render waits at each of its denoise steps."""
    daemon.worker.hold("denoise")
    yield
    daemon.worker.hold()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("notifications/cancelled", {"requestId": 1, "reason": "enough"}),
        ("notifications/cancelled", {"requestId": 1.0}),
        ("$/cancelRequest", {"id": 1}),
    ],
)
def test_a_running_render_is_cancelled_by_the_id_of_its_request(
    wire: Wire, method: str, params: dict[str, Any]
) -> None:
    render = wire.send("render", LONG)
    wire.progressed("denoise 0/")
    wire.send(method, params, id=None)
    after = []
    while "method" in (message := wire.read()):
        after.append(message["params"].get("message"))
    assert len([stage for stage in after if stage]) <= 2
    error = message["error"]
    assert (message["id"], error["code"]) == (render, -32800)
    assert params.get("reason", "") in error["message"]


def test_a_running_render_is_cancelled_from_another_connection(wire: Wire, daemon: FakeDaemon) -> None:
    render = wire.send("render", {**LONG, "job_id": "stop-me"})
    wire.progressed("denoise 0/")
    with daemon.wire() as other:
        assert other.result("cancel", {"job_id": "stop-me"}) == {"job_id": "stop-me", "cancelled": True}
    error = wire.reply(render)["error"]
    assert (error["code"], error["data"]["job_id"]) == (-32800, "stop-me")


def test_a_queued_render_is_cancelled_at_once_and_the_running_one_goes_on(wire: Wire, daemon: FakeDaemon) -> None:
    with daemon.wire() as other:
        running = other.send("render", {**LONG, "steps": 3})
        other.progressed("denoise 0/")
        queued = wire.send("render", LONG)
        wire.progressed("queued")
        wire.send("notifications/cancelled", {"requestId": queued}, id=None)
        assert wire.reply(queued)["error"]["code"] == -32800
        daemon.worker.hold()
        assert "result" in other.reply(running)


def test_a_request_and_its_cancellation_in_one_line_end_in_one_reply(wire: Wire) -> None:
    wire.send_bytes(
        b'[{"jsonrpc":"2.0","id":"r","method":"render","params":{"prompt":"x","steps":100}},'
        b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"r"}}]\n'
    )
    [reply] = wire.read()
    assert (reply["id"], reply["error"]["code"]) == ("r", -32800)


def test_an_id_of_another_type_cancels_nothing(wire: Wire, daemon: FakeDaemon) -> None:
    render = wire.send("render", SMALL)
    wire.send("$/cancelRequest", {"id": str(render)}, id=None)
    wire.result("ping")
    daemon.worker.hold()
    assert "result" in wire.reply(render)


def test_one_of_two_who_wait_for_a_job_leaves_and_the_other_gets_it(wire: Wire, daemon: FakeDaemon) -> None:
    shared = {**SMALL, "steps": 3, "job_id": "shared"}
    with daemon.wire() as other:
        staying = other.send("render", {**shared, "_meta": {"progressToken": 1}})
        other.progressed("denoise 0/")
        leaving = wire.send("render", {**shared, "_meta": {"progressToken": 2}})
        wire.result("ping")
        daemon.worker.go()
        wire.progressed("denoise 1/")
        wire.send("$/cancelRequest", {"id": leaving}, id=None)
        assert wire.reply(leaving)["error"]["code"] == -32800
        daemon.worker.hold()
        assert "result" in other.reply(staying)


def test_a_render_that_ended_cannot_be_cancelled(wire: Wire, daemon: FakeDaemon) -> None:
    daemon.worker.hold()
    wire.result("render", {**SMALL, "job_id": "ended"})
    assert wire.result("cancel", {"job_id": "ended"})["cancelled"] is False


def test_an_unknown_job_is_said_to_be_unknown(wire: Wire) -> None:
    assert wire.error("cancel", {"job_id": "never"})["code"] == -32004


def test_a_cancelled_render_can_be_asked_for_again(wire: Wire, daemon: FakeDaemon) -> None:
    render = wire.send("render", {**LONG, "steps": 2, "job_id": "again"})
    wire.progressed("denoise")
    wire.send("$/cancelRequest", {"id": render}, id=None)
    assert wire.reply(render)["error"]["code"] == -32800
    daemon.worker.hold()
    assert wire.result("render", {**SMALL, "steps": 2, "job_id": "again"})["steps"] == 2
