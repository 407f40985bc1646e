"""The notifications of one request: they grow, they carry the token, and they end with the request."""

import asyncio
import json
from typing import Any

import pytest

from kilnmark.daemon.wire.exchange import Exchange, Pulse
from kilnmark.protocol.wire.jsonrpc import Call
from kilnmark.protocol.wire.work import Stage, Stepped


def stepped(stage: Stage, step: int) -> Stepped:
    return Stepped(job_id="a", stage=stage, step=step, steps=4)


def heard(token: str | None, *events: Stepped) -> list[dict[str, Any]]:
    sent: list[bytes] = []
    pulse = Pulse(sent.append, token, "a", lambda: "running")
    for event in events:
        pulse.stepped(event)
    return [json.loads(message)["params"] for message in sent]


def test_a_step_told_twice_or_taken_back_is_passed_on_once() -> None:
    events = [stepped("denoise", 2), stepped("denoise", 2), stepped("encode", 0), stepped("denoise", 3)]
    notes = heard("t", *events)
    assert [(note["progressToken"], note["message"]) for note in notes] == [("t", "denoise 2/4"), ("t", "denoise 3/4")]


@pytest.mark.parametrize("stage", ["degraded", "warming", "paused", "queued"])
def test_whatever_a_render_waits_for_is_said(stage: str) -> None:
    sent: list[bytes] = []
    Pulse(sent.append, "t", "a", lambda: stage).waits(stage, 4)
    [note] = [json.loads(message)["params"] for message in sent]
    assert note["message"] == stage
    assert 0 <= note["progress"] < note["total"]


def test_nothing_is_said_without_a_token() -> None:
    assert heard(None, stepped("encode", 0)) == []


def test_a_notification_is_told_nothing_even_with_a_token() -> None:
    sent: list[bytes] = []

    async def body() -> None:
        exchange = Exchange(Call(None, "render", b"{}"), sent.append, heartbeat_interval=0.001)
        with exchange.pulse("t", "a", lambda: "queued") as pulse:
            pulse.stepped(stepped("encode", 0))
            await asyncio.sleep(0.01)

    asyncio.run(body())
    assert sent == []


def test_a_heartbeat_says_what_is_waited_for_and_ends_with_the_request() -> None:
    sent: list[bytes] = []
    heard_enough = asyncio.Event()

    def send(message: bytes) -> None:
        sent.append(message)
        if len(sent) == 2:
            heard_enough.set()

    async def body() -> None:
        exchange = Exchange(Call(b"1", "render", b"{}"), send, heartbeat_interval=0.001)
        with exchange.pulse("t", "a", lambda: "queued"):
            await asyncio.wait_for(heard_enough.wait(), timeout=20)
        said = len(sent)
        await asyncio.sleep(0.01)
        assert len(sent) == said

    asyncio.run(body())
    assert json.loads(sent[0])["params"] == {"progressToken": "t", "job_id": "a", "state": "queued"}
