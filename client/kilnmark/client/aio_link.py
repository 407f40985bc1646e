"""The asyncio flavour's socket: one task reads it and hands each event to the call it belongs to.

`AsyncLinks` connects when there is something to ask. This is written by hand, as its blocking counterpart in
`sync_link` is: what waits, and for whom, is where the flavours differ. It knows neither methods nor results; `aio`
gives it calls, and `connection` the meaning of bytes.
"""

import asyncio
import os
import socket
import time
from contextlib import suppress
from typing import TypeVar

import msgspec

from kilnmark.client.connection import Alive, Answered, Connection, Event, Progressed, Raised, Watched
from kilnmark.client.dial import Absence, Places, has_hung_up, pause_before
from kilnmark.client.errors import (
    BadReply,
    ConnectionLost,
    DaemonUnavailable,
    ForkedClient,
    ReplyTimeout,
    SilenceTimeout,
)
from kilnmark.client.timeouts import Bound, Patience, Timeouts
from kilnmark.client.tracing import Carrier
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.methods import PING, WireMethod
from kilnmark.protocol.wire.requests import PingParams

__all__ = ["AsyncLink", "AsyncLinks"]

P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)

_CHUNK = 65536
CROWDED = 1000
"""News that wait for one who watches before steps and previews among them are missed: their reader is slow."""

_FAREWELL = 1.0
"""Seconds that closing waits for a daemon to read, at most."""


class AsyncLink:
    """One connected socket, the state of its calls, and the task that reads it.

    Attributes:
        was_left: Its client hung up on purpose: no call is to be sent again.
    """

    def __init__(self, sock: socket.socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sock = sock
        self._reader = reader
        self._writer = writer
        self._calls = Connection()
        self._inbox: dict[int, asyncio.Queue[Progressed | Watched | Answered | Raised]] = {}
        self._heard_at = time.monotonic()
        self._has_cancelled = False
        self.was_left = False
        self._listener = asyncio.create_task(self._listen())

    def is_usable(self) -> bool:
        """Not closed from either side."""
        return not (self._listener.done() or self._writer.is_closing() or has_hung_up(self._sock))

    async def close(self) -> None:
        """Hang up, once the daemon has surely read the last cancel, and wait until the listener has left.

        A peer that writes to a closed socket may never read what lies before its end; an answered ping proves that
        it has read so far.
        """
        if self._has_cancelled and self.is_usable():
            with suppress(KilnmarkError):
                patience = Patience("ping", time.monotonic(), whole=Bound(_FAREWELL, ReplyTimeout))
                await self.next_event(self.begin(PING, PingParams(), patience, Carrier()), patience)
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        await asyncio.wait([self._listener])

    async def _listen(self) -> None:
        """Read until either side hangs up; then every call that still waits fails with the reason."""
        reason = "it was closed"
        problem: str | None = None
        try:
            while data := await self._reader.read(_CHUNK):
                self._heard_at = time.monotonic()
                for event in self._calls.receive(data):
                    self._deliver(event)
            if not self._writer.is_closing():
                reason = "the daemon closed it"
        except BadReply as error:
            problem = error.problem
        except ConnectionLost as error:
            reason = error.reason
        except OSError as error:
            reason = str(error)
        finally:
            self._fail_all(reason, problem)
            self._writer.close()

    def _deliver(self, event: Event) -> None:
        if isinstance(event, Alive):
            return
        inbox = self._inbox[event.request]
        if isinstance(event, Watched) and event.may_be_missed and inbox.qsize() >= CROWDED:
            return
        inbox.put_nowait(event)

    def _fail_all(self, reason: str, problem: str | None) -> None:
        """Each call gets an error of its own: one that several tasks raise would gather their tracebacks."""
        pending = self._calls.pending
        for request in self._inbox:
            if self._calls.is_open(request):
                self._calls.forget(request)
                error = ConnectionLost(pending, reason) if problem is None else BadReply(problem)
                self._deliver(Raised(request, error))

    def begin(self, method: WireMethod[P, R], params: P, patience: Patience, carrier: Carrier) -> int:
        """Open a call and send it, without waiting.

        Raises:
            TimedOut: the patience is at an end already.
        """
        patience.left(self._heard_at)
        request, line = self._calls.begin(method, params, carrier.traceparent, carrier.tracestate)
        self._inbox[request] = asyncio.Queue()
        self._writer.write(line)
        return request

    async def next_event(self, request: int, patience: Patience) -> Progressed | Watched | Answered:
        """Wait for something about one call.

        Raises:
            KilnmarkError: what the call ended with, in place of an answer.
        """
        inbox = self._inbox[request]
        event: Progressed | Watched | Answered | Raised | None = None
        while event is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience.left(self._heard_at)):
                    event = await inbox.get()
        if isinstance(event, Raised):
            raise event.error
        return event

    def end(self, request: int) -> None:
        """Drop what is kept for a call that is over."""
        self._calls.forget(request)
        self._inbox.pop(request, None)

    def give_up(self, method: WireMethod[P, R], request: int, error: BaseException) -> bool:
        """Leave a call early: a lasting one is cancelled, and only a daemon that is silent to all is hung up on.

        Returns:
            Whether the daemon is told of it, or has nothing to be told.
        """
        if not self._calls.is_open(request):
            return True
        line = self._calls.cancel(request, type(error).__name__)
        if is_told := not self._writer.is_closing() and method.lasting:
            self._writer.write(line)
            self._has_cancelled = True
        if isinstance(error, SilenceTimeout):
            self._writer.close()
        return is_told or not method.lasting


