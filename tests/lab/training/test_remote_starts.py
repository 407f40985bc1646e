"""A start at a remote is paid for once: one whose answer was lost, that no state knows of, or that a copy made."""

import json
import shutil
from pathlib import Path

import pytest

from kilnmark.lab.run.spending import OverBudget
from kilnmark.lab.run.trained import TrainingStatus
from kilnmark.lab.training.errors import (
    NewTrainingNeeded,
    RemoteRefused,
    TrainingEnded,
    TrainingUncertain,
)
from kilnmark.lab.training.train import Wish, train_run
from tests.lab.faults.remote_bench import FakeRemote
from tests.lab.training.conftest import LOOK, START, MakeRun, known, spent, unheard

pytestmark = pytest.mark.usefixtures("no_key_anywhere")


@pytest.mark.parametrize("how", ["lose the answer", "hang"])
def test_a_start_whose_answer_was_lost_is_found_by_its_key(
    remote: FakeRemote, make_run: MakeRun, how: str, told: list[str]
) -> None:
    """Whatever it answered: it did what it was asked."""
    run = make_run(answer_seconds="0.3")
    remote.set(faults=[{"like": START, "do": how, "acts": how == "hang", "seconds": 1.0}])
    assert train_run(run, told.append).status is TrainingStatus.SUCCEEDED
    assert len(remote.ledger("start")) == 1
    assert any("it was started" in line for line in told)


