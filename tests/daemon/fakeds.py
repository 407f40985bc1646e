"""Starts daemons as processes whose worker is a fake, for tests of what happens to processes."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.daemon.conftest import PATIENCE, Reachable

__all__ = ["Faked", "faked"]


class Faked(Reachable):
    """A daemon process whose worker is a fake."""

    def __init__(self, home: Path, process: "subprocess.Popen[bytes]") -> None:
        self.socket = home / "daemon.sock"
        self.process = process

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        return self.process.wait(PATIENCE)


@contextmanager
def faked(
    home: Path,
    *,
    pace: float = 0,
    before: Sequence[str] = (),
    stderr: int | None = None,
    dies: Sequence[str] = (),
    again: Sequence[str] = (),
    **settings: Any,
) -> Iterator[Faked]:
    """Start one; nothing of it is left in the end.

    Args:
        pace: Seconds a step.
        before: What starts its command.
        stderr: A descriptor to log to.
        dies: A point of `faked.POINTS`, and the time it is there at which it dies. It may die before it answers; any
            other is waited for.
        again: The command that prints its settings anew.
    """
    env = {**os.environ, **({"FAKED_AGAIN": json.dumps(again)} if again else {})}
    chosen = {
        "socket": str(home / "daemon.sock"),
        "output_dir": str(home / "pictures"),
        "journal": str(home / "jobs.sqlite"),
        "cache_bytes": 0,
        **settings,
    }
    command = [*before, sys.executable, "-m", "tests.daemon.faked", str(pace), json.dumps(chosen), *dies]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=stderr, cwd=Path(__file__).parents[2], env=env
    )
    daemon = Faked(home, process)
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(daemon):
            if process.poll() is not None:
                assert dies
                break
            assert time.monotonic() < deadline
        yield daemon
    finally:
        process.kill()
        process.wait(PATIENCE)


def answers(daemon: Faked) -> bool:
    select.select([], [], [], 0.02)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(daemon.socket)) == 0
