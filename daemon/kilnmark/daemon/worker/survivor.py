"""The worker of an earlier daemon that outlived it: known by a record beside the socket, and ended at the next start.

A process is known by its number and the moment it began at, as numbers are given again; never by a name. Whoever holds
the socket's lock is the only daemon of it, so a worker that is on record there when a daemon starts has lost its own.
"""

import asyncio
import logging
import os
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from kilnmark.daemon.worker.ends import Spawn, StartedWorker
from kilnmark.protocol.wire import work

__all__ = ["RecordedSpawn", "WorkerRecord", "began_at", "end_survivor", "record_of"]

_log = logging.getLogger(__name__)

END_TIMEOUT = 10.0
"""Seconds that a process which was killed may take to be gone."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_SIZE_LIMIT = 4096


class WorkerRecord(msgspec.Struct, frozen=True):
    """One process.

    Attributes:
        pid: Its number.
        began: When it was started, as `began_at` tells it.
    """

    pid: int
    began: str


class RecordedSpawn:
    """Starts workers and writes each down; a `Spawn`.

    Args:
        spawn: What starts them.
        path: Where; in a folder that nobody else can write to.
    """

    def __init__(self, spawn: Spawn, path: Path) -> None:
        self._spawn = spawn
        self._path = path

    async def __call__(
        self, on_event: Callable[[work.Event], None], on_nonsense: Callable[[str], None]
    ) -> StartedWorker:
        """Start one; see `ends.Spawn`."""
        process = await self._spawn(on_event, on_nonsense)
        await asyncio.to_thread(self._write, process.pid)
        return process

    def forget(self) -> None:
        """No worker is left."""
        self._path.unlink(missing_ok=True)

    def _write(self, pid: int) -> None:
        began = began_at(pid)
        if began is None:  # it is gone already
            return
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(self._path, flags, 0o600), "wb") as file:
                file.write(msgspec.json.encode(WorkerRecord(pid, began)))
        except OSError as error:
            _log.warning("worker %d cannot be written down, so the next daemon would not end it: %s", pid, error)


def record_of(socket: Path) -> Path:
    """Where the worker of a socket's daemon is on record."""
    return socket.with_name(f"{socket.name}.worker")


def end_survivor(path: Path) -> int | None:
    """End the worker on record, if it still runs, stopped or not; its number, None where none did.

    Only called under the socket's lock.
    """
    record = _read(path)
    if record is None or began_at(record.pid) != record.began:
        return None
    _log.warning("ending worker %d, which outlived its daemon", record.pid)
    try:
        gone = _end(record)
    except OSError as error:
        _log.error("worker %d outlived its daemon and cannot be ended: %s", record.pid, error)
        return None
    if not gone:
        _log.error("worker %d outlived its daemon and is still there after SIGKILL", record.pid)
    return record.pid


def began_at(pid: int) -> str | None:
    """When a process began, so that no other one of its number began then; None where there is none.

    Where there is `/proc` it is the boot and the clock tick, else the second, as `ps` tells it.
    """
    if sys.platform == "linux":
        try:
            ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
            return f"{_BOOT.read_text().strip()} {ticks}"
        except OSError:
            return None
    return _told_by_ps(pid)


def _told_by_ps(pid: int) -> str | None:
    command = ["/bin/ps", "-o", "lstart=", "-p", str(pid)]
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    told = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - a number
    return told.stdout.strip() or None


def _read(path: Path) -> WorkerRecord | None:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
                return msgspec.json.decode(file.read(_SIZE_LIMIT), type=WorkerRecord)
            problem = "it is no file of ours"
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = str(error)
    _log.warning("whether a worker outlived its daemon cannot be told by %s: %s", path, problem)
    return None


def _end(record: WorkerRecord) -> bool:
    """Kill it and wait until it is gone; false where it is not."""
    if sys.platform == "linux":
        handle = os.pidfd_open(record.pid)
        try:
            if began_at(record.pid) == record.began:  # it is what the handle holds, whoever gets its number next
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            return bool(select.select([handle], [], [], END_TIMEOUT)[0])
        finally:
            os.close(handle)
    os.kill(record.pid, signal.SIGKILL)
    until = time.monotonic() + END_TIMEOUT
    while began_at(record.pid) == record.began and time.monotonic() < until:
        select.select([], [], [], 0.02)
    return began_at(record.pid) != record.began
