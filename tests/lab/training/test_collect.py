"""Checkpoints in a trainer's folder: taken when they are whole, once, in order, and written again where asked."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import DatasetPlan, RunPlan, TrainingPlan
from kilnmark.lab.run.trained import Checkpoint
from kilnmark.lab.training.collect import Collector
from kilnmark.lab.training.errors import DeadCheckpoint
from kilnmark.lab.training.record import begin, evidence, folder_of
from kilnmark.lab.training.trainers import TRAINERS
from tests.lab.faults.benches import ADAPTER, EARLIER
from tests.lab.training.conftest import spoil
from tests.lab.training.test_archives import zipped


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Iterator[Run]:
    plan = RunPlan(name="ink", kind="style", base="mini", dataset=DatasetPlan(path="../set"), training=TrainingPlan())
    new_run(tmp_path / "run", plan)
    with open_run(tmp_path / "run") as run:
        begin(run, "mflux", {})
        (folder_of(run) / "output" / "checkpoints").mkdir(parents=True)
        yield run


def collector(run: Run, trainer: str = "mflux") -> Collector:
    return Collector(run, TRAINERS[trainer], folder_of(run) / "output")


def leave(run: Run, name: str, content: bytes) -> Path:
    """A zip of mflux with this adapter."""
    path = folder_of(run) / "output" / "checkpoints" / name
    zipped(path)
    source = path.with_suffix(".safetensors")
    source.write_bytes(content)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(source, f"{name.partition('_')[0]}_adapter.safetensors")
    source.unlink()
    return path


def test_each_is_taken_once_as_it_appears(run: Run) -> None:
    watching = collector(run)
    assert list(watching.look(is_over=False)) == []
    leave(run, "0000200_checkpoint.zip", EARLIER.read_bytes())
    (first,) = watching.look(is_over=False)
    assert list(watching.look(is_over=False)) == []
    leave(run, "0000400_checkpoint.zip", ADAPTER.read_bytes())
    (second,) = watching.look(is_over=True)
    assert isinstance(first, Checkpoint)
    assert isinstance(second, Checkpoint)
    assert [first.step, second.step] == [200, 400]
    assert (run.folder / second.file).read_bytes() == ADAPTER.read_bytes()


def test_one_that_is_still_written_is_waited_for(run: Run) -> None:
    watching = collector(run)
    path = leave(run, "0000200_checkpoint.zip", ADAPTER.read_bytes())
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    assert list(watching.look(is_over=False)) == []
    path.write_bytes(whole)
    assert [type(one) for one in watching.look(is_over=False)] == [Checkpoint]


def test_one_that_never_becomes_whole_is_told_once(run: Run) -> None:
    watching = collector(run)
    path = leave(run, "0000200_checkpoint.zip", ADAPTER.read_bytes())
    path.write_bytes(path.read_bytes()[:1000])
    (said,) = watching.look(is_over=True)
    assert said == "0000200_checkpoint.zip is not whole: it is no whole zip"
    assert list(watching.look(is_over=True)) == []


def test_that_of_step_0_is_dead_by_right_and_left_out(run: Run, tmp_path: Path) -> None:
    dead = tmp_path / "dead.safetensors"
    shutil.copy(ADAPTER, dead)
    spoil(dead)
    leave(run, "0000000_checkpoint.zip", dead.read_bytes())
    assert list(collector(run).look(is_over=True)) == []
    leave(run, "0000200_checkpoint.zip", dead.read_bytes())
    with pytest.raises(DeadCheckpoint, match=r"checkpoints/0000200-\w+\.safetensors is dead"):
        list(collector(run).look(is_over=True))
    assert [one.verdict for one in run.state.checkpoints] == ["noop"]


def test_the_last_one_of_some_trainers_has_the_adapters_name(run: Run) -> None:
    output = folder_of(run) / "output"
    shutil.copy(EARLIER, output / "ink_000000500.safetensors")
    shutil.copy(ADAPTER, output / "ink.safetensors")
    shutil.copy(ADAPTER, output / "other.safetensors")
    taken = [one for one in collector(run, "ai-toolkit").look(is_over=True) if isinstance(one, Checkpoint)]
    assert [one.step for one in taken] == [500, 1000]


def test_they_are_written_again_where_run_toml_asks(run: Run) -> None:
    training = run.plan.training.model_copy(update={"convention": "diffusers"})
    run.plan = run.plan.model_copy(update={"training": training})
    leave(run, "0000200_checkpoint.zip", ADAPTER.read_bytes())
    (taken,) = collector(run).look(is_over=True)
    assert isinstance(taken, Checkpoint)
    found = inspect_file(str(run.folder / taken.file), load_shapes("mini")).inspection
    assert (found.convention, found.verdict, found.sha256) == ("diffusers", "engaged", taken.sha256)
    assert (folder_of(run) / "original").is_dir()


def test_what_the_state_knows_of_speaks_of_no_other_training(run: Run) -> None:
    leave(run, "0000200_checkpoint.zip", ADAPTER.read_bytes())
    list(collector(run).look(is_over=True))
    assert evidence(run) is None
    run.change(training=None)
    assert "training/1 speaks of one" in (evidence(run) or "")
