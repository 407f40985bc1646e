"""`kill -9` of the daemon under load, wherever it is in its work: nobody loses a picture, nothing is done twice."""

import contextlib
import os
import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.accounts import done_twice, events_in, lost
from tests.faults.callers import Caller, Single, callers_of, ends_of
from tests.faults.conftest import Found
from tests.faults.forked import STARTED_BY, Supervisor
from tests.faults.mortal import ANY_MOMENT, AT_START, POINTS, Death

KILLS = 200
AT_POINTS = 120
AT_ANY_MOMENT = 70
"""The rest die while they take up what the life before has left."""


def deaths(seed: int) -> list[Death]:
    chance = random.Random(seed)
    named = [Death(point, chance.randint(1, 8)) for point in chance.choices(list(POINTS), k=AT_POINTS)]
    whenever = [Death(ANY_MOMENT, chance.randint(0, 80)) for _ in range(AT_ANY_MOMENT)]
    early = [Death(next(iter(AT_START)), 1) for _ in range(KILLS - AT_POINTS - AT_ANY_MOMENT)]
    drawn = [*named, *whenever, *early]
    chance.shuffle(drawn)
    return drawn


@pytest.mark.timeout(900)
@pytest.mark.faults(
    "the daemon is killed with SIGKILL 200 times under load, single renders and batches mixed, wherever it is in its "
    "work, and started again",
    "every caller gets its picture; no accepted job is lost, none done twice",
)
def test_nothing_is_lost_and_nothing_done_twice(home: Path, found: Found) -> None:
    drawn, over = deaths(13), threading.Event()
    with Supervisor(home, drawn, pace=0.001, jobs_kept=100_000) as supervisor:
        callers = callers_of(supervisor.socket, over)
        last = supervisor.wait(600, lambda: str({caller.name: len(caller.got) for caller in callers}))
        over.set()
        got = list(ends_of(callers, within=120))
        last.kill()
    events = events_in(home / "jobs.sqlite")
    points = {(death.point, death.count) for death in drawn[: supervisor.kills] if death.point in POINTS}
    told = Counter(each.who.partition("-")[0] for each in got)
    found(
        f"{supervisor.kills} kills at {len(points)} points of its work and at any moment; "
        f"{len(got)} pictures waited for ({', '.join(f'{n} {who}' for who, n in told.items())})"
    )
    missing, twice = lost(got, events), done_twice(events)
    found(f"{len(missing)} lost, {len(twice)} done twice")
    for name, value in (("kills", supervisor.kills), ("lost", len(missing)), ("doubled", len(twice))):
        found.headline(name, value)
    assert (missing[:5], twice[:5]) == ([], [])
    assert len(points) >= 50
    assert min(told[kind] for kind in ("single", "many", "stranger", "batch")) > 10


REAL_KILLS = 5


@pytest.mark.timeout(400)
@pytest.mark.faults(
    f"the daemon is killed with SIGKILL {REAL_KILLS} times while real workers paint on the standin for three callers",
    "every caller gets its picture; no job is lost, none done twice, no worker is left over",
)
def test_no_picture_of_a_real_worker_is_lost(home: Path, found: Found) -> None:
    chance, over = random.Random(7), threading.Event()
    drawn = [Death(ANY_MOMENT, chance.randint(0, 600)) for _ in range(REAL_KILLS)]
    with Supervisor(home, drawn, real=True, jobs_kept=100_000) as supervisor:
        callers: list[Caller] = [Single(supervisor.socket, over, f"single-{i}") for i in range(3)]
        last = supervisor.wait(300, lambda: str({caller.name: len(caller.got) for caller in callers}))
        over.set()
        got = list(ends_of(callers, within=120))
        with last.wire() as wire:
            living = wire.result("status")["worker"]["pid"]
        left = [pid for pid in engines() if pid != living]
        last.kill()
    events = events_in(home / "jobs.sqlite")
    missing, twice = lost(got, events), done_twice(events)
    found(f"{supervisor.kills} kills, {len(got)} pictures; {len(missing)} lost, {len(twice)} done twice")
    found(f"{len(left)} workers left over")
    assert (missing[:5], twice[:5], left) == ([], [], [])
    assert len(got) >= REAL_KILLS


def engines() -> list[int]:
    """Worker processes whose daemon was started here, whether or not it lives."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            runs_engine = b"kilnmark.engine" in (path.parent / "cmdline").read_bytes()
            if runs_engine and f"{STARTED_BY}={os.getpid()}".encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found
