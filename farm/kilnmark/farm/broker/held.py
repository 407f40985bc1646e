"""A broker's store, held by the one program that runs a broker on it; and a broker whose program was killed, ended."""

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kilnmark.farm.errors import FarmNotUsable

__all__ = ["held_store"]

_PATIENCE = 15.0
"""Seconds for which a broker is waited for that is asked to end."""


@contextmanager
def held_store(store: Path, config: Path, pid_file: Path) -> Iterator[None]:
    """Hold a store until the block ends; a broker that is left over from a killed program is ended first.

    Args:
        store: The folder; it is made.
        config: What the broker's command line has: by this it is known.
        pid_file: Where the number of its process is.

    Raises:
        FarmNotUsable: Another program holds it, or it cannot be written.
    """
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(store / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FarmNotUsable(str(store), f"{error.strerror or error}; name another with --store") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
            reason = f"`kilnmark farm up` runs on it already (process {holder}); end that, or name another with --store"
            raise FarmNotUsable(str(store), reason) from error
        os.pwrite(lock, f"{os.getpid():<10}\n".encode(), 0)  # in the room that the last one took, on a full disk
        _end_left_over(config, pid_file)
        yield
    finally:
        os.close(lock)


def _end_left_over(config: Path, pid_file: Path) -> None:
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + _PATIENCE
        if str(config) in _command_of(pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        while str(config) in _command_of(pid) and time.monotonic() < until:
            time.sleep(0.05)


def _command_of(pid: int) -> str:
    """What a process was started with; empty where there is none."""
    asked = ["ps", "-ww", "-p", str(pid), "-o", "args="]  # all of it, however long
    if (of_linux := Path("/proc")).joinpath("self").exists():  # containers often have no ps
        with contextlib.suppress(OSError):
            return of_linux.joinpath(str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    try:
        return subprocess.run(asked, capture_output=True, text=True, errors="replace", check=False).stdout  # noqa: S603 - a number
    except FileNotFoundError:  # what cannot be known to be a broker is left alone
        return ""
