"""Starts daemons by a fork, waits until they answer, and starts them again when they have died.

What a daemon does in its life stands in `mortal`; here is the side of whoever keeps it going, as systemd would.
"""

import functools
import itertools
import json
import multiprocessing
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Self
from unittest import mock

from tests.daemon.conftest import PATIENCE, Reachable
from tests.faults.mortal import Death, Life, live
from tests.faults.preload import Control, library

__all__ = ["STARTED_BY", "Forked", "Supervisor", "daemon", "end_all", "settings_in"]

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.faults.mortal"])


STARTED_BY = "KILN_STARTED_BY"
"""A variable that every process has that comes of a daemon started here; its value is our process id."""


@functools.cache
def _begin_forking() -> None:
    """Every daemon has the library in it, so that its disk and its clock can be lied about at any time."""
    with mock.patch.dict(os.environ, {"LD_PRELOAD": library(), STARTED_BY: str(os.getpid())}):
        forkserver.ensure_running()


_numbers = itertools.count()
_living: "set[ForkServerProcess]" = set()


def settings_in(home: Path, **settings: Any) -> dict[str, Any]:
    """Of a daemon that has everything in one folder."""
    return {
        "socket": str(home / "daemon.sock"),
        "output_dir": str(home / "pictures"),
        "lora_roots": [str(home)],
        "journal": str(home / "jobs.sqlite"),
        "cache_bytes": 0,
        **settings,
    }


class Forked(Reachable):
    """A daemon process."""

    def __init__(
        self,
        home: Path,
        settings: dict[str, Any],
        *,
        pace: float = 0.0,
        holds: Sequence[str] = (),
        death: Death | None = None,
        real: bool = False,
    ) -> None:
        _begin_forking()
        self.home = home
        self.socket = Path(settings["socket"])
        self.journal = Path(settings["journal"])
        self.pictures = Path(settings["output_dir"])
        number = next(_numbers)
        self.control = Control(home / f"control-{number}")
        self._log = home / f"log-{number}"
        life = Life(json.dumps(settings), str(self._log), str(self.control.path), pace, tuple(holds), death, real)
        self.process = _CONTEXT.Process(target=live, args=(life,))
        self.process.start()
        _living.add(self.process)

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def ended(self, within: float = PATIENCE) -> int:
        """Wait for its end: its exit status, negative for a signal."""
        self.process.join(within)
        assert self.process.exitcode is not None, f"the daemon still runs after {within:g} s"
        _living.discard(self.process)
        return self.process.exitcode

    def wait_until_it_answers(self) -> None:
        """Or has died."""
        deadline = time.monotonic() + PATIENCE
        while self.process.is_alive() and not self._answers():
            assert time.monotonic() < deadline, self.log
            select.select([], [], [], 0.002)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def kill(self) -> None:
        self.process.kill()
        self.ended()


@contextmanager
def daemon(home: Path, *, pace: float = 0.0, holds: Sequence[str] = (), **settings: Any) -> Iterator[Forked]:
    """One that answers, until the block ends."""
    running = Forked(home, settings_in(home, **settings), pace=pace, holds=holds)
    try:
        running.wait_until_it_answers()
        assert running.process.is_alive(), running.log
        with running.wire() as wire:
            assert wire.result("ping")["pid"] == running.pid, running.log
        yield running
    finally:
        running.kill()


class Supervisor:
    """Starts a daemon again whenever it has died, until enough of them have.

    Args:
        deaths: How each life ends; the one after the last does not.
        pace: Seconds that each denoise step of a fake worker waits.
        real: Workers are processes of the engine.

    Attributes:
        kills: Lives that ended by SIGKILL.
    """

    def __init__(
        self, home: Path, deaths: list[Death], *, pace: float = 0.0, real: bool = False, **settings: Any
    ) -> None:
        self.home = home
        self.kills = 0
        self.died_of: list[str] = []
        self._deaths = deaths
        self._pace = pace
        self._real = real
        self._settings = settings_in(home, **settings)
        self._problem: BaseException | None = None
        self._over, self._begun = threading.Event(), threading.Event()
        self._last: Forked | None = None
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(PATIENCE)
        if self._last is not None and self._last.process.is_alive():
            self._last.kill()

    @property
    def socket(self) -> Path:
        return Path(self._settings["socket"])

    def wait(self, within: float, told: Callable[[], str]) -> Forked:
        """Until the last life has begun; that life."""
        self._thread.join(within)
        if self._problem is not None:
            raise self._problem
        assert not self._thread.is_alive(), f"only {self.kills} of {len(self._deaths)} died; {told()}"
        assert self._last is not None
        return self._last

    def _run(self) -> None:
        try:
            for death in self._deaths:
                self._live(death)
                if self._over.is_set():
                    return
            self._last = Forked(self.home, self._settings, pace=self._pace, real=self._real)
            self._last.wait_until_it_answers()
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            self._problem = error
            self._begun.set()

    def _live(self, death: Death) -> None:
        life = self._last = Forked(self.home, self._settings, pace=self._pace, death=death, real=self._real)
        if not self._begun.is_set():
            life.wait_until_it_answers()
            self._begun.set()
        status = life.ended()
        assert status == -signal.SIGKILL or self._over.is_set(), life.log
        self.kills += 1
        self.died_of.append(death.point)


def end_all() -> None:
    """Whatever still runs of what was started here."""
    for process in list(_living):
        process.kill()
        process.join(PATIENCE)
        _living.discard(process)
