"""One client's connection: lines to calls, replies to bytes, and the rules of its life.

Its calls run side by side and are answered in any order. What a method does is not known here. A half-closed client
still waits for its replies; a closed one does not, and its renders are given up unless it named them. One that does not
read what it asked for is asked for nothing more, and hung up on when it reads nothing at all.
"""

import asyncio
import logging
import os
import select
from collections import deque
from functools import partial
from typing import cast

from kilnmark.daemon.wire.answers import Answers, given_up
from kilnmark.daemon.wire.dispatch import Dispatch
from kilnmark.daemon.wire.exchange import Exchange
from kilnmark.daemon.wire.incoming import Incoming, Line
from kilnmark.daemon.wire.refused import process_behind
from kilnmark.keymaps.files.owners import peer_uid
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.errors import Cancelled, InvalidRequest, ParseError, QueueFull, RequestError
from kilnmark.protocol.wire.framing import OversizedFrame

__all__ = ["ServedConnection"]

_log = logging.getLogger(__name__)

HANG_UP_CHECK = 0.5
"""Seconds between looks whether a client that has said its last word is still there to hear the reply."""

AT_ONCE = 8
"""Requests that are begun before other clients have a turn, and before the replies are counted as unread."""


HELD = 1 << 18
"""Bytes of lines that wait for their turn before no more are read."""


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
        self._waiting: deque[Line] = deque()
        self._begun: deque[tuple[jsonrpc.Call | jsonrpc.Refusal, Answers]] = deque()
        self._incoming = Incoming(settings, self._take, self._be_too_slow)
        self._exchanges: set[Exchange] = set()
        self._unread_check: asyncio.TimerHandle | None = None
        self._next_turn: asyncio.Handle | None = None
        self._transport: asyncio.Transport | None = None
        self._asked_by = ""
        self._leaving = False
        self._held = 0
        self._reads = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected; only our own user is served, and so many at once."""
        self._transport = cast("asyncio.Transport", transport)
        if (problem := self._stranger()) is not None:
            _log.error("a client was refused: %s", problem)
            self._transport.abort()
            return
        limit = self._settings.connection_limit
        if len(self._connections) >= limit:
            _log.warning("a client was refused: %d are connected (connection_limit)", limit)
            problem = f"{limit} clients are connected, and no more may be (connection_limit); try again later"
            self._dispatch.refused.count("connection_limit")
            self._send(jsonrpc.failure(b"null", QueueFull(problem)))
            self._transport.close()
            return
        unread = self._settings.unread_bytes
        self._transport.set_write_buffer_limits(high=unread, low=unread // 2)
        self._connections.add(self)
        self._asked_by = process_behind(self._transport.get_extra_info("socket").fileno())

    def data_received(self, data: bytes) -> None:
        """Serve every line that these bytes complete."""
        if self._transport is not None and not self._transport.is_closing():
            self._incoming.feed(data)

    def eof_received(self) -> bool:
        """The client sends no more; it stays connected until it has its replies, or hangs up."""
        if not self._incoming.end():
            problem = "the last line ended within a JSON value; send it whole"
            self._send(jsonrpc.failure(b"null", ParseError(problem)))
        self.leave_when_served()
        self._look_for_hang_up()
        return True

    def pause_writing(self) -> None:
        """The client has left too much unread: nothing more is begun for it until it has read."""
        self._watch_unread(cast("asyncio.Transport", self._transport).get_write_buffer_size())
        self._read_or_not()

    def resume_writing(self) -> None:
        """It has read enough."""
        if self._unread_check is not None:
            self._unread_check.cancel()
            self._unread_check = None
        self._go_on_soon()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Both directions are closed; nobody can hear a reply."""
        self.gone.set_result(None)
        self._incoming.stop()
        self._waiting.clear()
        self._begun.clear()
        for handle in (self._unread_check, self._next_turn):
            if handle is not None:
                handle.cancel()
        self._transport = None
        self._connections.discard(self)
        for exchange in list(self._exchanges):
            exchange.lose()

    def leave_when_served(self) -> None:
        """Close once every call under way has its reply."""
        self._leaving = True
        is_served = not (self._exchanges or self._waiting or self._begun)
        if is_served and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever was not sent."""
        if self._transport is not None:
            self._transport.abort()

    def _stranger(self) -> str | None:
        """Why the client is not served at all; None for our own user."""
        try:
            uid = peer_uid(cast("asyncio.Transport", self._transport).get_extra_info("socket").fileno())
        except OSError as error:
            return f"its user is not known ({error})"
        return None if uid == os.geteuid() else f"it belongs to user {uid}"

    def _be_too_slow(self) -> None:
        seconds = self._settings.line_timeout
        _log.warning("a client was hung up on: its line was under way for %g s (line_timeout)", seconds)
        problem = f"a line was not whole within {seconds:g} s (line_timeout); send lines at once, each with its newline"
        self._send(jsonrpc.failure(b"null", InvalidRequest(problem)))
        self._held = 2 * HELD  # nothing that comes now is read
        self._read_or_not()
        self.leave_when_served()

    def _watch_unread(self, before: int) -> None:
        """Hang up on a client of whose unread bytes nothing was read since the last look."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        unread = transport.get_write_buffer_size()
        if self._unread_check is not None and unread >= before:
            seconds = self._settings.unread_timeout
            _log.warning("a client was hung up on: it read none of %d bytes for %g s (unread_timeout)", unread, seconds)
            transport.abort()
            return
        self._unread_check = self._loop.call_later(self._settings.unread_timeout, self._watch_unread, unread)

    def _take(self, line: Line) -> None:
        self._waiting.append(line)
        self._held += len(line) if isinstance(line, bytes) else 0
        self._read_or_not()
        self._go_on_soon()

    def _read_or_not(self) -> None:
        """Read on only while the client reads, too, and what it sent has its turn soon."""
        reads = self._unread_check is None and self._held <= HELD
        if reads != self._reads and self._transport is not None and not self._transport.is_closing():
            self._reads = reads
            (self._transport.resume_reading if reads else self._transport.pause_reading)()

    def _go_on_soon(self) -> None:
        if self._next_turn is None:
            self._next_turn = self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """Begin what waits: a few requests at a time, and none while too much is unread."""
        self._next_turn = None
        for _ in range(AT_ONCE):
            if not (self._begun or self._waiting) or self._unread_check is not None:
                break
            if self._begun:
                self._item(*self._begun.popleft())
            else:
                line = self._waiting.popleft()
                self._held -= len(line) if isinstance(line, bytes) else 0
                self._frame(line)
        else:
            self._go_on_soon()
        self._read_or_not()
        if self._leaving:
            self.leave_when_served()

    def _frame(self, line: Line) -> None:
        if isinstance(line, OversizedFrame):
            problem = f"a line may have {line.limit} bytes; this one was longer and was thrown away, send less"
            self._send(jsonrpc.failure(b"null", InvalidRequest(problem)))
            return
        frame = jsonrpc.read_frame(line)
        answers = Answers(len(frame.items), is_batch=frame.is_batch, send=self._send)
        self._begun.extend((item, answers) for item in frame.items)

    def _item(self, item: jsonrpc.Call | jsonrpc.Refusal, answers: Answers) -> None:
        if isinstance(item, jsonrpc.Refusal):
            self._dispatch.refused.tell("", item.error, self._asked_by)
            answers.add(jsonrpc.failure(item.id, item.error))
        elif item.method in ("$/cancelRequest", "notifications/cancelled"):
            answers.add(self._cancel(item))
        elif len(self._exchanges) >= self._settings.request_limit:
            answers.add(self._refuse(item))
        else:
            self._serve(item, answers)

    def _refuse(self, call: jsonrpc.Call) -> bytes | None:
        limit = self._settings.request_limit
        problem = f"{limit} requests are under way on this connection, as many as may be (request_limit); wait for one"
        error = QueueFull(problem)
        self._dispatch.refused.tell(call.method, error, self._asked_by)
        return None if call.id is None else jsonrpc.failure(call.id, error)

    def _serve(self, call: jsonrpc.Call, answers: Answers) -> None:
        exchange = Exchange(call, self._send, self._settings.heartbeat_interval, self._asked_by, self._unread)
        exchange.task = self._loop.create_task(self._dispatch.answer(exchange))
        self._exchanges.add(exchange)
        exchange.task.add_done_callback(partial(self._served, exchange, answers))

    def _served(self, exchange: Exchange, answers: Answers, task: asyncio.Task[bytes]) -> None:
        self._exchanges.discard(exchange)
        id_ = exchange.call.id
        if task.cancelled():
            reason = exchange.cancelled_because or "no reason was given"
            error = Cancelled(f"the request was cancelled: {reason}")
            reply = jsonrpc.failure(id_ or b"null", error)
        else:
            reply = task.result()
        answers.add(None if id_ is None else reply, id_)
        if self._leaving:
            self.leave_when_served()

    def _cancel(self, call: jsonrpc.Call) -> bytes | None:
        """Both ways to give up a request of this connection; the reply is that request's own -32800."""
        try:
            id_, reason = given_up(call)
        except RequestError as error:
            return None if call.id is None else jsonrpc.failure(call.id, error)
        for exchange in [e for e in self._exchanges if e.is_called(id_)]:
            exchange.cancel(reason)
        return None if call.id is None else jsonrpc.result(call.id, None)

    def _unread(self) -> int:
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _send(self, message: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(message + b"\n")

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
