"""What a training hands its trainer: what the preflight wrote, in the trainer's own form, whichever that is."""

from pathlib import Path

import pytest

from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.lab.dataset.errors import NotPreflighted
from kilnmark.lab.dataset.recorded import preflight_run
from kilnmark.lab.dataset.written.trainers import WRITERS
from kilnmark.lab.run.folder import open_run
from kilnmark.lab.training.inputs import inputs_for
from kilnmark.lab.training.trainers import TRAINERS
from tests.lab.dataset.drawn import small_run


@pytest.mark.parametrize("name", WRITERS)
def test_every_trainer_is_given_its_file_and_its_pictures(tmp_path: Path, name: str) -> None:
    with open_run(small_run(tmp_path, base="mini" if name == "mflux" else "dev", trainer=name)) as run:
        preflight_run(run, counter=TokenCounter(env={"HF_HOME": "/nonexistent"}))
        inputs = inputs_for(run, TRAINERS[name], run.folder / "out")
    assert inputs.given.is_file()
    assert inputs.data == inputs.given if name == "remote" else (inputs.data / "0001.png").is_file()


def test_pictures_that_are_not_where_they_were_are_not_trained_on(tmp_path: Path) -> None:
    with open_run(small_run(tmp_path)) as run:
        preflight_run(run, counter=TokenCounter(env={"HF_HOME": "/nonexistent"}))
        (run.inputs / "trainer/pictures/0003.png").unlink()
        with pytest.raises(NotPreflighted, match="is not where it was"):
            inputs_for(run, TRAINERS["mflux"], run.folder / "out")
