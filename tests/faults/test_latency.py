"""Nobody waits for somebody else's work: pings while the worker, the journal and other clients are busy, and how long
it takes until a render is promised to be kept.
"""

import itertools
import os
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.conftest import SMALL, Daemon, Wire, running_daemon
from tests.faults.conftest import Found
from tests.faults.forked import Forked, daemon
from tests.faults.measure import cpu_seconds, percentile, pings_while, told

PINGS = 1000
_worst: list[float] = [0.0]


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One that really paints."""
    journal = tmp_path_factory.mktemp("state") / "jobs.sqlite"
    with running_daemon(journal=str(journal)) as running:
        yield running.warm()


def held_to_50_ms(found: Found, what: str, taken: list[float]) -> None:
    """One more condition; the headline is of the worst of them."""
    found(told(taken, what))
    _worst[0] = max(_worst[0], percentile(taken, 0.99))
    found.headline("ping_p99_ms", _worst[0])
    assert percentile(taken, 0.99) < 50


@pytest.mark.faults("a render runs", "ping answers under 50 ms at p99")
def test_pings_while_a_render_runs(painter: Daemon, found: Found) -> None:
    with painter.wire() as wire, painter.wire() as caller, ThreadPoolExecutor(1) as pool:
        render = pool.submit(caller.result, "render", {**SMALL, "steps": 12})
        taken = pings_while(wire, lambda: not render.done(), least=PINGS)
        assert render.result()["image_path"]
    held_to_50_ms(found, "ping", taken)


@pytest.mark.faults(
    "the worker is killed with SIGKILL in a render, and again", "ping answers under 50 ms at p99; the picture is made"
)
def test_pings_while_a_worker_is_killed(painter: Daemon, found: Found) -> None:
    with painter.wire() as wire, painter.wire() as caller, painter.wire() as second, ThreadPoolExecutor(1) as pool:
        renders = []
        taken: list[float] = []
        for asked in (caller, second):
            killed = painter.worker_pid()
            asked.send("render", {**SMALL, "steps": 4, "cache": False, "_meta": {"progressToken": "t"}})
            asked.progressed("denoise")
            os.kill(killed, signal.SIGKILL)
            renders.append(pool.submit(asked.read_until, lambda message: "result" in message or "error" in message))
            taken += pings_while(wire, lambda: not renders[-1].done(), least=PINGS // 2)
        assert all("result" in render.result() for render in renders), [render.result() for render in renders]
    held_to_50_ms(found, "ping", taken)


@contextmanager
def busy(forked: Forked, ask: Callable[[Wire, int], object], threads: int) -> Iterator[Callable[[], bool]]:
    """So many clients that ask again and again while the block lasts."""
    over = threading.Event()

    def work(number: int) -> None:
        with forked.wire() as wire:
            for turn in itertools.count():
                if over.is_set():
                    return
                ask(wire, number * 1_000_000 + turn)

    with ThreadPoolExecutor(threads) as pool:
        working = [pool.submit(work, number) for number in range(threads)]
        try:
            yield lambda: not any(each.done() for each in working)
        finally:
            over.set()
    for each in working:
        each.result()


def kept(wire: Wire, turn: int) -> None:
    """A render that is taken in and kept; it is given up at once."""
    job_id = f"kept-{turn}"
    wire.send("render", {**SMALL, "seed": turn, "job_id": job_id, "_meta": {"progressToken": job_id}})
    heard_of(wire, job_id)
    wire.result("cancel", {"job_id": job_id})


def mixed(wire: Wire, turn: int) -> None:
    """Requests of every kind."""
    match turn % 5:
        case 0:
            wire.result("render", {**SMALL, "seed": turn})
        case 1:
            wire.result("status")
        case 2:
            wire.result("jobs.list")
        case 3:
            wire.error("jobs.get", {"job_id": "nobody"})
        case _:
            wire.result("ping")


@pytest.mark.parametrize(
    ("threads", "ask", "pace"),
    [
        pytest.param(6, kept, 60.0, id="the journal syncs for 6 clients that ask for renders and cancel them"),
        pytest.param(50, mixed, 0.0, id="50 connections ask for pictures, status, lists and unknown jobs on and on"),
    ],
)
@pytest.mark.faults("{id}", "ping answers under 50 ms at p99")
def test_pings_while_others_are_busy(
    home: Path, found: Found, threads: int, ask: Callable[[Wire, int], object], pace: float
) -> None:
    with daemon(home, pace=pace) as running, running.wire() as wire, busy(running, ask, threads) as goes_on:
        until = time.monotonic() + 3
        taken = pings_while(wire, lambda: goes_on() and time.monotonic() < until, least=PINGS // 2)
        assert goes_on()
    held_to_50_ms(found, "ping", taken)


def heard_of(wire: Wire, token: object) -> None:
    """Wait for the first that a render's caller hears: nothing is said of a job before it is on disk."""
    wire.read_until(lambda message: message.get("params", {}).get("progressToken") == token)


