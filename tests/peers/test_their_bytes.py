"""What other people's clients send, byte for byte as it was recorded, without them.

web3.py 8.0.0: keys and blanks as its two flavours write them, batches with their own separators, and the request that
its `IPCProvider` sends once more after a broken pipe, which has no newline. jayson 5.0.0: an id that is a UUID.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.in_process import InProcessDaemon
from tests.daemon.conftest import Wire
from tests.peers.asked import assert_answered, calls

KEYS = {"web3": ("jsonrpc", "method", "params", "id"), "async": ("id", "jsonrpc", "method", "params")}


def written(peer: str, number: int, method: str, params: list[Any]) -> bytes:
    """One request as a client writes it."""
    if peer == "jayson":
        id_ = f"0b9c3a61-6f3e-4c39-9d3e-{number:012}"
        return json.dumps(
            {"method": method, "jsonrpc": "2.0", "params": params, "id": id_}, separators=(",", ":")
        ).encode()
    fields = {"jsonrpc": "2.0", "method": method, "params": params, "id": number}
    return json.dumps({key: fields[key] for key in KEYS[peer]}).encode()


def answers_to(wire: Wire, requests: list[bytes]) -> list[dict[str, Any]]:
    """In the order of the requests."""
    ids = [json.loads(request)["id"] for request in requests]
    found: dict[Any, dict[str, Any]] = {}
    while len(found) < len(ids):
        reply = wire.read()
        found |= {one["id"]: one for one in (reply if isinstance(reply, list) else [reply])}
    return [found[id_] for id_ in ids]


@pytest.mark.parametrize("peer", ["web3", "async", "jayson"])
def test_what_they_send_is_answered_one_by_one_together_and_after_a_restart(home: Path, peer: str) -> None:
    path = home / "d.sock"
    with InProcessDaemon(socket=path) as first, Wire(first.socket) as wire:
        requests = [written(peer, i, *call) for i, call in enumerate(calls("one-by-one"))]
        for request in requests:
            wire.send_bytes(request + b"\n")
        assert_answered(answers_to(wire, requests), "one-by-one")
        batch = [written(peer, 7 + i, *call) for i, call in enumerate(calls("batch"))]
        wire.send_bytes(b"[" + (b", " if peer == "web3" else b",").join(batch) + b"]\n")
        assert_answered(answers_to(wire, batch), "batch")
    with InProcessDaemon(socket=path) as second, Wire(second.socket) as wire:
        again = [written(peer, 14 + i, *call) for i, call in enumerate(calls("again"))]
        found = []
        for i, request in enumerate(again):
            wire.send_bytes(request + (b"\n" if i else b""))
            found += answers_to(wire, [request])
        assert_answered(found, "again")
