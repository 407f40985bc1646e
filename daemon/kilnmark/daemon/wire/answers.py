"""What belongs to a line rather than to a request: replies that go back together, and which request is given up by it.

Nothing is served here, and no connection is known.
"""

from collections.abc import Callable

import msgspec

from kilnmark.daemon.wire.exchange import RequestId
from kilnmark.protocol.wire import jsonrpc

__all__ = ["Answers", "given_up"]


class _CancelRequest(msgspec.Struct, frozen=True):
    """`$/cancelRequest`."""

    id: RequestId


class _CancelledNote(msgspec.Struct, frozen=True):
    """`notifications/cancelled`."""

    request_id: RequestId = msgspec.field(name="requestId")
    reason: str = ""


class Answers:
    """The replies of one line: one, or a batch that goes back as one array when its last is there."""

    def __init__(self, count: int, *, is_batch: bool, send: Callable[[bytes], None]) -> None:
        self._missing = count
        self._is_batch = is_batch
        self._send = send
        self._replies: list[bytes] = []

    def add(self, reply: bytes | None) -> None:
        """Count one item as served; None when it gets no reply."""
        self._missing -= 1
        if reply is not None:
            self._replies.append(reply)
        if self._missing == 0 and self._replies:
            self._send(jsonrpc.batch(self._replies) if self._is_batch else self._replies[0])


def given_up(call: jsonrpc.Call) -> tuple[RequestId, str]:
    """The id of the request that a call gives up, and the reason, by either of the two ways to say so.

    Raises:
        InvalidParams: its parameters name none.
    """
    if call.method == "$/cancelRequest":
        return jsonrpc.params_as(_CancelRequest, call.params).id, ""
    note = jsonrpc.params_as(_CancelledNote, call.params)
    return note.request_id, note.reason
