"""Clients and daemons of two versions: what one recorded is understood by the other, or said to be of another version.

The recorded turns are an older daemon's, and were asked by an older client; that today's daemon answers them alike is
tested where they are.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.client.attempts import Uncancelled
from kilnmark.client.connection import Answered, Connection, Raised
from kilnmark.client.request import named, render_params
from kilnmark.protocol.wire import jsonrpc, methods
from kilnmark.protocol.wire.errors import InvalidParams
from kilnmark.protocol.wire.methods import RENDER, WireMethod
from kilnmark.protocol.wire.requests import PingParams

RECORDED = Path(__file__).parents[1] / "recorded"
METHODS = {each.name: each for each in vars(methods).values() if isinstance(each, WireMethod)}
NUMBERS = {"~number": 1, "~text": "text"}
"""What stands for values that are another each time."""

TABLES = {"ignored_keys", "counts_as", "entries", "group_shares", "strength_from"}
"""Fields that have names of their own making in them."""


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECORDED / name).read_text(encoding="utf-8").splitlines()]


def results() -> list[tuple[str, dict[str, Any]]]:
    """Every result that an older daemon gave to one request, with the request's method."""
    said = {turn["turn"]: turn.get("say") for turn in lines("requests.ndjson")}
    found = []
    for turn in lines("replies.ndjson"):
        request = said[turn["turn"]]
        told = [message.get("result") for message in turn["heard"] if isinstance(message, dict)]
        if isinstance(request, dict):
            found += [(request["method"], result) for result in told if isinstance(result, dict)]
    return found


def lived(value: Any) -> Any:
    """With a value for each that was left out."""
    if isinstance(value, dict):
        return {name: lived(each) for name, each in value.items()}
    if isinstance(value, list):
        return [lived(each) for each in value]
    return NUMBERS.get(value, value) if isinstance(value, str) else value


def newer(value: Any) -> Any:
    """As a newer daemon may say it: every object has a field that nobody knows."""
    if isinstance(value, dict):
        told = {name: each if name in TABLES else newer(each) for name, each in value.items()}
        return told | {"mood": {"warm": [1]}}
    return [newer(each) for each in value] if isinstance(value, list) else value


def heard(method: str, result: Any) -> Answered | Raised:
    """What a client of today makes of a result."""
    connection = Connection()
    request, _ = connection.begin(METHODS[method], PingParams())  # whatever it asked for
    [event] = connection.receive(json.dumps({"jsonrpc": "2.0", "id": request, "result": result}).encode() + b"\n")
    assert isinstance(event, Answered | Raised)
    return event


@pytest.mark.parametrize("aged", [lived, lambda value: newer(lived(value))], ids=["older", "newer"])
def test_results_of_another_daemon_are_understood(aged: Any) -> None:
    asked = results()
    assert len({method for method, _ in asked}) > 7
    for method, result in asked:
        event = heard(method, aged(result))
        assert isinstance(event, Answered), (method, event)
        assert type(event.result) is METHODS[method].result


def test_an_older_daemon_that_does_not_know_how_it_is_asked_again_is_said_to_be_older() -> None:
    params = named(render_params("a kiln"))
    with Uncancelled().noting(RENDER, params, None) as attempts:
        attempts.sent(1)
        connection = Connection()
        request, line = connection.begin(RENDER, attempts.params)
        attempts.is_left = False
    assert json.loads(line)["params"]["_meta"]["resumed"] is True
    refusal = InvalidParams("Object contains unknown field `resumed` - at `$.params._meta.resumed`")
    [event] = connection.receive(jsonrpc.failure(str(request).encode(), refusal) + b"\n")
    assert isinstance(event, Raised)
    assert "the daemon is of another version than this client" in str(event.error)


def test_a_first_request_says_nothing_that_an_older_daemon_does_not_know() -> None:
    _, line = Connection().begin(RENDER, named(render_params("a kiln")))
    meta = json.loads(line)["params"]["_meta"]
    assert set(meta) <= {"progressToken", "attached", "traceparent", "tracestate"}
    assert msgspec.json.encode(meta)
