"""One worker process from its start to its end, and the lines that go to and fro.

It is spawned, never forked, with one end of a socket pair; it has a session of its own, so that a terminal's Ctrl-C
reaches only the daemon, and a pipe of ours for its messages, which is read whoever reads the daemon's log. When to
start, kill or replace one is decided in `worker`.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from kilnmark.daemon.worker.said import WorkerSaid
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.framing import LineSplitter, OversizedFrame

__all__ = ["WorkerProcess", "engine_program"]

_log = logging.getLogger(__name__)
_said_log = logging.getLogger("kilnmark.daemon.worker.said")

LAST_WORDS = 1.0
"""Seconds between a process being gone and everything it said being read, and between hanging up and being gone."""


ENGINE = ("-m", "kilnmark.engine", "--fd")
"""The program of a worker, for Python."""


def engine_program(trace_file: Path | None) -> tuple[str, ...]:
    """What Python runs for a worker that writes its spans to a file; None: to none."""
    module, name, handle = ENGINE
    return ENGINE if trace_file is None else (module, name, "--trace-file", str(trace_file), handle)


class _Lines(asyncio.Protocol):
    """The daemon's end of the socket pair."""

    def __init__(self, on_event: Callable[[work.Event], None], on_nonsense: Callable[[str], None]) -> None:
        self._on_event = on_event
        self._on_nonsense = on_nonsense
        self._splitter = LineSplitter(limit=None)
        self.closed = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        for line in self._splitter.feed(data):
            if isinstance(line, OversizedFrame):  # cannot be: there is no limit
                continue
            try:
                event = work.decode_event(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self._on_nonsense(f"it sent a line that is no event ({error})")
                return
            self._on_event(event)

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


class _Written(asyncio.Protocol):
    """The daemon's end of the pipe that the worker's messages come by."""

    def __init__(self, said: WorkerSaid) -> None:
        self._said = said
        self.closed = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self._said.take(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._said.end()
        if not self.closed.done():
            self.closed.set_result(None)


class WorkerProcess:
    """A started worker. Made by `spawn`.

    Attributes:
        said: What it wrote to its standard error.
    """

    def __init__(self, process: Process, said: WorkerSaid) -> None:
        self.said = said
        self._process = process
        self._transport: asyncio.Transport
        self._lines: _Lines
        self._pipe: asyncio.ReadTransport
        self._messages: _Written

    @classmethod
    async def spawn(
        cls,
        on_event: Callable[[work.Event], None],
        on_nonsense: Callable[[str], None],
        program: Sequence[str] = ENGINE,
    ) -> "WorkerProcess":
        """Start a worker on its own end of a fresh socket pair.

        Args:
            on_event: Called on the loop with each event, in order.
            on_nonsense: Called on the loop with a sentence when a line is no event.
            program: What Python runs; behind it comes the number of the worker's socket.

        Raises:
            OSError: the process could not be started.
        """
        with ExitStack() as kept, ExitStack() as lent:
            ours, theirs = socket.socketpair()
            kept.enter_context(ours)
            lent.enter_context(theirs)
            reading, writing = os.pipe()
            pipe = kept.enter_context(os.fdopen(reading, "rb", buffering=0))
            messages = lent.enter_context(os.fdopen(writing, "wb", buffering=0))
            ours.settimeout(0)
            # -P: a file in the current folder that is named like a module must not be run.
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", *program, str(theirs.fileno())),
                stdin=DEVNULL,
                stdout=messages,
                stderr=messages,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
            said = WorkerSaid(lambda line: _said_log.info("%s", line, extra=said.belongs))
            worker = cls(process, said)
            kept.callback(worker.kill)
            loop = asyncio.get_running_loop()
            worker._transport, worker._lines = await loop.create_unix_connection(
                lambda: _Lines(on_event, on_nonsense), sock=ours
            )
            worker._pipe, worker._messages = await loop.connect_read_pipe(lambda: _Written(worker.said), pipe)
            kept.pop_all()
        return worker

    @property
    def pid(self) -> int:
        """Of the process, also after its end."""
        return self._process.pid

    def tell(self, command: work.Command) -> None:
        """Send a command. To a process that is gone it is lost; `ended` tells of that."""
        if not self._transport.is_closing():
            self._transport.write(work.encode(command))

    def kill(self) -> None:
        """SIGKILL, the only signal that also ends a stopped process. Harmless when it is gone already."""
        if self._process.returncode is None:
            try:
                self._process.send_signal(signal.SIGKILL)
            except ProcessLookupError:
                _log.debug("worker %d was gone before it could be killed", self.pid)

    async def ended(self) -> int:
        """Wait until the process is gone and all it said was read; its exit status, negative for a signal."""
        gone = asyncio.ensure_future(self._process.wait())
        await asyncio.wait({gone, self._lines.closed}, return_when=asyncio.FIRST_COMPLETED)
        if not gone.done():
            # A worker that hung up cannot be reached any more, so it is given a moment and then ended.
            await asyncio.wait({gone}, timeout=LAST_WORDS)
            self.kill()
        status = await gone
        # A child of the worker may hold its ends open for as long as it lives.
        await asyncio.wait({self._lines.closed, self._messages.closed}, timeout=LAST_WORDS)
        self._transport.abort()
        self._pipe.close()
        self.said.end()
        return status