def test_a_500_for_a_start_that_happened_does_not_start_a_second(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run()
    remote.set(faults=[{"like": START, "do": "answer", "status": 500, "acts": True}])
    assert train_run(run, unheard).status is TrainingStatus.SUCCEEDED
    assert len(remote.ledger("start")) == 1


def test_a_start_that_nobody_knows_of_is_a_persons_to_decide(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run()
    remote.set(faults=[{"like": START, "do": "drop"}])
    with pytest.raises(TrainingUncertain, match=r"--adopt ID.*--new-training") as told:
        train_run(run, unheard)
    with pytest.raises(TrainingUncertain):
        train_run(run, unheard)
    assert remote.ledger("start") == []
    assert known(run).key in str(told.value)
    assert train_run(run, unheard, Wish(new_training=True)).status is TrainingStatus.SUCCEEDED


def test_a_person_says_which_training_it_is(remote: FakeRemote, make_run: MakeRun, told: list[str]) -> None:
    run = make_run()
    hidden = {"like": r"GET /v1/trainings$", "do": "answer", "status": 403, "times": 9}
    remote.set(faults=[{"like": START, "do": "lose the answer"}, hidden])
    with pytest.raises(RemoteRefused, match="403"):
        train_run(run, told.append)
    started = remote.ledger("start")[0]["id"]
    assert train_run(run, told.append, Wish(adopt=started)).remote_id == started
    assert not any("nothing in its input" in line for line in told)
    assert len(remote.ledger("start")) == 1


def test_an_adopted_stranger_is_noted(remote: FakeRemote, make_run: MakeRun, told: list[str], tmp_path: Path) -> None:
    first, second = make_run(), tmp_path / "home" / "second"
    shutil.copytree(first, second, symlinks=True)
    stranger = train_run(first, told.append).remote_id
    remote.set(faults=[{"like": START, "do": "drop"}])
    with pytest.raises(TrainingUncertain):
        train_run(second, told.append)
    training = train_run(second, told.append, Wish(adopt=stranger))
    assert "nothing in its input says that it is of this run" in training.notes[0]


def test_a_state_that_is_missing_beside_checkpoints_is_asked_about(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run()
    train_run(run, unheard)
    state = json.loads((run / "state.json").read_text())
    state["training"], state["checkpoints"] = None, []
    (run / "state.json").write_text(json.dumps(state))
    with pytest.raises(NewTrainingNeeded, match=r"knows nothing of a training, and checkpoints/0000500"):
        train_run(run, unheard)
    (run / "state.json").unlink()
    with pytest.raises(NewTrainingNeeded, match=r"state\.json is missing"):
        train_run(run, unheard)
    assert len(remote.ledger("start")) == 1


def test_the_cost_of_an_adopted_one_counts(remote: FakeRemote, make_run: MakeRun, tmp_path: Path) -> None:
    first, second = make_run(), tmp_path / "home" / "second"
    shutil.copytree(first, second, symlinks=True)
    stranger = train_run(first, unheard).remote_id
    train_run(second, unheard, Wish(adopt=stranger))
    assert spent(second) == 1.0


def without_answers(remote: FakeRemote, run: Path) -> None:
    """The run's training is started, and nothing more is known of it than that."""
    remote.set(faults=[{"like": LOOK, "do": "answer", "status": 500}])
    with pytest.raises(RemoteRefused):
        train_run(run, unheard)
    remote.set(faults=[])


def test_an_older_state_starts_no_second_one(remote: FakeRemote, make_run: MakeRun) -> None:
    """A copy of the state from before the start was put back: the start is known beside it."""
    run = make_run(patience_seconds="0.0")
    remote.set(faults=[{"like": START, "do": "answer", "status": 429}])
    with pytest.raises(RemoteRefused, match="429"):
        train_run(run, unheard)
    older = (run / "state.json").read_bytes()
    without_answers(remote, run)
    state = json.loads(older)
    state["training"]["upload"] = None
    (run / "state.json").write_text(json.dumps(state))
    assert train_run(run, unheard).status is TrainingStatus.SUCCEEDED
    assert len(remote.ledger("start")) == 1


def test_a_state_from_before_the_training_starts_no_second_one(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(patience_seconds="0.0")
    older = (run / "state.json").read_bytes()
    without_answers(remote, run)
    started = remote.ledger("start")[0]["id"]
    (run / "training" / "1" / "remote.log").unlink(missing_ok=True)
    (run / "state.json").write_bytes(older)
    with pytest.raises(NewTrainingNeeded, match="knows nothing of a training, and training/1 speaks of one"):
        train_run(run, unheard)
    assert train_run(run, unheard, Wish(adopt=started)).status is TrainingStatus.SUCCEEDED
    assert len(remote.ledger("start")) == 1


def test_a_state_from_before_the_last_training_starts_no_other_one(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run()
    remote.set(ends="failed")
    with pytest.raises(TrainingEnded):
        train_run(run, unheard)
    older = (run / "state.json").read_bytes()
    remote.set(ends="succeeded")
    train_run(run, unheard, Wish(new_training=True))
    (run / "state.json").write_bytes(older)
    with pytest.raises(NewTrainingNeeded, match="knows nothing of what began in training/2"):
        train_run(run, unheard)


def test_what_a_lost_state_knew_of_money_still_counts(remote: FakeRemote, make_run: MakeRun) -> None:
    """Each may cost 2, and does cost 1: after two of them, 3.5 are too few for a third."""
    run = make_run(limit="3.5")
    older = (run / "state.json").read_bytes()
    train_run(run, unheard)
    (run / "state.json").write_bytes(older)
    train_run(run, unheard, Wish(new_training=True))
    (run / "state.json").write_bytes(older)
    with pytest.raises(OverBudget, match=r"2\.00 USD, and 1\.50 are left"):
        train_run(run, unheard, Wish(new_training=True))
    assert len(remote.ledger("start")) == 2


def test_a_copy_of_the_run_does_not_start_what_the_other_did(
    remote: FakeRemote, make_run: MakeRun, tmp_path: Path, told: list[str]
) -> None:
    run, copy = make_run(patience_seconds="0.0"), tmp_path / "home" / "copy"
    remote.set(faults=[{"like": START, "do": "answer", "status": 429}])
    with pytest.raises(RemoteRefused, match="429"):
        train_run(run, told.append)
    shutil.copytree(run, copy, symlinks=True)
    assert train_run(run, told.append).status is TrainingStatus.SUCCEEDED
    assert train_run(copy, told.append).status is TrainingStatus.SUCCEEDED
    assert len(remote.ledger("start")) == 1


def test_a_time_that_somebody_edited_hides_no_start(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(patience_seconds="0.0")
    without_answers(remote, run)
    state = json.loads((run / "state.json").read_text())
    state["training"] |= {"at": "yesterday", "remote_id": None}
    (run / "state.json").write_text(json.dumps(state))
    assert train_run(run, unheard).status is TrainingStatus.SUCCEEDED
    assert len(remote.ledger("start")) == 1


def test_one_whose_answer_was_lost_is_found_to_be_ended(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run()
    hidden = {"like": r"GET /v1/trainings$", "do": "answer", "status": 403, "times": 1}
    remote.set(faults=[{"like": START, "do": "lose the answer"}, hidden], looks_until_over=50)
    with pytest.raises(RemoteRefused, match="403"):
        train_run(run, unheard)
    with pytest.raises(TrainingEnded, match="canceled"):
        train_run(run, unheard, Wish(cancel=True))
    assert len(remote.ledger("start")) == 1
