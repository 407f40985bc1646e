"""What can be killed in the lab: one row a scenario, and all that a harness has to know of it.

A scenario is a command of `kilnmark lab` that pays somebody. It makes what the command works in, says what a person
would do after a command that ended without being done, and reads in the ledger of whoever was paid what came of it.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from kilnmark.lab.dataset.recorded import preflight_run
from kilnmark.lab.run.folder import open_run, read_state
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import PLAN, BudgetPlan, DatasetPlan, RemotePlan, RunPlan, TrainingPlan, read_plan
from kilnmark.lab.run.trained import TrainingStatus
from tests.lab.faults.judge_bench import forgetful_bench, judging_server, remembering_bench
from tests.lab.faults.mortal import Ended
from tests.lab.faults.remote_bench import KEY, FakeRemote, fake_remote

__all__ = ["SCENARIOS", "Bench", "Scenario", "TrainingBench", "looked_at_run", "training_template"]

ROOT = Path(__file__).resolve().parents[3]
ADAPTER = ROOT / "genre_packs" / "weatherwright" / "loras" / "gouache.safetensors"
EARLIER = ROOT / "genre_packs" / "weatherwright" / "loras" / "woodcut.safetensors"


class Bench(Protocol):
    """One command at work, in a folder of its own.

    Attributes:
        words: The command line.
        secret: What may stand nowhere but in the environment.
        home: Everything that the command can write to.
    """

    words: tuple[str, ...]
    secret: str
    home: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """Of the command."""

    def let_kill(self, pid: int, call: int, how: str) -> None:
        """Have the server kill a process at one of its calls: `kill before`, `kill unanswered`, `kill after`."""

    def calls(self) -> int:
        """How many calls the server has had."""

    def after(self, ended: Ended) -> tuple[str, ...]:
        """What a person types next, who reads what a command that is not done said."""

    def paid_twice(self) -> int:
        """What was paid for more than once."""

    def lost(self) -> int:
        """Results that were paid for and are not in the run."""

    def over_budget(self) -> int:
        """Budgets that were exceeded."""


@dataclass(frozen=True)
class Scenario:
    """One row.

    Attributes:
        name: For people.
        server: Starts whoever is paid, in a folder; the same one serves many benches.
        bench: A new bench at that server, in a folder.
    """

    name: str
    server: Callable[[Path], AbstractContextManager[Any]]
    bench: Callable[[Path, Any], Bench]


def training_template(home: Path, url: str) -> Path:
    """A run of ten pictures that was looked at, ready to be trained at a fake remote."""
    remote = {"base_url": url, "model": "them/trainer", "version": "v1", "destination": "us/ink"}
    plan = RemotePlan.model_validate({"price_per_second": 0.01, "longest_seconds": 200.0, **QUICK, **remote})
    lines = [f"{name} = {json.dumps(value)}" for name, value in plan.model_dump(exclude={"inputs"}).items()]
    section = "\n[training.remote]\n" + "\n".join(lines) + "\n"
    return looked_at_run(home, TrainingPlan(trainer="remote"), section)


def looked_at_run(home: Path, training: TrainingPlan, section: str = "") -> Path:
    """A run of ten pictures that was looked at.

    Args:
        home: Where the run and its dataset are made.
        training: Who trains.
        section: Further lines of `run.toml`.
    """
    pictures = home / "set"
    pictures.mkdir(parents=True)
    drawn = np.random.default_rng(1)
    for number in range(10):
        pixels = drawn.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(pictures / f"{number}.png")
        (pictures / f"{number}.txt").write_text(f"zorbl in a field, seen {number} times from the side")
    plan = RunPlan(
        name="ink",
        kind="subject",
        trigger="zorbl",
        base="mini",
        dataset=DatasetPlan(path="../set", size=64),
        training=training,
        budget=BudgetPlan(limit=5.0),
    )
    run = home / "run"
    new_run(run, plan)
    with (run / "run.toml").open("a") as file:
        file.write(section)
    with open_run(run) as held:
        written = preflight_run(held)
        assert written.report.passed, written.report.refusals()
    return run


QUICK = {"poll_seconds": 0.02, "answer_seconds": 2.0, "patience_seconds": 2.0}
"""Waiting that no test notices."""


@dataclass
class TrainingBench:
    """`lab train` at a fake remote.

    Args:
        home: Its own folder.
        remote: The fake; it gets a new account.
    """

    home: Path
    remote: FakeRemote
    words: tuple[str, ...] = ()
    secret: str = KEY
    typed: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        account = self.home.parent / f"{self.home.name}-account"
        account.mkdir(parents=True)
        shutil.copy(ADAPTER, account / "result.safetensors")
        shutil.copy(EARLIER, account / "result_step500.safetensors")
        self.remote.anew(account)
        self.run = self.home / "run"
        self.words = ("lab", "train", str(self.run))

    @property
    def environment(self) -> Mapping[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "REPLICATE_API_TOKEN": self.secret}

    def let_kill(self, pid: int, call: int, how: str) -> None:
        self.remote.set(client=pid, faults=[{"call": call, "do": how}])

    def calls(self) -> int:
        return len(self.remote.calls)

    def after(self, ended: Ended) -> tuple[str, ...]:
        """A person looks at the remote, as the message asks, and goes on with what is there, or begins.

        Where starts that nobody knows of have used the budget up, as reserved, the person allows one more.
        """
        if "raise [budget] limit" in ended.said:
            path, allowed = self.run / PLAN, read_plan(self.run).budget.limit
            path.write_text(path.read_text().replace(f"limit = {allowed}", f"limit = {allowed + 1.0}"))
        if "--adopt ID" not in ended.said:
            return self.words
        started = self.remote.ledger("start")
        return (*self.words, "--adopt", started[-1]["id"]) if started else (*self.words, "--new-training")

    def paid_twice(self) -> int:
        return max(0, len(self.remote.ledger("start")) - 1)

    def lost(self) -> int:
        state = read_state(self.run)
        if state is None or state.training is None or state.training.status is not TrainingStatus.SUCCEEDED:
            return 1
        found = {known.step: (self.run / known.file).read_bytes() for known in state.checkpoints}
        return int(found != {500: EARLIER.read_bytes(), 1000: ADAPTER.read_bytes()})

    def over_budget(self) -> int:
        spent = sum(entry["seconds"] for entry in self.remote.ledger("charge")) * 0.01
        return int(spent > read_plan(self.run).budget.limit)


@contextmanager
def _training_server(folder: Path) -> Iterator[tuple[FakeRemote, Path]]:
    """The fake, and a run that every bench gets a copy of."""
    with fake_remote(folder / "first") as remote:
        yield remote, training_template(folder / "template", remote.url)


def _training_bench(home: Path, server: tuple[FakeRemote, Path]) -> TrainingBench:
    remote, template = server
    home.mkdir()
    shutil.copytree(template, home / "run", symlinks=True)
    (home / "set").symlink_to(template.parent / "set")
    return TrainingBench(home, remote)


SCENARIOS: Mapping[str, Scenario] = {
    "remote training": Scenario("remote training", _training_server, _training_bench),
    "judging": Scenario("judging", judging_server, forgetful_bench),
    "judging by keys": Scenario("judging by keys", judging_server, remembering_bench),
}
"""By their names."""
