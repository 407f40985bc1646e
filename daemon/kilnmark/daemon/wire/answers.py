"""What belongs to a line rather than to a request: replies that go back together, and which request is given up by it.

Nothing is served here, and no connection is known.
"""

from collections.abc import Callable

import msgspec

from kilnmark.daemon.wire.exchange import RequestId
from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.errors import InvalidRequest
from kilnmark.protocol.wire.jsonrpc import REPLIES_LIMIT, SMALL_REPLY

__all__ = ["Answers", "given_up"]


class _CancelRequest(msgspec.Struct, frozen=True):
    """`$/cancelRequest`."""

    id: RequestId


class _CancelledNote(msgspec.Struct, frozen=True):
    """`notifications/cancelled`."""

    request_id: RequestId = msgspec.field(name="requestId")
    reason: str = ""


class Answers:
    """The replies of one line: one, or a batch that goes back as one array when its last is there.

    A batch is held until then, so that only so much of it is: a large reply that does not fit is to be asked for apart.
    """

    def __init__(self, count: int, *, is_batch: bool, send: Callable[[bytes], None]) -> None:
        self._missing = count
        self._is_batch = is_batch
        self._send = send
        self._replies: list[bytes] = []
        self._size = 0

    def add(self, reply: bytes | None, id_: bytes | None = None) -> None:
        """Count one item as served.

        Args:
            reply: None when it gets none.
            id_: Of its request, as JSON.
        """
        self._missing -= 1
        if reply is not None:
            if self._is_batch and len(reply) > SMALL_REPLY and self._size + len(reply) > REPLIES_LIMIT:
                reply = jsonrpc.failure(id_ or b"null", _too_large(len(reply)))
            self._size += len(reply)
            self._replies.append(reply)
        if self._missing == 0 and self._replies:
            self._send(jsonrpc.batch(self._replies) if self._is_batch else self._replies[0])


def _too_large(size: int) -> InvalidRequest:
    limit = REPLIES_LIMIT >> 20
    return InvalidRequest(
        f"its reply has {size:,} bytes, and the replies of a batch have {limit} MB together; ask for it in a line "
        "of its own, or for less"
    )


def given_up(call: jsonrpc.Call) -> tuple[RequestId, str]:
    """The id of the request that a call gives up, and the reason, by either of the two ways to say so.

    Raises:
        InvalidParams: its parameters name none.
    """
    if call.method == "$/cancelRequest":
        return jsonrpc.params_as(_CancelRequest, call.params).id, ""
    note = jsonrpc.params_as(_CancelledNote, call.params)
    return note.request_id, note.reason
