"""Daemon processes that are forked from one that has imported everything, so that a life costs no start of Python.

What runs in the fork is the daemon as ever, with a fake worker, its own process id, socket and journal. It dies as
`kill -9` does: at a named point of its work, or at any moment. Imported by the process that forks; nothing here may
start a thread before the fork.
"""

import functools
import itertools
import os
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from kilnmark.daemon import main as room
from kilnmark.daemon.jobs.renders import Renders
from kilnmark.daemon.wire.connection import ServedConnection
from kilnmark.daemon.worker import fake_picture
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.daemon.worker.fake_render import FakeRender
from kilnmark.keymaps.files import outputs
from kilnmark.protocol.wire.work import Finished
from tests.daemon import faked
from tests.faults.preload import heed
from tests.faults.survivable import Survivable

__all__ = ["ANY_MOMENT", "AT_START", "POINTS", "Death", "Life", "live"]

POINTS: dict[str, tuple[Any, str, bool]] = {
    **{name: point for name, point in faked.POINTS.items() if name != "going on"},
    "making a picture": (FakeRender, "save", False),
    "writing a picture": (outputs, "written_whole", False),
    "hashing a picture": (fake_picture, "sha256_of", True),
    "reading the socket": (ServedConnection, "data_received", False),
    "writing to the socket": (ServedConnection, "_send", True),
}
"""Beside those of `faked`: callables before or after which the process can die."""

AT_START = {"going on": faked.POINTS["going on"]}
"""Where a daemon dies before it has done anything new."""

ANY_MOMENT = "any moment"

_SETTLED = 2
"""Pictures that a life makes before it may die where work is done, so that all lives together get on."""


@dataclass(frozen=True)
class Death:
    """When a life ends.

    Attributes:
        point: Of `POINTS` or `AT_START`, or `ANY_MOMENT`.
        count: The time that it is there, from when it may die on; at any moment: milliseconds.
    """

    point: str
    count: int


@dataclass(frozen=True)
class Life:
    """What a daemon is told beside its settings.

    Attributes:
        settings: As a JSON document.
        log: Where its standard error goes.
        control: Of its disk and its clock.
        pace: Seconds that each denoise step waits; 0: no step waits.
        holds: Stages at which every render, or the base, waits for ever.
        death: None: it dies of nothing. No render meets its second death in the middle: that would make it one that
            daemons die of, which is given up, and that is a promise of its own.
        real: Its workers are processes of the engine.
    """

    settings: str
    log: str
    control: str
    pace: float = 0.0
    holds: tuple[str, ...] = ()
    death: Death | None = None
    real: bool = False


def live(life: Life) -> None:
    """From start to end; it leaves with the daemon's exit status."""
    heed(life.control)
    handle = os.open(life.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(handle, 2)
    random.seed()
    if life.death is not None:
        _doom(life.death)
    if not life.real:
        vars(room)["WorkerProcess"] = faked.FakeProcesses(_fake_worker(life))
    os._exit(_exit_status(room.main([life.settings])))


def _fake_worker(life: Life) -> FakeWorker:
    worker = FakeWorker()
    worker.hold(*life.holds, *(("denoise",) if life.pace else ()))
    if life.pace:
        threading.Thread(target=_step, args=(worker, life), daemon=True).start()
    return worker


def _step(worker: FakeWorker, life: Life) -> None:
    """Let what waits make one step, again and again."""
    while True:
        time.sleep(life.pace)
        worker.hold(*life.holds, "denoise")
        worker.go()


def _exit_status(status: int) -> int:
    sys.stderr.flush()
    return int(status)


def _doom(death: Death) -> None:
    survivable, settled = Survivable(), threading.Event()
    if death.point in AT_START:
        settled.set()
        _die_at(*AT_START[death.point], death.count, settled, survivable)
        return
    _tell_when_settled(settled)
    if death.point == ANY_MOMENT:
        threading.Thread(target=_die_soon, args=(settled, death.count / 1000, survivable), daemon=True).start()
    else:
        _die_at(*POINTS[death.point], death.count, settled, survivable)


def _tell_when_settled(settled: threading.Event) -> None:
    spoke, finished = Renders.worker_spoke, itertools.count(1)

    def counting(self: Renders, event: Any) -> None:
        spoke(self, event)
        if isinstance(event, Finished) and next(finished) == _SETTLED:
            settled.set()

    setattr(Renders, "worker_spoke", counting)  # noqa: B010 - a class's method, for this process alone


def _die_soon(settled: threading.Event, seconds: float, survivable: Survivable) -> None:
    settled.wait()
    time.sleep(seconds)
    while True:
        _die_if_all_survive(survivable)
        time.sleep(0.0005)


def _die_if_all_survive(survivable: Survivable) -> None:
    with survivable.lock:
        if survivable.may_die():
            os.kill(os.getpid(), signal.SIGKILL)


def _die_at(owner: Any, name: str, after: bool, count: int, settled: threading.Event, survivable: Survivable) -> None:
    """At the count's time, or the next one that all renders survive."""
    method, calls = getattr(owner, name), itertools.count(1)

    @functools.wraps(method)
    def dying(*args: Any, **named: Any) -> Any:
        dies = settled.is_set() and next(calls) >= count
        if dies and not after:
            _die_if_all_survive(survivable)
        result = method(*args, **named)
        if dies and after:
            _die_if_all_survive(survivable)
        return result

    setattr(owner, name, dying)
