"""The rules of one connection, over a real socket: framing, batches, ids, silence, half-closed and closed clients."""

import json
import os
import socket
from pathlib import Path

import pytest

from tests.daemon.conftest import SMALL, FakeDaemon, Wire

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
        while not (status := wire.result("status"))["jobs"] or status["jobs"][0]["step"] == 0:
            pass
        before = status["rendered"]
    while wire.result("status")["jobs"]:
        pass
    daemon.worker.hold()
    wire.result("render", SMALL)
    assert wire.result("status")["rendered"] == before + 1


def test_a_closed_client_leaves_its_named_render_to_be_asked_for_again(daemon: FakeDaemon, wire: Wire) -> None:
    named = {**SMALL, "job_id": "left-behind", "steps": 2}
    daemon.worker.hold("encode")
    with daemon.wire() as leaving:
        leaving.send("render", {**named, "_meta": {"progressToken": 1}})
        leaving.progressed("encode")
    daemon.worker.hold()
    wire.result("render", SMALL)
    assert wire.result("render", named)["cached"]


def test_a_client_that_never_reads_is_dropped_and_the_others_are_served(
    daemon: FakeDaemon, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    line = json.dumps([{"jsonrpc": "2.0", "id": i, "method": "status"} for i in range(64)]).encode() + b"\n"
    with daemon.wire() as deaf, pytest.raises((BrokenPipeError, ConnectionResetError)):
        deaf.send_bytes(line * 2000)
    assert wire.result("ping")["pid"] == os.getpid()
    assert "left more than" in caplog.text
