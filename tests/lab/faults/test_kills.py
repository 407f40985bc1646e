"""A command of the lab that pays somebody, killed at every write and around every call, and gone on with."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.figures import Fault, Headline, tell
from tests.lab.faults.benches import SCENARIOS, Scenario
from tests.lab.faults.harness import Fate, Kill, chains, kills_of, undisturbed, will_be_killed

pytestmark = [pytest.mark.labfaults, pytest.mark.timeout(1800)]

CHAINS = 40
"""Commands that die more than once."""
PARTS = 4
"""In so many tests are the deaths of a scenario, which can run at a time."""

PROMISED = "gone on with, it is done: never paid twice, nothing lost, nothing over the budget, the key nowhere"


@pytest.fixture(params=SCENARIOS, name="scenario")
def _scenario(request: pytest.FixtureRequest) -> Scenario:
    return SCENARIOS[request.param]


@pytest.fixture(name="server")
def _server(scenario: Scenario, tmp_path: Path) -> Iterator[Any]:
    with scenario.server(tmp_path / "server") as server:
        yield server


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_every_point_and_in_chains(scenario: Scenario, server: Any, tmp_path: Path, part: int) -> None:
    ended, calls = undisturbed(scenario.bench(tmp_path / "undisturbed", server))
    alone = list(kills_of(ended, calls))
    deaths = [*((kill,) for kill in alone), *chains(alone, CHAINS, seed=1)][part::PARTS]
    fates = {_name(death): will_be_killed(scenario, server, tmp_path / f"{n}", death) for n, death in enumerate(deaths)}
    _tell(scenario, part, fates)
    broken = {name: fate for name, fate in fates.items() if not fate.is_good}
    assert not broken, "\n\n".join(f"{name}: {fate}" for name, fate in itertools.islice(broken.items(), 5))
    assert sum(fate.kills for fate in fates.values()) >= len(fates) // 2


def _name(death: tuple[Kill, ...]) -> str:
    return ", then ".join(str(kill) for kill in death)


def _tell(scenario: Scenario, part: int, fates: dict[str, Fate]) -> None:
    found = {
        "kills": sum(fate.kills for fate in fates.values()),
        "paid_twice": sum(fate.paid_twice for fate in fates.values()),
        "lost_results": sum(fate.lost for fate in fates.values()),
        "over_budget": sum(fate.over_budget for fate in fates.values()),
        "leaks": sum(len(fate.leaks) for fate in fates.values()),
    }
    for name, value in found.items():
        tell(Headline(name=name, value=value))
    words = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found.items())
    what = f"{scenario.name}, part {part + 1} of {PARTS}: killed at {len(fates)} points and chains of them"
    kept = all(fate.is_good for fate in fates.values())
    tell(Fault(theme="lab", what=what, promised=PROMISED, found=words, kept=kept))
