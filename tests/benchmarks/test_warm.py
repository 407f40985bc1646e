"""What the first picture after `ready` costs beside the tenth, what a start costs, and what a render takes in memory.

Through daemons that live for ten pictures each. The work of a worker and of the compilers that it starts is counted in
seconds of the processor, which say less of what else the machine does than the clock; least of all rounds.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.figures import Figure, Headline, tell
from tests.daemon.conftest import Daemon, Wire, running_daemon

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not Path("/proc").exists(), reason="seconds of a process are read from /proc"),
]

PART = "warm"
PICTURES, ROUNDS = 10, 3
WAYS = {"exact": {"numerics": "exact"}, "fast, compiled": {"numerics": "fast", "compile": "on"}}
LIMIT = 300.0
"""Seconds that a start may take: without kernels of before, each is made by a C++ compiler."""


@dataclass(frozen=True)
class Life:
    """One daemon's: seconds of the processor for its start and each of its pictures, and its last `status`."""

    start: float
    pictures: list[float]
    status: dict[str, Any]


def seconds(pid: int) -> float:
    """Of the processor, with those of its children that ended."""
    spent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


def live(settings: dict[str, Any], env: dict[str, str]) -> Life:
    """Ten pictures of the variant's own size, each of another prompt."""
    with running_daemon(env={"OTEL_SDK_DISABLED": "true", **env}, **settings) as daemon, patient(daemon) as wire:
        wire.result("warm_up")
        pid: int = wire.result("status")["worker"]["pid"]
        start, spent = seconds(pid), []
        for number in range(PICTURES):
            before = seconds(pid)
            wire.result("render", {"prompt": f"kiln {number}", "seed": number})
            spent.append(seconds(pid) - before)
        return Life(start, spent, wire.result("status"))


def patient(daemon: Daemon) -> Wire:
    wire = daemon.wire()
    wire.socket.settimeout(LIMIT)
    return wire


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Life]]:
    """By way; MLX finds no kernels of before at the first of each, and those of that at the others."""
    folders = {way: {"TMPDIR": str(tmp_path_factory.mktemp("kernels"))} for way in WAYS}
    return {way: [live(settings, folders[way]) for _ in range(ROUNDS)] for way, settings in WAYS.items()}


def test_the_first_picture_costs_what_the_tenth_does(lives: dict[str, list[Life]]) -> None:
    ratios = {}
    for way, each in lives.items():
        first, tenth = (min(life.pictures[place] for life in each) for place in (0, PICTURES - 1))
        ratios[way] = first / tenth
        for what, value in (("the first picture after ready", first), ("the tenth", tenth)):
            show(what, way, 1e3 * value, value / tenth, "the tenth")
    tell(Headline(name="first_vs_tenth", value=max(ratios.values())))
    assert max(ratios.values()) < 2.0


def test_what_was_compiled_once_is_not_compiled_again(lives: dict[str, list[Life]]) -> None:
    first, *later = (life.start for life in lives["fast, compiled"])
    again = min(later)
    for what, value in (("start, nothing compiled before", first), ("start, all compiled before", again)):
        show(what, "fast, compiled", 1e3 * value, value / again, "all compiled before")
    assert again < first


def test_what_a_render_takes_at_its_peak(lives: dict[str, list[Life]]) -> None:
    for way, each in lives.items():
        (held,) = each[-1].status["memory"]["bases"]
        peak, own = held["highest_peak_bytes"], held["base"]["memory_bytes"]
        show("memory at its peak", way, peak / 2**20, peak / own, "the base's own", unit="MiB")
        assert 1.0 < peak / own < 2.5


def show(what: str, who: str, value: float, ratio: float, against: str, unit: str = "ms") -> None:
    told = Figure(
        part=PART,
        base="standin",
        what=what,
        who=who,
        value=value,
        unit=unit,
        ratio=ratio,
        against=against,
        rounds=ROUNDS,
    )
    tell(told)
