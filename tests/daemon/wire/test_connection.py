"""The rules of one connection, over a real socket: framing, batches, ids, silence, half-closed and closed clients."""

import hashlib
import json
import os
import select
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.in_process import InProcessDaemon
from tests.daemon.conftest import PATIENCE, SMALL, FakeDaemon, Wire

PING = b'{"jsonrpc":"2.0","id":%d,"method":"ping"}'


def test_a_request_gets_its_reply_with_its_own_id_byte_for_byte(wire: Wire) -> None:
    wire.send_bytes(b'{"jsonrpc":"2.0","id":1.50,"method":"ping"}\n')
    data = b""
    while not data.endswith(b"\n"):
        data += wire.socket.recv(4096)
    assert data.startswith(b'{"jsonrpc":"2.0","id":1.50,"result":')


def test_a_batch_is_answered_together_and_its_notifications_are_not(wire: Wire) -> None:
    wire.send_bytes(b'[%s,{"jsonrpc":"2.0","method":"ping"},%s,7]\n' % (PING % 1, PING % 2))
    replies = wire.read()
    assert sorted((reply["id"] or 0, "error" in reply) for reply in replies) == [(0, True), (1, False), (2, False)]


def test_a_batch_of_notifications_gets_no_reply(wire: Wire) -> None:
    wire.send_bytes(b'[{"jsonrpc":"2.0","method":"ping"}]\n' + PING % 5 + b"\n")
    assert wire.read()["id"] == 5
    assert wire.is_silent()


def test_a_notification_gets_no_reply_not_even_an_error(wire: Wire) -> None:
    wire.send("no.such.method", id=None)
    wire.send("render", {"prompt": ""}, id=None)
    ping = wire.send("ping")
    assert wire.read()["id"] == ping
    assert wire.is_silent()


@pytest.mark.parametrize("params", ["{}", "[]", "[{}]"])
def test_params_may_be_an_object_or_an_array_of_one(wire: Wire, params: str) -> None:
    wire.send_bytes(b'{"jsonrpc":"2.0","id":1,"method":"ping","params":%s}\n' % params.encode())
    assert wire.read()["result"]["pid"]


def test_a_complete_value_without_its_newline_is_taken_after_a_moment_of_silence(wire: Wire) -> None:
    wire.send_bytes(PING % 9)
    assert wire.read()["id"] == 9


def test_a_value_that_comes_byte_by_byte_is_answered_once(wire: Wire) -> None:
    for byte in PING % 4 + b"\n":
        wire.send_bytes(bytes([byte]))
    assert wire.read()["id"] == 4
    assert wire.is_silent()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"garbage", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"jobs.burn"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":7}', -32602),
        (b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}', -32600),
        (b'"' + b"x" * (1 << 20) + b'"', -32600),
    ],
)
def test_after_a_bad_line_the_connection_goes_on(wire: Wire, line: bytes, code: int) -> None:
    wire.send_bytes(line + b"\n" + PING % 6 + b"\n")
    messages = [wire.read(), wire.read()]
    errors = [message["error"]["code"] for message in messages if "error" in message]
    assert errors == [code]
    assert any(message.get("id") == 6 and "result" in message for message in messages)


def test_an_unknown_field_is_named_by_its_path(wire: Wire) -> None:
    error = wire.error("render", {**SMALL, "_meta": {"zz": 1}})
    assert error["code"] == -32602
    assert "zz" in error["message"]
    assert "$.params._meta" in error["message"]


def test_a_half_closed_client_still_gets_its_replies_and_then_the_end(daemon: FakeDaemon) -> None:
    with daemon.wire() as wire:
        daemon.worker.hold("denoise")
        wire.send("render", SMALL)
        wire.send_bytes(PING % 2)
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.read()["id"] == 2
        daemon.worker.hold()
        assert Path(wire.reply(1)["result"]["image_path"]).is_file()
        with pytest.raises(EOFError):
            wire.read()


def test_a_last_line_that_ends_too_early_is_a_parse_error(daemon: FakeDaemon) -> None:
    with daemon.wire() as wire:
        wire.send_bytes(b'{"jsonrpc":"2.0","id":1,')
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.read()["error"]["code"] == -32700
        with pytest.raises(EOFError):
            wire.read()


def test_one_connection_can_ask_while_its_render_is_under_way(wire: Wire, daemon: FakeDaemon) -> None:
    daemon.worker.hold("denoise")
    render = wire.send("render", SMALL)
    ping = wire.send("ping")
    assert wire.read()["id"] == ping
    daemon.worker.hold()
    assert wire.reply(render)["result"]["seed"] == 7


@pytest.mark.parametrize("half_closed_first", [False, True])
def test_a_closed_client_takes_its_nameless_render_along(
    daemon: FakeDaemon, wire: Wire, half_closed_first: bool
) -> None:
    daemon.worker.hold("denoise")
    with daemon.wire() as leaving:
        leaving.send("render", {**SMALL, "steps": 100})
        if half_closed_first:
            leaving.socket.shutdown(socket.SHUT_WR)
        daemon.worker.go()
        before = wire.status_once(lambda status: status["jobs"] and status["jobs"][0]["step"] > 0)["rendered"]
    wire.status_once(lambda status: not status["jobs"])
    daemon.worker.hold()
    wire.result("render", SMALL)
    assert wire.result("status")["rendered"] == before + 1


