"""One daemon from its start to its end: startup, the main loop, shutdown.

The socket answers before the base is warm. A first SIGTERM or SIGINT ends the daemon in order, a second at once, and
the signal is raised again at the end so that the exit status tells the truth.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

import uvloop

from kilnmark.daemon.jobs.renders import Renders
from kilnmark.daemon.methods import Methods
from kilnmark.daemon.settings import Settings, SettingsError, read_settings
from kilnmark.daemon.wire.connection import Connection
from kilnmark.daemon.wire.dispatch import Dispatch
from kilnmark.daemon.wire.socket import BACKLOG, Listener, SocketHeld, UnfitSocketPath
from kilnmark.otel.setup import Telemetry, TracingMisconfigured, start

__all__ = ["Daemon", "main"]

_log = logging.getLogger(__name__)

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_TRY_AGAIN, EXIT_INTERRUPTED = 0, 1, 2, 75, 130

FAREWELL_TIMEOUT = 2.0
"""Seconds that connected clients are given to take their last replies."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Daemon:
    """Everything that lives between the first and the last line of `run`.

    Args:
        listener: The bound socket; it stays the caller's to close.
    """

    def __init__(self, settings: Settings, listener: Listener, telemetry: Telemetry) -> None:
        self._listener = listener
        self._settings = settings
        self._renders = Renders(settings)
        self._connections: set[Connection] = set()
        methods = Methods(settings, self._renders, telemetry.tracer, self.shut_down)
        self._dispatch = Dispatch(methods.table)
        self._ending = asyncio.Event()
        self._hurry = asyncio.Event()
        self._signal: signal.Signals | None = None

    async def run(self) -> signal.Signals | None:
        """Serve until told to end; the signal that told so, or None for `shutdown`."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        worker = loop.create_task(self._renders.worker.run())
        worker.add_done_callback(self._worker_watch_ended)
        # The loop listens once more on the socket it is handed, with 100 where nobody says otherwise.
        server = await loop.create_unix_server(self._connection, sock=self._listener.socket, backlog=BACKLOG)
        _log.info("ready: listening on %s, variant %s", self._settings.socket, self._settings.variant)
        await self._ending.wait()
        await self._drain()
        server.close()
        self._renders.worker.stop()
        await worker
        self._renders.end_rest()
        await self._say_farewell()
        return self._signal

    def shut_down(self, drain: bool) -> None:  # noqa: FBT001 - the one argument of the callback it is
        """Begin the end. The second call can only make it quicker."""
        _log.info("going down%s", ", after the accepted renders" if drain else "")
        self._renders.draining = True
        if not drain:
            self._hurry.set()
        self._ending.set()

    def _connection(self) -> Connection:
        return Connection(self._settings, self._dispatch, self._connections)

    def _signalled(self, number: signal.Signals) -> None:
        if self._signal is not None:
            self._leave_at_once(number)
        self._signal = number
        self.shut_down(drain=False)

    def _leave_at_once(self, number: signal.Signals) -> None:
        _log.warning("second signal: leaving at once")
        self._renders.worker.kill()
        self._listener.close()
        os._exit(128 + number)

    def _worker_watch_ended(self, task: asyncio.Task[None]) -> None:
        """Without its supervision the daemon is of no use; a defect there must not leave it half alive."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("the supervision of the worker met a defect", exc_info=error)
            self.shut_down(drain=False)

    async def _drain(self) -> None:
        settled = asyncio.ensure_future(self._renders.settled())
        hurried = asyncio.ensure_future(self._hurry.wait())
        await asyncio.wait({settled, hurried}, return_when=asyncio.FIRST_COMPLETED)
        settled.cancel()
        hurried.cancel()
        self._renders.stop_all()

    async def _say_farewell(self) -> None:
        connections = list(self._connections)
        for connection in connections:
            connection.leave_when_served()
        if connections:
            await asyncio.wait([connection.gone for connection in connections], timeout=FAREWELL_TIMEOUT)
        for connection in list(self._connections):
            connection.abort()


def main(arguments: Sequence[str]) -> int:
    """Run a daemon; its exit status.

    Args:
        arguments: One JSON document, the settings.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = read_settings(_only(arguments))
        with Listener(settings.socket) as listener:
            settings.output_dir.mkdir(parents=True, exist_ok=True)
            return _serve(settings, listener)
    except (SettingsError, UnfitSocketPath, TracingMisconfigured) as error:
        return _refuse(error, EXIT_USAGE)
    except SocketHeld as error:
        return _refuse(error, EXIT_TRY_AGAIN)
    except OSError as error:
        return _refuse(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _serve(settings: Settings, listener: Listener) -> int:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    telemetry = start("kilnmark-daemon")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            ended_by = runner.run(_run(settings, listener, telemetry))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        telemetry.stop()
    _log.info("gone")
    if ended_by is None:
        return EXIT_DONE
    listener.close()
    signal.raise_signal(ended_by)
    return 128 + ended_by


async def _run(settings: Settings, listener: Listener, telemetry: Telemetry) -> signal.Signals | None:
    return await Daemon(settings, listener, telemetry).run()


def _only(arguments: Sequence[str]) -> str:
    if len(arguments) != 1:
        raise SettingsError("give one argument, the settings as a JSON document; `kilnmark serve` writes it for you")
    return arguments[0]


def _refuse(error: Exception, status: int) -> int:
    sys.stderr.write(f"kilnmark daemon: {error}\n")
    return status
