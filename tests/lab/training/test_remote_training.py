"""A training at a remote from start to results: asked for as decided, told in its own words, paid as reserved."""

import json
import shutil
from pathlib import Path

import pytest

from kilnmark.lab.run.folder import read_state
from kilnmark.lab.run.spending import OverBudget
from kilnmark.lab.run.trained import TrainingStatus
from kilnmark.lab.training.errors import (
    DeadCheckpoint,
    NewTrainingNeeded,
    RemoteRefused,
    TrainerUnusable,
    TrainingEnded,
)
from kilnmark.lab.training.train import Wish, train_run
from tests.lab.faults.benches import ADAPTER, EARLIER
from tests.lab.faults.remote_bench import FakeRemote
from tests.lab.training.conftest import LOOK, START, MakeRun, known, set_lines, spent, spoil, unheard

pytestmark = pytest.mark.usefixtures("no_key_anywhere")


def test_it_is_started_followed_and_fetched(remote: FakeRemote, make_run: MakeRun, told: list[str]) -> None:
    run = make_run()
    training = train_run(run, told.append)
    assert (training.status, training.step, training.cost) == (TrainingStatus.SUCCEEDED, 1000, 1.0)
    state = read_state(run)
    assert state is not None
    found = {known.step: (run / known.file).read_bytes() for known in state.checkpoints}
    assert found == {500: EARLIER.read_bytes(), 1000: ADAPTER.read_bytes()}
    assert len(remote.ledger("start")) == 1