class AsyncLinks:
    """The one link that a client has at a time, made when it is first needed and again when it was lost.

    Args:
        places: Where the daemon is looked for.
        timeouts: Bounds connecting.
    """

    def __init__(self, places: Places, timeouts: Timeouts) -> None:
        self._places = places
        self._timeouts = timeouts
        self._link: AsyncLink | None = None
        self._process = os.getpid()
        self._absence = Absence(timeouts.start)
        self._connecting = asyncio.Lock()

    async def connected(self, call: Patience) -> AsyncLink:
        """A link that can be used.

        Args:
            call: Bounds all waiting.

        Raises:
            DaemonUnavailable: nobody listens, for as long as that was waited for.
            ConnectTimeout: the daemon's backlog stayed full.
            UntrustedSocket: another user listens, or could.
            TimedOut: the call's own patience is at an end.
            ForkedClient: the link is another process's.
        """
        if self._link is not None and self._process != os.getpid():
            raise ForkedClient(self._process)
        async with self._connecting:
            if self._link is None or not self._link.is_usable():
                self._link = await self._dial(call)
            return self._link

    async def close(self) -> None:
        """Hang up. Calls that still wait end with `ConnectionLost`."""
        link, self._link = self._link, None
        if link is not None and self._process == os.getpid():
            link.was_left = True
            await link.close()

    async def rest(self, call: Patience, seconds: float) -> None:
        """Wait before a call is sent again."""
        await asyncio.sleep(call.within(seconds))

    async def _dial(self, call: Patience) -> AsyncLink:
        sock = await self._connect(call)
        self._process = os.getpid()
        self._absence.end()
        self._absence.limit = self._timeouts.away
        try:
            return AsyncLink(sock, *await asyncio.open_unix_connection(sock=sock))
        except BaseException:
            sock.close()
            raise

    async def _connect(self, call: Patience) -> socket.socket:
        patience, attempt = self._timeouts.for_connect(self._places.path), 1
        while True:
            try:
                if (sock := self._places.try_to_connect()) is not None:
                    return sock
            except DaemonUnavailable as error:
                pause = self._absence.pause(error)
            else:
                attempt += 1
                pause = pause_before(attempt, patience.left())
            await asyncio.sleep(call.within(pause))
