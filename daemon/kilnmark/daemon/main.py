"""The daemon as a process: settings in, signals heard, an exit status that tells the truth.

After a first SIGTERM, SIGINT or SIGQUIT the daemon paints on for a while and ends, at a second it ends at once; the
signal is raised again at the end. What a daemon is made of, and does, stands in `daemon`.
"""

import asyncio
import errno
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial

import msgspec
import uvloop

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.daemon import Daemon
from kilnmark.daemon.journal.opening import OpenedJournal, open_journal
from kilnmark.daemon.journal.schema import JournalHeld, JournalUnusable
from kilnmark.daemon.machine.machine import Machine
from kilnmark.daemon.machine.notify import ServiceManager
from kilnmark.daemon.notes import ProcessNotes
from kilnmark.daemon.reload import read_again
from kilnmark.daemon.settings import SettingsError, read_settings
from kilnmark.daemon.streams import PatientLog, fill_streams, formatter_for
from kilnmark.daemon.wire.socket import Listener, SocketHeld, UnfitSocketPath
from kilnmark.daemon.worker.process import WorkerProcess, engine_program
from kilnmark.daemon.worker.survivor import RecordedSpawn, end_survivor, record_of
from kilnmark.keymaps.files.outputs import OutputFolder
from kilnmark.otel.settings import ALL_SIGNALS, TelemetryOptions
from kilnmark.otel.setup import SHARED_DEADLINE, Telemetry, TracingMisconfigured, start
from kilnmark.otel.tracefile import TraceFile
from kilnmark.protocol.errors import KilnmarkError, nearest
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.printable import printable_lines
from kilnmark.protocol.settings import Settings

__all__ = ["main"]

_log = logging.getLogger(__name__)

EXITS: Mapping[type[KilnmarkError], ExitCode] = {
    KilnmarkError: ExitCode.FAILED,
    SettingsError: ExitCode.USAGE,
    JournalUnusable: ExitCode.USAGE,
    JournalHeld: ExitCode.TRY_AGAIN,
    UnfitSocketPath: ExitCode.USAGE,
    TracingMisconfigured: ExitCode.USAGE,
    SocketHeld: ExitCode.TRY_AGAIN,
}
"""The exit status of a daemon that does not start, by the error or the nearest above it."""

PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""Troubles with a folder that may be over when a service manager starts the daemon again."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
"""Those that end the daemon."""

IGNORED = (signal.SIGUSR1, signal.SIGUSR2)
"""Those that mean nothing here, and would end a process that does not say so."""


