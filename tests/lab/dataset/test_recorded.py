"""A run's preflight: recorded with the dataset's hashes, safe to repeat, and binding once a training has begun."""

import shutil
from pathlib import Path

import msgspec
import pytest

from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.lab.dataset.errors import DatasetChanged, DatasetRefused, LayoutUnwritable, NotPreflighted
from kilnmark.lab.dataset.recorded import DatasetInputs, WrittenPreflight, preflight_run, trainer_input
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.run.state import Outcome, Training, TrainingStatus
from tests.lab.dataset.drawn import everything, picture, small_run


def _preflight(run: Run) -> WrittenPreflight:
    return preflight_run(run, counter=TokenCounter(env={"HF_HOME": "/nonexistent"}))


def test_a_run_keeps_what_was_found_and_what_its_trainer_is_given(tmp_path: Path) -> None:
    with open_run(small_run(tmp_path)) as run:
        made = _preflight(run)
        state = run.state.preflight
        assert state is not None
        assert (state.outcome, state.pairs, state.sha256) == (Outcome.PASSED, 9, made.report.sha256)
        assert (state.report, state.sheets) == ("report/dataset.json", ("report/dataset.png",))
        assert state.given == {"mflux": "inputs/trainer/mflux.json"}
        assert trainer_input(run) == run.folder / "inputs/trainer/mflux.json"
        inputs = msgspec.json.decode((run.folder / "inputs/dataset.json").read_bytes(), type=DatasetInputs)
    assert (inputs.path, inputs.sha256, len(inputs.files)) == ("../set", made.report.sha256, 9)


def test_a_repeated_preflight_leaves_the_same_files(tmp_path: Path) -> None:
    with open_run(small_run(tmp_path)) as run:
        _preflight(run)
        before = everything(run.folder / "inputs/trainer/pictures")
        _preflight(run)
        assert everything(run.folder / "inputs/trainer/pictures") == before


def test_a_trainer_that_has_nothing_for_the_base_is_named_when_it_is_to_train(tmp_path: Path) -> None:
    with open_run(small_run(tmp_path, base="dev")) as run:
        assert _preflight(run).given == {}
        assert run.state.preflight is not None
        assert run.state.preflight.outcome is Outcome.PASSED
        with pytest.raises(LayoutUnwritable, match="mflux does not train dev"):
            trainer_input(run)


def test_a_refused_dataset_gives_a_trainer_nothing(tmp_path: Path) -> None:
    with open_run(small_run(tmp_path, 3)) as run:
        with pytest.raises(NotPreflighted, match="was not looked at"):
            trainer_input(run)
        assert _preflight(run).given == {}
        assert run.state.preflight is not None
        assert run.state.preflight.outcome is Outcome.FAILED
        assert run.state.preflight.refused == 1
        with pytest.raises(DatasetRefused, match=r"3 pairs, and a style wants at least 8; add pictures[^;]*$"):
            trainer_input(run)


def test_a_dataset_that_changed_is_not_trained_on_before_it_is_looked_at_again(tmp_path: Path) -> None:
    with open_run(small_run(tmp_path)) as run:
        _preflight(run)
        picture(70).save(tmp_path / "set/a00.png")
        with pytest.raises(DatasetChanged, match="has changed since the preflight"):
            trainer_input(run)
        _preflight(run)
        assert trainer_input(run).is_file()


@pytest.mark.parametrize(("status", "bound"), [("running", True), ("succeeded", True), ("failed", False)])
def test_a_training_binds_its_run_to_the_dataset_it_began_with(tmp_path: Path, status: str, bound: bool) -> None:
    with open_run(small_run(tmp_path)) as run:
        _preflight(run)
        run.change(training=Training(at="then", status=TrainingStatus(status), trainer="mflux", key="k"))
        _preflight(run)
        (tmp_path / "set/a00.png").unlink()
        (tmp_path / "set/a00.txt").unlink()
        if bound:
            with pytest.raises(DatasetChanged, match="a run of its own"):
                _preflight(run)
        else:
            assert _preflight(run).report.pairs == 8


def test_a_run_copied_with_its_dataset_goes_on_after_another_preflight(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    with open_run(small_run(tmp_path / "here")) as run:
        first = _preflight(run).report.sha256
    shutil.copytree(tmp_path / "here", tmp_path / "there", symlinks=True)
    shutil.rmtree(tmp_path / "here")
    with open_run(tmp_path / "there/ink") as run:
        assert _preflight(run).report.sha256 == first
        assert (trainer_input(run).parent / "pictures/0001.png").is_file()
