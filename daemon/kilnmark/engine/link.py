"""The worker's end of the socket pair: commands in, events out, and a beat that says the process is alive.

Two threads serve it, so that the main thread, which does all MLX work, never waits for a message. When the daemon is
gone the process leaves at once: a worker without a daemon has nobody to paint for.
"""

import logging
import os
import queue
import socket
import threading
from collections.abc import Callable

import msgspec

from kilnmark.protocol.wire.asides import ShowPreviews
from kilnmark.protocol.wire.framing import LineSplitter
from kilnmark.protocol.wire.work import (
    Beat,
    CancelRender,
    Command,
    Event,
    Exit,
    Failed,
    Finished,
    Prefetch,
    RenderCommand,
    decode_command,
    encode,
)

__all__ = ["BEAT_INTERVAL", "Link"]

log = logging.getLogger(__name__)

BEAT_INTERVAL = 1.0
"""Seconds between beats."""

_CHUNK = 1 << 16


def _unheeded(_: Prefetch) -> None:
    """Nobody reads ahead yet."""


class Link:
    """The socket to the daemon, with the commands that wait and the renders that were cancelled.

    Attributes:
        on_prefetch: Called, from the listening thread, with what the next render will need.
        shows_previews: Whether somebody looks at pictures of renders under way.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.on_prefetch: Callable[[Prefetch], None] = _unheeded
        self.shows_previews = False
        self._socket = connection
        self._sending = threading.Lock()
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._leaving = threading.Event()

    def start(self) -> None:
        """Begin to listen and to beat."""
        threading.Thread(target=self._listen, name="commands", daemon=True).start()
        threading.Thread(target=self._beat, name="beat", daemon=True).start()

    def send(self, event: Event) -> None:
        """Send one event, from any thread. Ends the process when the daemon is gone."""
        try:
            with self._sending:
                self._socket.sendall(encode(event))
        except OSError:
            self._abandon()

    @property
    def is_waiting(self) -> bool:
        """There is a next command already."""
        return not self._commands.empty()

    def next_command(self) -> Command:
        """Wait for the next command; cancellations do not come this way."""
        return self._commands.get()

    def is_cancelled(self, job_id: str) -> bool:
        """Whether this render, or the whole process, was told to stop."""
        return self._leaving.is_set() or job_id in self._cancelled

    def end(self, outcome: Finished | Failed) -> None:
        """Tell how a render ended, from any thread; its cancellation no longer matters."""
        self._cancelled.discard(outcome.job_id)
        self.send(outcome)

    def _listen(self) -> None:
        lines = LineSplitter(limit=None)
        while data := self._receive():
            for line in lines.feed(data):
                if isinstance(line, bytes):
                    self._take(line)
        self._abandon()

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(_CHUNK)
        except OSError:
            return b""

    def _take(self, line: bytes) -> None:
        try:
            command = decode_command(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            log.exception("the daemon sent a command this worker does not know; are both of one version?")
            return
        if isinstance(command, CancelRender):
            self._cancelled.add(command.job_id)
            return
        if isinstance(command, ShowPreviews):
            self.shows_previews = command.wanted
            return
        if isinstance(command, Prefetch):
            self.on_prefetch(command)
            return
        if isinstance(command, RenderCommand):
            self._cancelled.discard(command.job_id)  # left by one that came too late for an earlier render
        if isinstance(command, Exit):
            self._leaving.set()
        self._commands.put(command)

    def _beat(self) -> None:
        while not self._leaving.wait(BEAT_INTERVAL):
            self.send(Beat())

    def _abandon(self) -> None:
        """Leave without unwinding: the main thread may be deep in MLX, and nobody waits for what it makes."""
        if not self._leaving.is_set():
            log.error("the daemon is gone; leaving")
        os._exit(1)