def test_a_closed_client_takes_a_named_render_along_that_it_holds_fast(daemon: FakeDaemon, wire: Wire) -> None:
    daemon.worker.hold("encode")
    with daemon.wire() as leaving:
        leaving.send("render", {**SMALL, "job_id": "held-fast", "_meta": {"progressToken": 1, "attached": True}})
        leaving.progressed("encode")
    assert wire.result("jobs.wait", {"job_id": "held-fast"})["job"]["state"] == "cancelled"
    daemon.worker.hold()


def test_a_closed_client_leaves_its_named_render_to_be_asked_for_again(daemon: FakeDaemon, wire: Wire) -> None:
    named = {**SMALL, "job_id": "left-behind", "steps": 2}
    daemon.worker.hold("encode")
    with daemon.wire() as leaving:
        leaving.send("render", {**named, "_meta": {"progressToken": 1}})
        leaving.progressed("encode")
    daemon.worker.hold()
    wire.result("render", SMALL)
    assert wire.result("render", named)["cached"]


STATUSES = json.dumps([{"jsonrpc": "2.0", "id": i, "method": "status"} for i in range(64)]).encode() + b"\n"


def test_a_client_that_never_reads_is_hung_up_on_and_the_others_are_served(caplog: pytest.LogCaptureFixture) -> None:
    with InProcessDaemon(unread_bytes=1 << 16, unread_timeout=0.05) as daemon, Wire(daemon.socket) as wire:
        with Wire(daemon.socket) as deaf, pytest.raises((BrokenPipeError, ConnectionResetError)):
            deaf.send_bytes(STATUSES * 2000)
        assert wire.result("ping")["pid"] == os.getpid()
    assert "it read none of" in caplog.text


def test_a_client_that_reads_gets_every_reply_however_much_it_asked_for_at_once() -> None:
    with InProcessDaemon(unread_bytes=1 << 16, unread_timeout=60.0) as daemon, Wire(daemon.socket) as wire:
        for _ in range(10):
            wire.send_bytes(STATUSES)
        assert [len(wire.read()) for _ in range(10)] == [64] * 10


def test_what_a_client_that_does_not_read_asks_for_waits(caplog: pytest.LogCaptureFixture) -> None:
    with InProcessDaemon(unread_bytes=1 << 16, unread_timeout=60.0) as daemon, Wire(daemon.socket) as wire:
        wire.socket.settimeout(0.2)
        with suppress(TimeoutError):
            for _ in range(100):
                wire.send_bytes(STATUSES * 20)
            pytest.fail("all of 10 MB was taken")
        wire.socket.settimeout(PATIENCE)
        assert len(wire.read()) == 64
    assert "hung up" not in caplog.text


def test_one_request_too_many_on_a_connection_is_refused_and_can_be_sent_again() -> None:
    with InProcessDaemon(request_limit=2) as daemon, Wire(daemon.socket) as wire:
        daemon.worker.hold("denoise")
        renders = [wire.send("render", {**SMALL, "seed": seed}) for seed in (1, 2)]
        error = wire.error("ping")
        assert (error["code"], error["data"]["retryable"]) == (-32001, True)
        assert "request_limit" in error["message"]
        with Wire(daemon.socket) as other:
            assert other.result("ping")
        daemon.worker.hold()
        for render in renders:
            wire.reply(render)
        assert wire.result("ping")


def test_one_client_too_many_is_told_so_and_hung_up_on() -> None:
    with InProcessDaemon(connection_limit=1) as daemon:
        with Wire(daemon.socket) as first:
            assert first.result("ping")
            with Wire(daemon.socket) as second:
                refusal = second.read()
                assert (refusal["id"], refusal["error"]["code"]) == (None, -32001)
                assert "connection_limit" in refusal["error"]["message"]
                with pytest.raises(EOFError):
                    second.read()
            assert first.result("ping")
        answers = (first_words(daemon.socket) for _ in range(1000))
        assert next(words for words in answers if "error" not in words)["result"]["pid"]


def first_words(path: Path) -> Any:
    """What a new client is told."""
    with Wire(path) as wire:
        with suppress(BrokenPipeError):
            wire.send("ping")
        return wire.read()


def test_a_line_that_drips_is_told_so_and_hung_up_on() -> None:
    with InProcessDaemon(line_timeout=0.1) as daemon, Wire(daemon.socket) as wire:
        wire.send_bytes(b"[")
        with suppress(BrokenPipeError):  # it hung up between the look and the byte
            while not select.select([wire.socket], [], [], 0.01)[0]:
                wire.send_bytes(b" ")
        error = wire.read()["error"]
        assert (error["code"], "line_timeout" in error["message"]) == (-32600, True)
        with pytest.raises((EOFError, ConnectionResetError)):
            wire.read()


def test_how_long_a_line_may_be_is_a_setting() -> None:
    with InProcessDaemon(line_bytes=1 << 16) as daemon, Wire(daemon.socket) as wire:
        wire.send_bytes(b"x" * ((1 << 16) + 1) + b"\n" + PING % 1 + b"\n")
        assert "65536 bytes" in wire.read()["error"]["message"]
        assert wire.read()["id"] == 1


def test_a_picture_that_somebody_wrote_to_is_painted_anew_under_the_same_id(daemon: FakeDaemon, wire: Wire) -> None:
    named = {**SMALL, "seed": 4242, "job_id": "written-to", "cache": False}
    made = wire.result("render", named)
    picture = Path(made["image_path"])
    assert hashlib.sha256(picture.read_bytes()).hexdigest() == made["image_sha256"]
    assert wire.result("render", named)["cached"]
    picture.write_bytes(picture.read_bytes()[:-1] + b"x")
    again = wire.result("render", named)
    assert not again["cached"]
    assert Path(again["image_path"]) != picture
