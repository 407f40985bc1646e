"""The examples of the JSON-RPC 2.0 specification (section 7), each as it stands there, asked of a served connection.

The methods of the examples are served in place of the daemon's, save those that nobody is to have. One thing differs,
which the specification leaves to a server: parameters by position are refused, since no method here has any.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.daemon.methods import Method
from kilnmark.daemon.wire.connection import ServedConnection
from kilnmark.daemon.wire.dispatch import Dispatch
from kilnmark.daemon.wire.exchange import Exchange
from kilnmark.protocol.settings import Settings


class Subtracted(msgspec.Struct, forbid_unknown_fields=True):
    minuend: int
    subtrahend: int


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    pass


async def subtract(params: Subtracted, _: Exchange) -> int:
    return params.minuend - params.subtrahend


async def get_data(_params: Nothing, _: Exchange) -> list[object]:
    return ["hello", 5]


async def take_note(_params: Nothing, _: Exchange) -> None:
    return None


TABLE = {
    "subtract": Method(Subtracted, subtract),
    "get_data": Method(Nothing, get_data),
    **{name: Method(Nothing, take_note) for name in ("update", "notify_hello", "notify_sum")},
}
REFUSED = {"code": -32602}
"""Where the specification's server takes parameters by position."""

EXAMPLES: list[tuple[str, str, Any]] = [
    ("by position", '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', (1, REFUSED)),
    ("by position, turned", '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}', (2, REFUSED)),
    (
        "by name",
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
        (3, 19),
    ),
    (
        "by name, turned",
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
        (4, 19),
    ),
    ("a notification", '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    ("a notification without parameters", '{"jsonrpc": "2.0", "method": "foobar"}', None),
    ("an unknown method", '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', ("1", {"code": -32601})),
    ("invalid JSON", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', (None, {"code": -32700})),
    ("no request", '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', (None, {"code": -32600})),
    (
        "a batch of invalid JSON",
        '[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]',
        (None, {"code": -32700}),
    ),
    ("an empty array", "[]", (None, {"code": -32600})),
    ("an invalid batch, not empty", "[1]", [(None, {"code": -32600})]),
    ("an invalid batch", "[1,2,3]", [(None, {"code": -32600})] * 3),
    (
        "a batch",
        """[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
        ]""",
        [("1", REFUSED), ("2", REFUSED), (None, {"code": -32600}), ("5", {"code": -32601}), ("9", ["hello", 5])],
    ),
    (
        "a batch of notifications",
        """[
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
        ]""",
        None,
    ),
]


def answered(path: Path, line: str) -> list[Any]:
    """Every message that comes back for a line, on a connection that is closed after it."""

    async def main() -> bytes:
        settings = Settings(socket=path, output_dir=path.parent)
        connections: set[ServedConnection] = set()
        server = await asyncio.get_running_loop().create_unix_server(
            lambda: ServedConnection(settings, Dispatch(TABLE), connections), path
        )
        async with server:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(line.encode() + b"\n")
            writer.write_eof()
            said = await reader.read()
            writer.close()
        return said

    return [json.loads(message) for message in asyncio.run(main()).splitlines()]


def simple(reply: dict[str, Any]) -> tuple[Any, Any]:
    """A reply of the specification's form: its id, and its result or the code of its error."""
    assert reply["jsonrpc"] == "2.0"
    assert ("result" in reply) != ("error" in reply)
    assert set(reply) <= {"jsonrpc", "id", "result", "error"}
    if "error" in reply:
        assert isinstance(reply["error"]["message"], str)
        assert isinstance(reply["error"]["code"], int)
    return reply["id"], {"code": reply["error"]["code"]} if "error" in reply else reply["result"]


@pytest.mark.parametrize(("line", "expected"), [pytest.param(*row[1:], id=row[0]) for row in EXAMPLES])
def test_an_example_of_the_specification_is_answered_as_it_says(home: Path, line: str, expected: Any) -> None:
    messages = answered(home / "d.sock", line.replace("\n", ""))
    if expected is None:
        assert messages == []
        return
    [message] = messages
    if isinstance(expected, list):
        assert isinstance(message, list)
        assert sorted(map(simple, message), key=str) == sorted(expected, key=str)
    else:
        assert simple(message) == expected
