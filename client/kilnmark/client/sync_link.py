"""The blocking flavour's socket: sends a call's line and waits for its events, and nothing else.

`BlockingLinks` connects when there is something to ask. This is written by hand, as its counterpart in `aio_link` is:
what waits, and for whom, is where the flavours differ. It knows neither methods nor results; `sync` gives it calls, and
`connection` the meaning of bytes.
"""

import os
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TypeVar

import msgspec

from kilnmark.client.connection import Alive, Answered, Connection, Progressed, Raised, Watched
from kilnmark.client.dial import Absence, Places, has_hung_up, pause_before
from kilnmark.client.errors import (
    BadReply,
    ConnectionLost,
    DaemonUnavailable,
    ForkedClient,
    RenderTimeout,
    ReplyTimeout,
    SilenceTimeout,
)
from kilnmark.client.timeouts import Bound, Patience, Timeouts
from kilnmark.client.tracing import Carrier
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.methods import PING, WireMethod
from kilnmark.protocol.wire.requests import PingParams

__all__ = ["BlockingLink", "BlockingLinks"]

P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)

_CHUNK = 65536
_FAREWELL = 1.0
"""Seconds that telling the daemon about an abandoned call may take, at most."""


class BlockingLink:
    """One connected socket, the state of its calls, and the events that arrived for a call while another waited.

    Attributes:
        was_left: Its client hung up on purpose: no call is to be sent again.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._calls = Connection()
        self._inbox: dict[int, deque[Progressed | Watched | Answered | Raised]] = {}
        self._heard_at = time.monotonic()
        self._has_cancelled = False
        self.was_left = False

    def is_usable(self) -> bool:
        """Not closed from either side."""
        return not has_hung_up(self._sock)

    def close(self) -> None:
        """Hang up, once the daemon has surely read the last cancel.

        A peer that writes to a closed socket may never read what lies before its end; an answered ping proves that
        it has read so far.
        """
        if self._has_cancelled and self._sock.fileno() >= 0:
            self._has_cancelled = False
            with suppress(OSError, KilnmarkError):
                self._await_pong()
        self.abandon()

    def forget(self) -> None:
        """Let go of a socket that another process reads, which goes on with it."""
        self._sock.close()

    def abandon(self) -> None:
        """Hang up at once, and wake whoever reads it in another thread."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _await_pong(self) -> None:
        patience = Patience("ping", time.monotonic(), whole=Bound(_FAREWELL, ReplyTimeout))
        request = self.begin(PING, PingParams(), patience, Carrier())
        while self._calls.is_open(request):
            with suppress(BadReply):
                self._receive(patience)

    def begin(self, method: WireMethod[P, R], params: P, patience: Patience, carrier: Carrier) -> int:
        """Open a call and send it."""
        request, line = self._calls.begin(method, params, carrier.traceparent, carrier.tracestate)
        self._inbox[request] = deque()
        try:
            self._sock.settimeout(patience.left(self._heard_at))
            self._sock.sendall(line)
        except OSError as error:
            self._sock.close()
            raise ConnectionLost(self._calls.pending, f"sending failed: {error}") from error
        except BaseException:
            self._sock.close()
            raise
        return request

    def next_event(self, request: int, patience: Patience) -> Progressed | Watched | Answered:
        """Wait for something about one call; what arrives for others meanwhile is kept for them.

        Raises:
            KilnmarkError: what the call ended with, in place of an answer.
        """
        inbox = self._inbox[request]
        while not inbox:
            self._receive(patience)
        event = inbox.popleft()
        if isinstance(event, Raised):
            raise event.error
        return event

    def _receive(self, patience: Patience) -> None:
        left = patience.left(self._heard_at)
        try:
            self._sock.settimeout(left)
            data = self._sock.recv(_CHUNK)
        except TimeoutError:
            return
        except OSError as error:
            raise ConnectionLost(self._calls.pending, str(error)) from error
        if not data:
            raise ConnectionLost(self._calls.pending, "the daemon closed it")
        self._heard_at = time.monotonic()
        for event in self._calls.receive(data):
            if not isinstance(event, Alive):
                self._inbox[event.request].append(event)

    def end(self, request: int) -> None:
        """Drop what is kept for a call that is over."""
        self._calls.forget(request)
        self._inbox.pop(request, None)

    def give_up(self, method: WireMethod[P, R], request: int, error: BaseException) -> bool:
        """Leave a call early: a lasting one is cancelled, and the connection is kept only where it can be trusted.

        Returns:
            Whether the daemon is told of it, or has nothing to be told.
        """
        if not self._calls.is_open(request):
            return True
        line = self._calls.cancel(request, type(error).__name__)
        is_told = not method.lasting
        try:
            if method.lasting and self._sock.fileno() >= 0:
                self._sock.settimeout(_FAREWELL)
                self._sock.sendall(line)
                is_told = self._has_cancelled = True
        except OSError:
            self._sock.close()
        if isinstance(error, SilenceTimeout | ConnectionLost | BadReply):
            self._sock.close()
        elif not isinstance(error, GeneratorExit | RenderTimeout | ReplyTimeout):
            self.close()
        return is_told


class BlockingLinks:
    """The link of each thread that uses a client, made when it is first needed and again when it was lost.

    Args:
        places: Where the daemon is looked for.
        timeouts: Bounds connecting.
    """

    def __init__(self, places: Places, timeouts: Timeouts) -> None:
        self._places = places
        self._timeouts = timeouts
        self._links: dict[threading.Thread, BlockingLink] = {}
        self._changing = threading.Lock()
        self._process = os.getpid()
        self._absence = Absence(timeouts.start)

    def connected(self, call: Patience) -> BlockingLink:
        """A link that can be used, by this thread.

        Args:
            call: Bounds all waiting.

        Raises:
            DaemonUnavailable: nobody listens, for as long as that was waited for.
            ConnectTimeout: the daemon's backlog stayed full.
            UntrustedSocket: another user listens, or could.
            TimedOut: the call's own patience is at an end.
            ForkedClient: the links are another process's.
        """
        if self._links and self._process != os.getpid():
            raise ForkedClient(self._process)
        link = self._links.get(threading.current_thread())
        if link is None or not link.is_usable():
            if link is not None:
                link.close()
            link = self._dial(call)
        return link

    def close(self) -> None:
        """Hang up, in every thread. Calls that still wait in a stream end with `ConnectionLost`."""
        with self._changing:
            links, self._links = self._links, {}
        if self._process != os.getpid():
            for link in links.values():
                link.forget()
            return
        own = links.pop(threading.current_thread(), None)
        for link in links.values():
            link.was_left = True
            link.abandon()
        if own is not None:
            own.was_left = True
            own.close()

    def rest(self, call: Patience, seconds: float) -> None:
        """Wait before a call is sent again."""
        time.sleep(call.within(seconds))

    def _dial(self, call: Patience) -> BlockingLink:
        link = BlockingLink(self._connect(call))
        self._absence.end()
        self._absence.limit = self._timeouts.away
        with self._changing:
            self._process = os.getpid()
            for thread in [thread for thread in self._links if not thread.is_alive()]:
                self._links.pop(thread).abandon()
            self._links[threading.current_thread()] = link
        return link

    def _connect(self, call: Patience) -> socket.socket:
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
            time.sleep(call.within(pause))