def main(arguments: Sequence[str]) -> int:
    """Run a daemon; its exit status.

    Args:
        arguments: One JSON document, the settings; and, to read them again at SIGHUP, another, an array: the command
            that prints them.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])  # it waits until it is heard; before any thread begins
    fill_streams()
    log = _begin_log()
    notes = ProcessNotes(Clock(), log.dropped)
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    with closing(ServiceManager(os.environ)) as manager:
        return _begin(arguments, manager, notes, log)


def _begin(arguments: Sequence[str], manager: ServiceManager, notes: ProcessNotes, log: PatientLog) -> int:
    try:
        settings = read_settings(_first(arguments))
        log.setFormatter(formatter_for(sys.stderr.fileno(), os.environ, settings.log_format))
        with Listener(settings.socket) as listener:
            _make_ready(OutputFolder(settings.output_dir, settings.picture_mode))
            end_survivor(record_of(settings.socket))
            journal = None if settings.journal is None else open_journal(settings.journal)
            return _serve(settings, listener, journal, _again(arguments), manager, notes)
    except KilnmarkError as error:
        return _refuse(error, nearest(EXITS, type(error)), manager)
    except OSError as error:
        return _refuse(error, ExitCode.FAILED, manager)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _make_ready(pictures: OutputFolder) -> None:
    """Raises SettingsError where there can be no such folder, which a start again would not mend."""
    try:
        pictures.make_ready()
    except OSError as error:
        kind = KilnmarkError if error.errno in PASSING else SettingsError
        problem = f"no pictures can be written into {pictures.path}: {error.strerror}"
        raise kind(f"{problem}; mend that, or name another folder with --output-dir") from error


def _begin_log() -> PatientLog:
    handle = sys.stderr.fileno()
    log = PatientLog(handle, formatter=formatter_for(handle, os.environ))
    logging.basicConfig(handlers=[log], level=logging.INFO)
    return log


def _serve(
    settings: Settings,
    listener: Listener,
    journal: OpenedJournal | None,
    again: Sequence[str],
    manager: ServiceManager,
    notes: ProcessNotes,
) -> int:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    if settings.trace_file is not None:
        TraceFile(settings.trace_file).check()
    telemetry = start("kilnmark-daemon", ALL_SIGNALS, TelemetryOptions(settings.metrics_port, settings.trace_file))
    notes.count_drops(lambda: telemetry.drops.all)
    if telemetry.logs is not None:
        logging.getLogger().addHandler(telemetry.logs)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            ended_by = runner.run(_run(settings, listener, telemetry, journal, again, manager, notes))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        telemetry.stop(SHARED_DEADLINE)
    _log.info("gone")
    logging.shutdown()
    if ended_by is None:
        return ExitCode.DONE
    listener.close()
    if ended_by != signal.SIGQUIT:  # which would leave a core behind, as after a crash
        signal.raise_signal(ended_by)
    return 128 + ended_by


async def _run(
    settings: Settings,
    listener: Listener,
    telemetry: Telemetry,
    journal: OpenedJournal | None,
    again: Sequence[str],
    manager: ServiceManager,
    notes: ProcessNotes,
) -> signal.Signals | None:
    program = engine_program(settings.trace_file)
    spawn = RecordedSpawn(partial(WorkerProcess.spawn, program=program), record_of(settings.socket))
    daemon = Daemon(
        settings,
        listener,
        tracer=telemetry.tracer,
        measures=telemetry.measures,
        spawn=spawn,
        notes=notes,
        journal=journal,
        machine=Machine(manager),
    )
    signals = _Signals(daemon, listener, again, manager, notes)
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, signals.hear, number)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, signals.hang_up)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
    await daemon.run()
    spawn.forget()
    return signals.heard


class _Signals:
    """The first signal ends the daemon in order, the second at once; SIGHUP lets it read its settings again.

    Args:
        again: The command that prints the settings; empty: there is none.
        manager: Told when that begins and ends.
        notes: Told of what could not be read.

    Attributes:
        heard: The first one; None when there was none.
    """

    def __init__(
        self, daemon: Daemon, listener: Listener, again: Sequence[str], manager: ServiceManager, notes: ProcessNotes
    ) -> None:
        self._again = again
        self._notes = notes
        self._manager = manager
        self._reading: asyncio.Task[None] | None = None
        self._is_wanted = False
        self.heard: signal.Signals | None = None
        self._daemon = daemon
        self._listener = listener

    def hear(self, number: signal.Signals) -> None:
        if self.heard is not None:
            self._leave_at_once(number)
        self.heard = number
        self._daemon.shut_down(drain=True, within=self._daemon.settings.drain_timeout)

    def hang_up(self) -> None:
        """Read the settings again; nothing changes unless all that was said is good.

        Asked while they are being read, it is done once more: what was read may be older than what is meant.
        """
        self._is_wanted = True
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._read_again())

    async def _read_again(self) -> None:
        self._manager.reloading()
        try:
            while self._is_wanted:
                self._is_wanted = False
                await self._read_once()
        finally:
            self._manager.ready()

    async def _read_once(self) -> None:
        try:
            self._daemon.heed(await read_again(self._again))
        except SettingsError as error:
            _log.error("the settings stay as they are: %s", error)
            self._notes.settings_refused(str(error))

    def _leave_at_once(self, number: signal.Signals) -> None:
        _log.warning("second signal: leaving at once")
        self._daemon.leave_at_once()
        self._listener.close()
        logging.shutdown()
        os._exit(128 + number)


def _first(arguments: Sequence[str]) -> str:
    if len(arguments) not in (1, 2):
        raise SettingsError("give one argument, the settings as a JSON document; `kilnmark serve` writes it for you")
    return arguments[0]


def _again(arguments: Sequence[str]) -> list[str]:
    """The command that prints the settings."""
    try:
        return msgspec.json.decode(arguments[1], type=list[str]) if arguments[1:] else []
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise SettingsError(f"the second argument is no array of texts ({error}); leave it out") from error


def _refuse(error: Exception, status: int, manager: ServiceManager) -> int:
    manager.say(str(error))
    sys.stderr.write(printable_lines(f"kilnmark daemon: {error}") + "\n")
    return status
