"""`lab train` and `lab import` on the command line: what goes together, and what is told how."""

import json
from pathlib import Path

from click.testing import CliRunner

from kilnmark.lab.cli.importing import import_files
from kilnmark.lab.cli.train import train
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import DatasetPlan, RunPlan
from tests.lab.faults.benches import ADAPTER, EARLIER


def run_in(folder: Path) -> Path:
    new_run(folder / "run", RunPlan(name="ink", kind="style", base="mini", dataset=DatasetPlan(path="../set")))
    return folder / "run"


def test_a_new_training_goes_with_no_other() -> None:
    told = CliRunner().invoke(train, ["run", "--new-training", "--cancel"])
    assert told.exit_code == 2
    assert "--new-training begins another training" in told.output


def test_imported_files_are_told_by_number(tmp_path: Path) -> None:
    told = CliRunner().invoke(import_files, [str(EARLIER), str(ADAPTER), "--run", str(run_in(tmp_path)), "--step", "5"])
    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["step 5", "step 6"]
    assert told.stderr == f"paint every checkpoint, and pick one: kilnmark lab sweep {tmp_path / 'run'}\n"
    assert lines[1].endswith("engaged, 60 of 60 keys")


def test_and_as_one_document(tmp_path: Path) -> None:
    told = CliRunner().invoke(import_files, [str(ADAPTER), "--run", str(run_in(tmp_path)), "--json"])
    (taken,) = json.loads(told.stdout)["checkpoints"]
    assert (taken["step"], taken["origin"]) == (1, "gouache.safetensors")
