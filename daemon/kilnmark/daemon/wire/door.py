"""The listening socket on an event loop: clients are let in here, and it is seen to that they can come at all.

The loops' own servers are not used: they hang up on clients when descriptors run out, or stop listening for a second,
and know nothing of a socket that was removed. What a client says is not known here.
"""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable

from kilnmark.daemon.wire.socket import Listener
from kilnmark.protocol.errors import KilnmarkError

__all__ = ["Door"]

_log = logging.getLogger(__name__)

LOOK_INTERVAL = 1.0
"""Seconds between looks whether the socket is still where clients look for it."""

RESERVE = 8
"""Descriptors kept back, so that so many clients can still ask what is wrong when all others are used up."""

PAUSE = 0.1
"""Seconds before another client is let in, once the reserve is used up too."""

AT_ONCE = 64
"""Clients let in before whoever was let in already has a turn."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Door:
    """Lets clients in from `open` to `close`.

    Args:
        listener: The bound socket; it stays the caller's to close.
        serve: Makes the protocol of one client.
        lost: Called with the reason when the socket's path is somebody else's now: no client can come any more.
    """

    def __init__(
        self, listener: Listener, serve: Callable[[], asyncio.Protocol], lost: Callable[[KilnmarkError], None]
    ) -> None:
        self._listener = listener
        self._serve = serve
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[None]] = set()
        self._reserve: list[int] = []
        self._look: asyncio.TimerHandle | None = None
        self._resume: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Begin to let clients in."""
        self._fill_reserve()
        self._listen()
        self._look = self._loop.call_later(LOOK_INTERVAL, self._look_after)

    def close(self) -> None:
        """Let nobody in any more; whoever waits is hung up on."""
        for timer in (self._look, self._resume):
            if timer is not None:
                timer.cancel()
        if self._listener.socket.fileno() >= 0:
            self._loop.remove_reader(self._listener.socket)
            self._listener.socket.close()
        for task in self._entering:
            task.cancel()
        while self._reserve:
            os.close(self._reserve.pop())

    def _listen(self) -> None:
        self._resume = None
        self._loop.add_reader(self._listener.socket, self._let_in)

    def _let_in(self) -> None:
        """Everybody who waits, up to a number: those that are in have their turn, too."""
        for _ in range(AT_ONCE):
            try:
                client, _ = self._listener.socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                if not self._draw_on_reserve(error):
                    return
            else:
                task = self._loop.create_task(self._enter(client))
                self._entering.add(task)
                task.add_done_callback(self._entering.discard)

    async def _enter(self, client: socket.socket) -> None:
        client.settimeout(0)
        try:
            await self._loop.connect_accepted_socket(self._serve, client)
        except OSError as error:
            _log.error("a client could not be let in (%s)", error)
            client.close()

    def _draw_on_reserve(self, error: OSError) -> bool:
        """Make room for one more client; without any, pause, and leave those who wait where they are."""
        if self._reserve:
            os.close(self._reserve.pop())
            if len(self._reserve) == RESERVE - 1:
                _log.error("no descriptors are left (%s): clients are let in from a reserve of %d", error, RESERVE)
            return True
        self._loop.remove_reader(self._listener.socket)
        self._resume = self._loop.call_later(PAUSE, self._listen)
        return False

    def _fill_reserve(self) -> None:
        try:
            while len(self._reserve) < RESERVE:
                self._reserve.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise

    def _look_after(self) -> None:
        """See to the path and to the reserve, now and then."""
        self._fill_reserve()
        try:
            if not self._listener.is_intact():
                self._restore()
        except KilnmarkError as error:
            _log.critical("nobody can reach this daemon any more: %s", error)
            self._lost(error)
            return
        except OSError as error:
            _log.error("whether clients can still reach %s is not known (%s)", self._listener.path, error)
        self._look = self._loop.call_later(LOOK_INTERVAL, self._look_after)

    def _restore(self) -> None:
        self._let_in()
        if self._resume is not None:
            self._resume.cancel()
        self._loop.remove_reader(self._listener.socket)
        try:
            amiss = self._listener.restore()
        finally:
            self._listen()
        _log.warning("%s: %s, and is there again", self._listener.path, amiss)
