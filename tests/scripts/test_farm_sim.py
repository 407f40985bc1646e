"""The simulated farm: every job has one result whatever dies, and perfect packing is as it is reckoned by hand."""

import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from scripts.farm_sim import __main__ as command
from scripts.farm_sim.bound import perfect_packing
from scripts.farm_sim.load import DrawnNode, DrawnStack, draw_load, draw_nodes
from scripts.farm_sim.model import BASES, KINDS, SMALL, Farm, Outages
from scripts.farm_sim.run import Run
from scripts.farm_sim.told import SimFigures, figures_of

FRAIL = tuple(replace(kind, outages=Outages(1500.0, 120.0, "far worse than any")) for kind in KINDS)
SLOW, MIDDLE, FAST = KINDS


def ran(farm: Farm) -> SimFigures:
    run = Run(farm, draw_load(farm), draw_nodes(farm))
    run.run()
    return figures_of(run)


def test_a_small_farm_does_what_it_did() -> None:
    told = ran(replace(SMALL, kinds=FRAIL))
    assert (told.nodes, told.jobs, told.results, told.lost, told.dead) == (10, 5000, 5000, 0, 0)
    assert (told.redelivered, told.switches, told.loads) == (34, 183, 54)
    assert (told.makespan_s, told.perfect_s, told.of_perfect_packing) == (5139.4, 4880.1, 0.9495)


def test_a_choice_is_made_once_a_job() -> None:
    assert ran(SMALL).choices < 1.01 * SMALL.jobs


def test_what_nodes_spend_is_all_accounted_for() -> None:
    told = ran(SMALL)
    assert 0 <= told.lost_to["idle"] < 0.06
    assert sum(told.lost_to.values()) < 0.1


@pytest.mark.parametrize(
    ("load", "least"),
    [
        (replace(SMALL, stacks=1, bases=BASES[:1]), 0.95),
        (replace(SMALL, jobs=2500, stacks=250, zipf=0.0, at_once=1.0), 0.85),
        (replace(SMALL, high=1.0), 0.95),
        (replace(SMALL, low=1.0, high=0.0), 0.95),
        (replace(SMALL, dying=(3500.0, 0.5)), 0.93),
        (replace(SMALL, at_once=0.0, span_s=9000.0), 0.97),
    ],
    ids=["one giant stack", "tiny stacks", "all high", "all low", "half of the nodes die at the end", "a trickle"],
)
def test_a_hostile_load_is_done_and_packed(load: Farm, least: float) -> None:
    told = ran(load)
    assert (told.results, told.lost, told.dead) == (load.jobs, 0, 0)
    assert told.of_perfect_packing >= least


def stack(base: int, work: list[float], bursts: list[tuple[float, int]]) -> DrawnStack:
    drawn = draw_load(replace(SMALL, jobs=1, stacks=1, bases=(BASES[base],)))[0]
    drawn.work, drawn.bursts = work, bursts
    return drawn


@pytest.mark.parametrize(
    ("stacks", "away", "perfect"),
    [
        ([stack(0, [10.0] * 8, [(0.0, 8)])], [], 20.0),
        ([stack(2, [10.0] * 6, [(0.0, 6)]), stack(0, [1.0], [(0.0, 1)])], [], 20.0),
        ([stack(0, [10.0] * 8, [(0.0, 4), (100.0, 8)])], [], 110.0),
        ([stack(0, [10.0] * 8, [(0.0, 8)])], [(5.0, 45.0)], 60.0),
    ],
    ids=["all nodes", "only those with room", "not before it is handed in", "not while they are away"],
)
def test_perfect_packing_is_as_by_hand(
    stacks: list[DrawnStack], away: list[tuple[float, float]], perfect: float
) -> None:
    nodes = [DrawnNode("a", SLOW, 1.0, list(away)), DrawnNode("b", FAST, 3.0, list(away))]
    assert perfect_packing(stacks, nodes, until=1000.0) == pytest.approx(perfect)


def test_its_figures_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sim.json"
    monkeypatch.setattr(sys, "argv", ["farm_sim", "--small", "--json", str(file)])
    with pytest.raises(SystemExit) as left:
        command.main()
    told = msgspec.json.decode(file.read_bytes(), type=SimFigures)
    assert (left.value.code, told.nodes, told.jobs) == (0, 10, 5000)
    assert told.of_perfect_packing > command.LEAST
