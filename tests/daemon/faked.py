"""`python -m tests.daemon.faked SECONDS SETTINGS [POINT COUNT]`: the daemon as a process, with a fake worker.

It starts in a fraction of what a worker with a base takes, so that signals, streams and deaths can be tried often. At
the named point of its work, when it comes there for the count's time, it kills itself as `kill -9` does.
"""

import functools
import itertools
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from kilnmark.daemon import main as room
from kilnmark.daemon.jobs.feeding import Feeder
from kilnmark.daemon.jobs.queue import JobQueue
from kilnmark.daemon.jobs.renders import Renders
from kilnmark.daemon.journal.file import JournalFile
from kilnmark.daemon.journal.journal import KeptJournal
from kilnmark.daemon.wire.exchange import Exchange
from kilnmark.daemon.worker.fake import FakeWorker

__all__ = ["HELD", "POINTS", "FakeProcesses", "run"]

HELD = "held"
"""While a file of this name lies beside the socket, no render makes a step."""

POINTS: dict[str, tuple[type, str, bool]] = {
    "accepting": (JobQueue, "accept", False),
    "accepted": (JobQueue, "accept", True),
    "committing": (JournalFile, "append", False),
    "committed": (JournalFile, "append", True),
    "told of the commit": (KeptJournal, "heard_written", True),
    "feeding the worker": (Feeder, "feed", True),
    "hearing the worker": (Renders, "worker_spoke", False),
    "ending": (JobQueue, "end", False),
    "ended": (JobQueue, "end", True),
    "going on": (Renders, "go_on", True),
    "replying": (Exchange, "__init__", True),
}
"""Methods before or after which the process can die."""


class FakeProcesses:
    """Workers as `WorkerProcess` starts them, but for the program, which a fake one has none of."""

    def __init__(self, worker: FakeWorker) -> None:
        self._worker = worker

    def spawn(self, *heard: Any, program: tuple[str, ...]) -> Any:
        """Start the fake one in place of a program of Python's."""
        assert program
        return self._worker.spawn(*heard)


def run(pace: float, settings: str) -> int:
    """The daemon's exit status; `$FAKED_AGAIN` is its second argument."""
    worker = FakeWorker()
    if pace:
        worker.hold("denoise")
        held = Path(json.loads(settings)["socket"]).with_name(HELD)
        threading.Thread(target=_step, args=(worker, pace, held), daemon=True).start()
    vars(room)["WorkerProcess"] = FakeProcesses(worker)
    return room.main([settings, *([os.environ["FAKED_AGAIN"]] if "FAKED_AGAIN" in os.environ else [])])


def _step(worker: FakeWorker, pace: float, held: Path) -> None:
    """Let what waits make one step, again and again, but for as long as there is a file that holds it."""
    while True:
        time.sleep(pace)
        if held.exists():
            continue
        worker.hold("denoise")
        worker.go()


def _die_at(point: str, count: int) -> None:
    cls, name, after = POINTS[point]
    method, calls = getattr(cls, name), itertools.count(1)

    @functools.wraps(method)
    def dying(*args: Any, **named: Any) -> Any:
        dies = next(calls) == count
        if dies and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = method(*args, **named)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(cls, name, dying)


if __name__ == "__main__":
    if sys.argv[3:]:
        _die_at(sys.argv[3], int(sys.argv[4]))
    sys.exit(run(float(sys.argv[1]), sys.argv[2]))
