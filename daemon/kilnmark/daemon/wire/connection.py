"""One client's connection: bytes to calls, replies to bytes, and the rules of its life.

Its calls run side by side and are answered in any order. What a method does is not known here. A half-closed client
still waits for its replies; a closed one does not, and its renders are given up unless it named them.
"""

import asyncio
import logging
import os
import select
from collections.abc import Callable
from functools import partial
from typing import cast

import msgspec

from kilnmark.daemon.wire.dispatch import Dispatch
from kilnmark.daemon.wire.exchange import Exchange, RequestId
from kilnmark.keymaps.files.owners import peer_uid
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.errors import Cancelled, InvalidRequest, ParseError, RequestError
from kilnmark.protocol.wire.framing import LineSplitter, OversizedFrame

__all__ = ["ServedConnection"]

_log = logging.getLogger(__name__)

UNSENT_LIMIT = 4 << 20
"""Bytes a client may leave unread before it is dropped."""

HANG_UP_CHECK = 0.5
"""Seconds between looks whether a client that has said its last word is still there to hear the reply."""


class _CancelRequest(msgspec.Struct, frozen=True):
    """`$/cancelRequest`."""

    id: RequestId


class _CancelledNote(msgspec.Struct, frozen=True):
    """`notifications/cancelled`."""

    request_id: RequestId = msgspec.field(name="requestId")
    reason: str = ""


class _Answers:
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


class ServedConnection(asyncio.Protocol):
    """A protocol instance for one accepted client.

    Args:
        dispatch: Answers the calls.
        connections: Every living connection; this one adds and removes itself.

    Attributes:
        gone: Done once the connection is closed.
    """

    def __init__(self, settings: Settings, dispatch: Dispatch, connections: "set[ServedConnection]") -> None:
        self._settings = settings
        self._dispatch = dispatch
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self._splitter = LineSplitter()
        self._exchanges: set[Exchange] = set()
        self._quiet: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected; only our own user is served."""
        self._transport = cast("asyncio.Transport", transport)
        handle = self._transport.get_extra_info("socket").fileno()
        try:
            uid = peer_uid(handle)
        except OSError as error:
            _log.error("a client was refused: its user is not known (%s)", error)
            self._transport.abort()
            return
        if uid != os.geteuid():
            _log.error("a client was refused: it belongs to user %d", uid)
            self._transport.abort()
            return
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Serve every line that these bytes complete."""
        self._stop_quiet_timer()
        for frame in self._splitter.feed(data):
            self._frame(frame)
        if self._splitter.pending:
            self._quiet = self._loop.call_later(self._settings.quiet_flush, self._take_unterminated)

    def eof_received(self) -> bool:
        """The client sends no more; it stays connected until it has its replies, or hangs up."""
        self._stop_quiet_timer()
        if (value := self._splitter.take_unterminated()) is not None:
            self._frame(value)
        elif self._splitter.pending:
            problem = "the last line ended within a JSON value; send it whole"
            self._send(jsonrpc.failure(b"null", ParseError(problem)))
        self.leave_when_served()
        self._look_for_hang_up()
        return True

    def connection_lost(self, _exc: Exception | None) -> None:
        """Both directions are closed; nobody can hear a reply."""
        self.gone.set_result(None)
        self._stop_quiet_timer()
        self._transport = None
        self._connections.discard(self)
        for exchange in list(self._exchanges):
            exchange.lose()

    def leave_when_served(self) -> None:
        """Close once every call under way has its reply."""
        self._leaving = True
        if not self._exchanges and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever was not sent."""
        if self._transport is not None:
            self._transport.abort()

    def _stop_quiet_timer(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None

    def _take_unterminated(self) -> None:
        self._quiet = None
        if (value := self._splitter.take_unterminated()) is not None:
            self._frame(value)

    def _frame(self, line: bytes | OversizedFrame) -> None:
        if isinstance(line, OversizedFrame):
            problem = f"a line may have {line.limit} bytes; this one was longer and was thrown away, send less"
            self._send(jsonrpc.failure(b"null", InvalidRequest(problem)))
            return
        frame = jsonrpc.read_frame(line)
        answers = _Answers(len(frame.items), is_batch=frame.is_batch, send=self._send)
        for item in frame.items:
            if isinstance(item, jsonrpc.Refusal):
                answers.add(jsonrpc.failure(item.id, item.error))
            elif item.method in ("$/cancelRequest", "notifications/cancelled"):
                answers.add(self._cancel(item))
            else:
                self._serve(item, answers)

    def _serve(self, call: jsonrpc.Call, answers: _Answers) -> None:
        exchange = Exchange(call, self._send, self._settings.heartbeat_interval)
        exchange.task = self._loop.create_task(self._dispatch.answer(exchange))
        self._exchanges.add(exchange)
        exchange.task.add_done_callback(partial(self._served, exchange, answers))

    def _served(self, exchange: Exchange, answers: _Answers, task: asyncio.Task[bytes]) -> None:
        self._exchanges.discard(exchange)
        id_ = exchange.call.id
        if task.cancelled():
            reason = exchange.cancelled_because or "no reason was given"
            error = Cancelled(f"the request was cancelled: {reason}")
            reply = jsonrpc.failure(id_ or b"null", error)
        else:
            reply = task.result()
        answers.add(None if id_ is None else reply)
        if self._leaving:
            self.leave_when_served()

    def _cancel(self, call: jsonrpc.Call) -> bytes | None:
        """Both ways to give up a request of this connection; the reply is that request's own -32800."""
        try:
            if call.method == "$/cancelRequest":
                id_, reason = jsonrpc.params_as(_CancelRequest, call.params).id, ""
            else:
                note = jsonrpc.params_as(_CancelledNote, call.params)
                id_, reason = note.request_id, note.reason
        except RequestError as error:
            return None if call.id is None else jsonrpc.failure(call.id, error)
        for exchange in [e for e in self._exchanges if e.is_called(id_)]:
            exchange.cancel(reason)
        return None if call.id is None else jsonrpc.result(call.id, None)

    def _send(self, message: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(message + b"\n")
        if self._transport.get_write_buffer_size() > UNSENT_LIMIT:
            _log.warning("a client was dropped: it left more than %d bytes unread", UNSENT_LIMIT)
            self._transport.abort()

    def _look_for_hang_up(self) -> None:
        """After its end of file a closed client looks like a half-closed one, unless one asks for a hang-up."""
        if self._transport is None or self._transport.is_closing():
            return
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLOUT)
        if any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0)):
            self._transport.abort()
        else:
            self._loop.call_later(HANG_UP_CHECK, self._look_for_hang_up)
