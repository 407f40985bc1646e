"""The commands that ask a running daemon something, save for pictures: status, ping, warm-up, stop.

Each turns options into one call of `Client` and a result into one document or one table. Errors are left to `cli`.
"""

import os
import time
from pathlib import Path

import click
import msgspec

from kilnmark.client.cli.options import (
    json_option,
    seconds,
    socket_option,
)
from kilnmark.client.cli.views.document import write_document, write_line
from kilnmark.client.dial import socket_path
from kilnmark.client.errors import StopTimeout
from kilnmark.client.sync import Client
from kilnmark.protocol.exits import ExitCode
from kilnmark.protocol.wire.address import LOCK_SUFFIX
from kilnmark.protocol.wire.replies import ShutdownResult

__all__ = ["farewell", "ping", "status", "stop", "warm_up"]

_LOOK_AGAIN = 0.05
"""Seconds between two looks at whether the socket is gone; nothing announces it."""


_COMING = 60.0
"""Seconds for which a daemon is waited for that is being started."""


class Pinged(msgspec.Struct, frozen=True, kw_only=True):
    """Who answered, and how long it took."""

    version: str
    pid: int
    uptime_s: float
    round_trip_ms: float


@click.command()
@socket_option
@json_option
def ping(socket: str | None, *, as_json: bool) -> None:
    """Ask whether the daemon answers, and how fast.

    It ends with 69 where there is no daemon, and with 1 where one says nothing for 30 seconds.
    """
    with Client(socket) as client:
        client.ping()
        started = time.perf_counter()
        answer = client.ping()
        elapsed = (time.perf_counter() - started) * 1000
    pinged = Pinged(version=answer.version, pid=answer.pid, uptime_s=answer.uptime_s, round_trip_ms=round(elapsed, 3))
    if as_json:
        write_document(pinged)
    else:
        write_line(f"kilnmark {pinged.version}, process {pinged.pid}: {pinged.round_trip_ms:.2f} ms")


@click.command()
@socket_option
@json_option
def status(socket: str | None, *, as_json: bool) -> None:
    """Show what the daemon holds and does.

    It ends with 1 where no worker gets ready, or the first base could not be held.
    """
    from kilnmark.client.cli.views.status import show_status
    from kilnmark.client.cli.views.tables import console

    with Client(socket) as client:
        result = client.status()
    if as_json:
        write_document(result)
    else:
        show_status(console(), result)
    if result.state in ("degraded", "failed"):
        click.get_current_context().exit(ExitCode.FAILED)


@click.command("warm-up")
@click.option("--variant", metavar="NAME", help="The base to warm. [default: the one the daemon was started with]")
@click.option(
    "--wait",
    is_flag=False,
    flag_value=_COMING,
    type=seconds,
    metavar="[SECONDS]",
    help=f"Wait for a daemon that is still to come, such as one that is just being started: {_COMING:g} seconds, or as "
    "many as are given.",
)
@socket_option
@json_option
def warm_up(socket: str | None, *, variant: str | None, wait: float | None, as_json: bool) -> None:
    """Wait until a base is warm."""
    from kilnmark.client.cli.views.progress import progress_bar
    from kilnmark.client.cli.views.tables import console, show_warm_up

    with Client(socket, start_timeout=wait or 0.0) as client, progress_bar("warming"):
        result = client.warm_up(variant)
    if as_json:
        write_document(result)
    else:
        show_warm_up(console(), result)


@click.command()
@click.option("--drain", is_flag=True, help="Finish the accepted renders first.")
@click.option(
    "--timeout",
    type=seconds,
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until the daemon has left.",
)
@socket_option
@json_option
def stop(socket: str | None, *, drain: bool, timeout: float, as_json: bool) -> None:
    """Tell the daemon to leave, and wait until it has.

    Where a service manager holds its socket, that stays, and the next client starts another daemon.
    """
    with Client(socket) as client:
        path = Path(socket_path(socket))
        identity, lives = _identity(path), _holder(path)
        answer = client.shutdown(drain=drain)
    deadline = time.monotonic() + timeout
    while _identity(path) == identity and (lives is None or _is_there(lives)):
        if time.monotonic() > deadline:
            raise StopTimeout(timeout, str(path))
        time.sleep(_LOOK_AGAIN)
    if as_json:
        write_document(answer)
    else:
        write_line(farewell(answer, drain=drain))


def _identity(path: Path) -> tuple[int, int] | None:
    """Tells one socket from the next at the same path; None when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _holder(path: Path) -> int | None:
    """The process that serves a socket, by its lock; None where it is not seen, as from another container."""
    try:
        pid = int(path.with_name(path.name + LOCK_SUFFIX).read_text())
    except (OSError, ValueError):
        return None
    return pid if pid > 0 and _is_there(pid) else None


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def farewell(answer: ShutdownResult, *, drain: bool = False) -> str:
    """What becomes of the renders; draining ends, too, where no worker gets ready to finish them.

    Args:
        drain: It was asked to finish them.
    """
    if not answer.jobs:
        return "stopped"
    count = "1 render was" if answer.jobs == 1 else f"{answer.jobs} renders were"
    if answer.draining:
        return f"stopped; {count} finished first" + (", or left to the next daemon" if answer.kept else "")
    ends = "left to the next daemon" if answer.kept else "ended"
    return f"stopped; {count} {ends}" + (", since no worker is there to finish any" if drain else "")
