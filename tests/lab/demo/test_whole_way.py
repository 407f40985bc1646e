"""Where the demonstration cannot go on, it ends with its document, which says what does not hold and why.

A real daemon with a fake's pictures paints, and a script plays the trainer; everything else is as it is for `mini`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client.sync import Client
from kilnmark.client.testing import fake_daemon
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.lab.demo.demo import DATASET, whole_way
from kilnmark.lab.demo.recipe import demo_plan
from kilnmark.lab.demo.told import DemoHold, LabDemoResult
from kilnmark.lab.run.plan import DatasetPlan, RunPlan, SweepPlan, TrainingPlan
from kilnmark.lab.training import local
from tests.lab.faults.benches import ADAPTER

TRAINER = Path(__file__).parents[1] / "training" / "trainer.py"
SCENES = ("a castle by day", "ruins at night")
NO_BARS = {
    **dict.fromkeys(("engaged", "changed", "discrimination", "learnt", "layout", "nearness"), -9.0),
    **dict.fromkeys(("astray", "collapsed", "memorised"), 9.0),
}


@pytest.fixture(name="output")
def _output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(local, "_LOOK", 0.02)
    for name in ("runs", "packs"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture(name="client")
def _client(output: Path) -> Iterator[Client]:
    with (
        fake_daemon(variant="mini", lora_roots=(output / "runs",), packs=output / "packs") as daemon,
        Client(daemon.socket) as client,
    ):
        yield client


def plan(adapter: Path, *words: str, pairs: int = 2, bars: Mapping[str, float] | None = None) -> RunPlan:
    """The demonstration's, of few pictures, with a trainer that gives the adapter for what it learnt."""
    usual = demo_plan(DATASET)
    command = ("{python}", str(TRAINER), "{output}", "{steps}", "{save_every}", str(adapter), *words)
    changed: dict[str, Any] = {
        "dataset": DatasetPlan(path=DATASET, size=128, pairs=pairs),
        "training": TrainingPlan(trainer="kohya", steps=2, save_every=1, command=command, checkout="."),
        "sweep": SweepPlan(**{**dict(usual.sweep), "seeds": (1,), "width": 64, "height": 64, "bars": bars or {}}),
    }
    return usual.model_copy(update=changed)


def gone(client: Client, output: Path, how: RunPlan) -> LabDemoResult:
    told: list[str] = []
    result = whole_way(client, output, how, SCENES, told.append)
    assert not result.passed
    assert [f"NOT SO: {hold.says}: {hold.why}" for hold in result.holds if not hold.holds] == [
        line for line in told if line.startswith("NOT SO")
    ]
    assert Path(result.page).is_file()
    assert (result.promoted, result.picture) == (None, "")
    return result


def failed(result: LabDemoResult) -> dict[str, str]:
    return {hold.name: hold.why for hold in result.holds if not hold.holds}


def test_a_dataset_that_is_refused_is_not_trained_on(client: Client, output: Path) -> None:
    result = gone(client, output, plan(ADAPTER, pairs=3))
    assert "3" in failed(result)["dataset"]
    assert [step.name for step in result.steps] == ["dataset", "preflight", "export"]
    assert (result.checkpoints, result.pick, result.sheet, result.verification) == ((), None, "", "")


def test_a_training_that_fails_is_told_with_its_first_failure(client: Client, output: Path) -> None:
    result = gone(client, output, plan(ADAPTER, "fail"))
    assert "the first thing that went wrong" in failed(result)["train"]
    assert [step.name for step in result.steps][-2:] == ["train", "export"]


def test_a_dead_checkpoint_is_told(client: Client, output: Path, tmp_path: Path) -> None:
    dead = make_adapter(tmp_path / "dead.safetensors", dead=True)
    result = gone(client, output, plan(dead))
    assert "dead" in failed(result)["train"]


def test_checkpoints_that_miss_every_bar_are_not_put_before_the_gate(client: Client, output: Path) -> None:
    """The fake's pictures are flat colours, which have no layout."""
    result = gone(client, output, plan(ADAPTER))
    assert failed(result)["pick"].count("prompts kept apart by layout: 0,") == 2
    assert (result.pick, result.verification, result.judgement) == (None, "", "")
    assert Path(result.sheet).is_file()
    assert set(result.missed) == {"1", "2"}


def test_what_the_gate_refuses_is_neither_judged_nor_promoted(client: Client, output: Path) -> None:
    result = gone(client, output, plan(ADAPTER, bars=NO_BARS))
    assert result.pick == 1
    assert result.verification == "failed"
    assert failed(result)["gate"]
    assert result.judgement == ""
    assert [step.name for step in result.steps][-2:] == ["verify", "export"]


def test_a_hold_that_is_so_has_no_reason() -> None:
    assert DemoHold("pick", "one is picked", holds=True).why == ""
