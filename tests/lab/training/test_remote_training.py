"""A training at a remote: paid for once whatever the remote does, told in its own words, and the key nowhere."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.lab.run.folder import read_state
from kilnmark.lab.run.spending import OverBudget
from kilnmark.lab.run.trained import Training, TrainingStatus
from kilnmark.lab.training.errors import (
    DeadCheckpoint,
    EnvironmentChanged,
    KeyUnusable,
    NewTrainingNeeded,
    RemoteAway,
    RemoteRefused,
    TrainerUnusable,
    TrainingEnded,
    TrainingUncertain,
)
from kilnmark.lab.training.train import Wish, train_run
from tests.lab.faults.benches import ADAPTER, EARLIER
from tests.lab.faults.remote_bench import KEY, FakeRemote
from tests.lab.training.conftest import MakeRun, set_lines, spoil, unheard

START = "POST /v1/models"
LOOK = r"GET /v1/trainings/\w"


def known(run: Path) -> Training:
    state = read_state(run)
    assert state is not None
    assert state.training is not None
    return state.training


def spent(run: Path) -> float:
    state = read_state(run)
    assert state is not None
    return sum(entry.amount for entry in state.spending)


@pytest.fixture(autouse=True)
def _no_key_anywhere(tmp_path: Path, told: list[str], caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever happened in a test: the key is in no file of the run, in no line, no log."""
    caplog.set_level("DEBUG")
    yield
    home = tmp_path / "home"
    assert [path for path in home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []
    assert KEY not in "\n".join(told)
    assert KEY not in caplog.text


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


def test_a_rate_limit_is_waited_for_as_it_asks(remote: FakeRemote, make_run: MakeRun, told: list[str]) -> None:
    run = make_run()
    limit = {"do": "answer", "status": 429, "headers": {"Retry-After": "0.05"}, "detail": "slow down"}
    remote.set(faults=[{"like": "POST /v1/files", **limit}, {"like": LOOK, **limit}, {"like": "GET /out", **limit}])
    assert train_run(run, told.append).status is TrainingStatus.SUCCEEDED
    assert sum("429 slow down; asking again in 0.05 s" in line for line in told) == 3


def test_a_rate_limit_longer_than_the_patience_ends_the_command(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run()
    remote.set(faults=[{"like": LOOK, "do": "answer", "status": 429, "headers": {"Retry-After": "3600"}}])
    with pytest.raises(RemoteRefused, match="429"):
        train_run(run, unheard)
    assert train_run(run, unheard).status is TrainingStatus.SUCCEEDED


def test_a_rate_limit_for_the_start_starts_nothing_and_the_same_command_does(
    remote: FakeRemote, make_run: MakeRun
) -> None:
    run = make_run()
    remote.set(faults=[{"like": START, "do": "answer", "status": 429}])
    with pytest.raises(RemoteRefused, match="the same command asks again"):
        train_run(run, unheard)
    assert not known(run).is_asked
    assert train_run(run, unheard).status is TrainingStatus.SUCCEEDED
    assert (len(remote.ledger("upload")), len(remote.ledger("start")), spent(run)) == (1, 1, 1.0)


def test_a_500_and_a_hang_on_the_way_are_outlived(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(answer_seconds="0.2")
    faults = [{"like": LOOK, "do": "answer", "status": 500}, {"like": LOOK, "do": "hang", "seconds": 0.4}]
    remote.set(faults=[*faults, {"like": "GET /out", "do": "drop"}])
    assert train_run(run, unheard).status is TrainingStatus.SUCCEEDED


def test_a_truncated_download_is_fetched_again(remote: FakeRemote, make_run: MakeRun, told: list[str]) -> None:
    run = make_run()
    remote.set(faults=[{"like": "GET /out", "do": "truncate", "times": 2}])
    assert train_run(run, told.append).status is TrainingStatus.SUCCEEDED
    assert sum(call.startswith("GET /out") for call in remote.calls) == 3


def test_a_key_that_is_not_taken_is_told_without_the_key(
    remote: FakeRemote, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    monkeypatch.setenv("REPLICATE_API_TOKEN", f"{KEY}2")
    with pytest.raises(RemoteRefused, match=r"401 no such key: Bearer \[key\]; the key is not taken") as told:
        train_run(run, unheard)
    assert KEY not in repr(told.value)
    monkeypatch.setenv("REPLICATE_API_TOKEN", KEY)
    assert train_run(run, unheard).status is TrainingStatus.SUCCEEDED


@pytest.mark.parametrize("key", ["", "two words", "ключ", "line\nend"])
def test_what_is_no_key_is_not_sent(
    remote: FakeRemote, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("REPLICATE_API_TOKEN", key)
    with pytest.raises(KeyUnusable, match="REPLICATE_API_TOKEN"):
        train_run(make_run(), unheard)
    assert remote.calls == []


def test_a_key_goes_in_clear_to_this_machine_alone(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(base_url='"http://trainer.example"')
    with pytest.raises(TrainerUnusable, match="no https address"):
        train_run(run, unheard)


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


def test_a_dead_result_is_told(remote: FakeRemote, make_run: MakeRun, tmp_path: Path) -> None:
    spoil(tmp_path / "account" / "result.safetensors")
    run = make_run()
    with pytest.raises(DeadCheckpoint, match="dead"):
        train_run(run, unheard)
    assert known(run).status is TrainingStatus.DEAD


def test_an_unreachable_remote_starts_nothing(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(patience_seconds="0.0", base_url='"http://127.0.0.1:9"')
    with pytest.raises(RemoteAway, match="goes on from here"):
        train_run(run, unheard)
    set_lines(run, base_url=f'"{remote.url}"')
    assert train_run(run, unheard).status is TrainingStatus.SUCCEEDED


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


def test_another_remote_is_not_asked_in_the_middle(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(patience_seconds="0.0")
    remote.set(faults=[{"like": LOOK, "do": "answer", "status": 500}])
    with pytest.raises(RemoteRefused):
        train_run(run, unheard)
    set_lines(run, base_url='"https://other.example"')
    with pytest.raises(EnvironmentChanged, match=r"training\.remote\.base_url: http://127"):
        train_run(run, unheard)


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