def test_the_remote_is_asked_with_what_run_toml_decides(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(steps="700", rank="4")
    training = train_run(run, unheard)
    started = remote.ledger("start")[0]
    assert started["key"] == training.key
    assert started["input"] == {
        "input_images": training.upload,
        "trigger_word": "zorbl",
        "autocaption": False,
        "steps": 700,
        "lora_rank": 4,
        "learning_rate": 0.0001,
    }


def test_what_is_trained_is_not_trained_again(remote: FakeRemote, make_run: MakeRun, told: list[str]) -> None:
    run = make_run()
    first = train_run(run, told.append)
    assert train_run(run, told.append) == first
    assert len(remote.ledger("start")) == 1


def test_what_costs_more_than_the_budget_is_not_begun(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(limit="1.99")
    with pytest.raises(OverBudget, match=r"may cost 2\.00 USD, and 1\.99 are left"):
        train_run(run, unheard)
    assert remote.calls == []


def test_what_takes_longer_than_is_reserved_is_cancelled(remote: FakeRemote, make_run: MakeRun) -> None:
    """It has been going on for 25 charged seconds when it is first looked at."""
    run = make_run(longest_seconds="20.0")
    remote.set(looks_until_over=50)
    with pytest.raises(TrainingEnded, match="cancelled here, as long as is reserved for it"):
        train_run(run, unheard)
    assert known(run).status is TrainingStatus.CANCELLED
    assert any(call.endswith("/cancel") for call in remote.calls)
    assert spent(run) == 0.25


def test_a_failed_training_is_told_in_the_remotes_words_and_not_begun_again(
    remote: FakeRemote, make_run: MakeRun
) -> None:
    run = make_run()
    remote.set(ends="failed")
    with pytest.raises(TrainingEnded, match=r"the remote says: failed: CUDA out of memory \(key \[key\]\)"):
        train_run(run, unheard)
    with pytest.raises(NewTrainingNeeded, match="CUDA out of memory"):
        train_run(run, unheard)
    assert len(remote.ledger("start")) == 1
    assert spent(run) == 0.25


def test_another_training_is_begun_where_a_person_wants_it(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run()
    remote.set(ends="failed")
    with pytest.raises(TrainingEnded):
        train_run(run, unheard)
    remote.set(ends="succeeded")
    training = train_run(run, unheard, Wish(new_training=True))
    assert training.status is TrainingStatus.SUCCEEDED
    assert [before.status for before in training.earlier] == [TrainingStatus.FAILED]
    assert (len(remote.ledger("start")), spent(run)) == (2, 1.25)


def test_a_training_under_way_is_not_replaced(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(patience_seconds="0.0")
    remote.set(faults=[{"like": LOOK, "do": "answer", "status": 500, "times": 9}])
    with pytest.raises(RemoteRefused):
        train_run(run, unheard)
    with pytest.raises(NewTrainingNeeded, match="not over"):
        train_run(run, unheard, Wish(new_training=True))
    remote.set(faults=[])
    assert train_run(run, unheard).status is TrainingStatus.SUCCEEDED


def test_a_person_ends_one_at_the_remote(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(patience_seconds="0.0")
    remote.set(faults=[{"like": LOOK, "do": "answer", "status": 500}], looks_until_over=50)
    with pytest.raises(RemoteRefused):
        train_run(run, unheard)
    with pytest.raises(TrainingEnded, match="canceled"):
        train_run(run, unheard, Wish(cancel=True))
    assert len(remote.ledger("start")) == 1


def test_a_dead_result_is_told(remote: FakeRemote, make_run: MakeRun, tmp_path: Path) -> None:
    spoil(tmp_path / "account" / "result.safetensors")
    run = make_run()
    with pytest.raises(DeadCheckpoint, match="dead"):
        train_run(run, unheard)
    assert known(run).status is TrainingStatus.DEAD


def test_what_was_reserved_bounds_it_whatever_run_toml_says_later(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(longest_seconds="20.0", patience_seconds="0.0")
    remote.set(faults=[{"like": LOOK, "do": "answer", "status": 500}], looks_until_over=50)
    with pytest.raises(RemoteRefused):
        train_run(run, unheard)
    set_lines(run, longest_seconds="2000.0")
    with pytest.raises(TrainingEnded, match="cancelled here"):
        train_run(run, unheard)


def test_what_is_reserved_follows_run_toml_until_it_is_started(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run()
    remote.set(faults=[{"like": START, "do": "answer", "status": 402}], ends="failed")
    with pytest.raises(RemoteRefused, match="wants to be paid first"):
        train_run(run, unheard)
    set_lines(run, longest_seconds="501.0")
    with pytest.raises(OverBudget, match=r"may cost 5\.01 USD"):
        train_run(run, unheard)
    assert remote.ledger("start") == []


def test_a_run_goes_on_where_it_was_copied_to(remote: FakeRemote, make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(patience_seconds="0.0")
    remote.set(faults=[{"like": LOOK, "do": "answer", "status": 500}])
    with pytest.raises(RemoteRefused):
        train_run(run, unheard)
    moved = tmp_path / "elsewhere" / "ink"
    shutil.copytree(run, moved)
    shutil.rmtree(tmp_path / "home")
    assert train_run(moved, unheard).status is TrainingStatus.SUCCEEDED
    assert len(remote.ledger("start")) == 1


def test_a_checkpoint_that_is_gone_is_taken_anew(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run()
    train_run(run, unheard)
    state = read_state(run)
    assert state is not None
    (run / state.checkpoints[0].file).unlink()
    train_run(run, unheard)
    assert (run / state.checkpoints[0].file).read_bytes() == EARLIER.read_bytes()
    assert len(remote.ledger("start")) == 1


def test_a_result_that_was_damaged_here_is_fetched_again(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run()
    train_run(run, unheard)
    (fetched,) = (run / "training" / "1" / "output").iterdir()
    fetched.write_bytes(fetched.read_bytes()[:1000])
    state = json.loads((run / "state.json").read_text())
    state["training"]["status"], state["checkpoints"] = "running", []
    (run / "state.json").write_text(json.dumps(state))
    shutil.rmtree(run / "checkpoints")
    assert train_run(run, unheard).status is TrainingStatus.SUCCEEDED
    assert len(remote.ledger("start")) == 1


def test_a_result_that_cannot_be_written_anew_is_not_lost(remote: FakeRemote, make_run: MakeRun) -> None:
    """Another convention is asked for, and it is not paid for twice."""
    run = make_run()
    plan = run / "run.toml"
    plan.write_text(plan.read_text().replace("\nrank = ", '\nconvention = "mlx-examples"\nrank = '))
    with pytest.raises(TrainerUnusable, match=r"say another \[training\] convention"):
        train_run(run, unheard)
    set_lines(run, convention='"diffusers"')
    assert train_run(run, unheard).status is TrainingStatus.SUCCEEDED
    assert len(remote.ledger("start")) == 1
