"""Calls to a remote that do not come to what was asked for, and the key that goes with them, and nowhere else."""

import pytest

from kilnmark.lab.run.trained import TrainingStatus
from kilnmark.lab.training.errors import (
    EnvironmentChanged,
    KeyUnusable,
    RemoteAway,
    RemoteRefused,
    TrainerUnusable,
)
from kilnmark.lab.training.train import train_run
from tests.lab.faults.remote_bench import KEY, FakeRemote
from tests.lab.training.conftest import LOOK, START, MakeRun, known, set_lines, spent, unheard

pytestmark = pytest.mark.usefixtures("no_key_anywhere")


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


def test_an_unreachable_remote_starts_nothing(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(patience_seconds="0.0", base_url='"http://127.0.0.1:9"')
    with pytest.raises(RemoteAway, match="goes on from here"):
        train_run(run, unheard)
    set_lines(run, base_url=f'"{remote.url}"')
    assert train_run(run, unheard).status is TrainingStatus.SUCCEEDED


def test_another_remote_is_not_asked_in_the_middle(remote: FakeRemote, make_run: MakeRun) -> None:
    run = make_run(patience_seconds="0.0")
    remote.set(faults=[{"like": LOOK, "do": "answer", "status": 500}])
    with pytest.raises(RemoteRefused):
        train_run(run, unheard)
    set_lines(run, base_url='"https://other.example"')
    with pytest.raises(EnvironmentChanged, match=r"training\.remote\.base_url: http://127"):
        train_run(run, unheard)