def acknowledged(wire: Wire, params: dict[str, Any]) -> float:
    """Milliseconds from sending a render to hearing that it is kept."""
    began = time.perf_counter()
    wire.send("render", params)
    heard_of(wire, params["_meta"]["progressToken"])
    return 1e3 * (time.perf_counter() - began)


@pytest.mark.faults(
    "500 renders are asked for one after the other, each kept in the journal before it is acknowledged",
    "accept to acknowledge: 5 ms at the median, 20 ms at p99",
)
def test_accept_to_acknowledge(home: Path, found: Found) -> None:
    with daemon(home, pace=60.0) as running, running.wire() as wire:
        asked = ({**SMALL, "seed": i, "_meta": {"progressToken": f"t-{i}"}} for i in range(500))
        taken = [acknowledged(wire, params) for params in asked]
    found(told(taken, "acknowledged"))
    found.headline("accept_ms", statistics.median(taken))
    found.headline("accept_p99_ms", percentile(taken, 0.99))
    assert (statistics.median(taken) <= 5, percentile(taken, 0.99) <= 20) == (True, True)


WAITING = 15_000


@pytest.mark.faults(
    "15,000 renders wait in the queue; the daemon is then told to end",
    "the last costs as little to accept as the first, ping answers under 50 ms at p99; it ends in 10 s and keeps all",
)
def test_a_long_queue_costs_nobody(home: Path, found: Found) -> None:
    limits: dict[str, Any] = {"queue_limit": 20_000, "request_limit": 20_000}
    with daemon(home, pace=60.0, drain_timeout=0.05, **limits) as running, ExitStack() as stack:
        wire, pinger = stack.enter_context(running.wire()), stack.enter_context(running.wire())
        costs = [cost_of_acceptance(running, wire, block, WAITING // 5) for block in range(5)]
        found(f"ms of the daemon's processor an acceptance, by 3,000: {', '.join(f'{cost:.2f}' for cost in costs)}")
        held_to_50_ms(found, "ping", pings_while(pinger, lambda: False, least=PINGS // 2))
        began = time.monotonic()
        running.send(signal.SIGTERM)
        running.ended()
        took = time.monotonic() - began
    with daemon(home, pace=60.0, **limits) as running, running.wire() as wire:
        queue = wire.result("status")["queue"]
    found(f"ended after {took:.1f} s, {queue['normal'] + queue['running']} jobs in the next daemon")
    assert costs[-1] < 1.5 * costs[0]
    assert (took < 10, queue["normal"] + queue["running"]) == (True, WAITING)


def cost_of_acceptance(running: Forked, wire: Wire, block: int, count: int) -> float:
    """Milliseconds of the processor for each of so many renders that nobody wants progress of, until all are in."""
    before = cpu_seconds(running.pid)
    for i in range(count):
        wire.send("render", {**SMALL, "seed": i, "job_id": f"q-{block}-{i}", "cache": False})
    deadline = time.monotonic() + 60
    while (queue := wire.result("status")["queue"])["normal"] + queue["running"] < (block + 1) * count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return 1e3 * (cpu_seconds(running.pid) - before) / count
