"""`kilnmark lab new`: what is left open is decided by the base, and what cannot be meant is refused."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kilnmark.lab.cli.new import new
from kilnmark.lab.run.plan import read_plan


def _ask(*words: str) -> Result:
    return CliRunner().invoke(new, [*words])


def test_the_base_decides_size_and_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    result = _ask("runs/ink", "--kind", "style", "--trigger", "zxink", "--dataset", "pictures", "--base", "mini")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "runs/ink/run.toml\n", "")
    plan = read_plan(tmp_path / "runs/ink")
    assert (plan.name, plan.dataset.path, plan.dataset.size) == ("ink", "../../pictures", 128)
    assert (plan.training.trainer, plan.training.own["steps"], plan.training.rank) == ("mflux", 20, 8)
    _ask("runs/dev", "--kind", "style", "--dataset", "pictures", "--base", "dev", "--steps", "9", "--limit", "2.5")
    plan = read_plan(tmp_path / "runs/dev")
    assert (plan.training.trainer, plan.training.steps, plan.dataset.size) == ("mlx-examples", 9, 1024)
    assert plan.budget.limit == 2.5


def test_what_is_said_goes_before_what_the_base_is_proposed(tmp_path: Path) -> None:
    _ask(str(tmp_path / "a"), "--kind", "style", "--dataset", "set", "--base", "mini", "--steps", "9", "--rank", "4")
    training = read_plan(tmp_path / "a").training
    assert (training.steps, training.rank, training.learning_rate) == (9, 4, 0.012)


def test_a_dataset_that_is_not_there_yet_is_said(tmp_path: Path) -> None:
    result = _ask(str(tmp_path / "ink"), "--kind", "style", "--dataset", str(tmp_path / "set"), "--base", "mini")
    assert (result.exit_code, "there is nothing at" in result.stderr) == (0, True)


def test_as_json_it_is_one_document(tmp_path: Path) -> None:
    run = tmp_path / "ink"
    result = _ask(str(run), "--kind", "style", "--dataset", str(tmp_path / "set"), "--base", "mini", "--json")
    told = {"run": str(run), "plan": str(run / "run.toml"), "name": "ink", "has_dataset": False}
    assert json.loads(result.stdout) == told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a run", "--kind", "style", "--base", "mini"), "--name"),
        (("run", "--kind", "style", "--base", "nothing"), "is none of"),
        (("run", "--kind", "subject", "--base", "mini"), "--trigger"),
        (("run", "--kind", "style", "--base", "mini", "--save-every", "0"), "--save-every"),
        (("run", "--kind", "style", "--base", "mini", "--learning-rate", "-1"), "--learning-rate"),
    ],
)
def test_what_cannot_be_meant_makes_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = _ask(*words, "--dataset", "set")
    assert (result.exit_code, said in result.stderr) == (2, True)
    assert not list(tmp_path.iterdir())
