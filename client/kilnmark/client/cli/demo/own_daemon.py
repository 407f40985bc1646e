"""A daemon of a demonstration's own: started, waited for, and ended by its process id. What it is asked, others say."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kilnmark.client.cli.commands.serve import daemon_command
from kilnmark.client.errors import DaemonDidNotStart, DaemonUnavailable
from kilnmark.client.sync import Client
from kilnmark.protocol.settings import Settings

__all__ = ["own_daemon"]

START_TIMEOUT = 30.0
"""Seconds the daemon may take until its socket answers; the base warms up behind it."""

STOP_TIMEOUT = 15.0
_LOOK_AGAIN = 0.05


@contextmanager
def own_daemon(settings: Settings, log: Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """A daemon for as long as the block takes; its socket.

    Args:
        settings: Its own; they name the socket.
        log: Where it writes.
        environment: Variables beside ours, of which it gets none for traces.

    Raises:
        DaemonDidNotStart: It did not come up.
    """
    with log.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and settings
            daemon_command(settings),
            env={name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
            | dict(environment or {}),
            stdout=stderr,
            stderr=stderr,
        )
    try:
        _wait_until_it_listens(process, str(settings.socket), log)
        yield str(settings.socket)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT)


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", socket: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    with Client(socket) as client:
        while True:
            try:
                client.ping()
            except DaemonUnavailable as error:
                if process.poll() is not None:
                    raise DaemonDidNotStart(str(log), f"it ended with status {process.returncode}") from error
                if time.monotonic() > deadline:
                    raise DaemonDidNotStart(str(log), f"no answer within {START_TIMEOUT:g} s") from error
                time.sleep(_LOOK_AGAIN)
            else:
                return
