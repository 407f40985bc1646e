"""`kilnmark` as a real process that is forked from one that has imported everything, and dies as `kill -9` does.

Where it dies is named: before or after a file is synced or takes its place, counted over its life; or a server that
it asks kills it. The process that forks imports it, and what else a life needs, which the tests' own need not; nothing
here may start a thread before the fork.
"""

import functools
import json
import multiprocessing
import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kilnmark.client.cli.main import main

__all__ = ["Death", "Ended", "begin", "live"]

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "tests.lab.faults.mortal",
        "kilnmark.lab.cli.judge",
        "kilnmark.lab.cli.train",
        "kilnmark.lab.judging.judge",
        "kilnmark.lab.training.remote.transport",
        "kilnmark.lab.training.train",
        "openai",
        "replicate.client",
    ]
)
_PATIENCE = 60.0


@dataclass(frozen=True)
class Death:
    """When a process kills itself.

    Attributes:
        point: `fsync` or `replace`, of `os`.
        count: The time that it is called, from 1.
        after: After the call rather than before it.
    """

    point: str
    count: int
    after: bool

    def __str__(self) -> str:
        """In words, for the name of a test."""
        return f"{'after' if self.after else 'before'} {self.point} {self.count}"


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Its exit code, negative for a signal.
        said: All that it wrote.
        calls: How often each point was passed; empty where it was killed.
    """

    code: int
    said: str
    calls: Mapping[str, int] = field(default_factory=dict)

    @property
    def was_killed(self) -> bool:
        """Whether it died of `kill -9`."""
        return self.code == -signal.SIGKILL


class Mortal:
    """A process that waits to be let go.

    Args:
        words: The command line.
        environment: All of it.
        log: Where what it writes goes.
        death: None: it lives as long as it wants.
    """

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: Path, death: Death | None) -> None:
        self._log = log
        self._go, theirs = _CONTEXT.Pipe()
        arguments = (theirs, tuple(words), dict(environment), str(log), death)
        self._process = _CONTEXT.Process(target=live, args=arguments)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    def run(self) -> Ended:
        """Let it go, and wait for its end."""
        self._go.send(None)
        self._process.join(_PATIENCE)
        assert self._process.exitcode is not None, f"it still runs after {_PATIENCE:g} s"
        said = self._log.read_text(errors="replace")
        calls = Path(f"{self._log}.calls")
        counted = json.loads(calls.read_text()) if calls.exists() else {}
        self._go.close()
        return Ended(self._process.exitcode, said, counted)


def begin(words: Sequence[str], environment: Mapping[str, str], log: Path, death: Death | None = None) -> Mortal:
    """Start one; it waits for `run`, so that whoever is to kill it can be told its number."""
    return Mortal(words, environment, log, death)


def live(go: Connection, words: Sequence[str], environment: Mapping[str, str], log: str, death: Death | None) -> None:
    """From start to end."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.environ.clear()
    os.environ.update(environment)
    passed: Counter[str] = Counter()
    for point in ("fsync", "replace"):
        setattr(os, point, _counted(getattr(os, point), point, passed, death))
    sys.argv = ["kilnmark", *words]
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115 - for life
    go.recv()
    code = 0
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    Path(f"{log}.calls").write_text(json.dumps(passed))
    os._exit(code)


def _counted(call: Any, point: str, passed: "Counter[str]", death: Death | None) -> Any:
    @functools.wraps(call)
    def counting(*args: Any, **named: Any) -> Any:
        passed[point] += 1
        dies = death is not None and (death.point, death.count) == (point, passed[point])
        if dies and death is not None and not death.after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*args, **named)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return counting
