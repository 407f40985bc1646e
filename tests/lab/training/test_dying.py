"""A remote training that dies at some of its writes and calls, and is gone on with: a selection, within this process.

`make lab-faults` kills a real process at all of them. Here what stands for a death is an error that nothing of ours
catches for good, at some writes and around some calls.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kilnmark.lab.run.folder import read_state
from kilnmark.lab.run.trained import TrainingStatus
from kilnmark.lab.training.errors import TrainingUncertain
from kilnmark.lab.training.remote.transport import PlainTransport
from kilnmark.lab.training.train import Wish, train_run
from tests.lab.faults.remote_bench import FakeRemote
from tests.lab.training.conftest import MakeRun, unheard


class Death(BaseException):
    """Not an `Exception`, so that nobody takes it for an error."""


@contextmanager
def death_at(owner: Any, name: str, count: int, *, after: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Die before or after a call of this name, the count's time; what it yields counts them."""
    call: Callable[..., Any] = getattr(owner, name)
    calls: list[int] = []

    def dying(*args: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == count and not after:
            raise Death
        result = call(*args, **named)
        if len(calls) == count:
            raise Death
        return result

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, dying)
        yield calls


def gone_on_with(run: Path, remote: FakeRemote) -> float:
    """As a person would, who looks at the remote where that is asked for.

    Returns:
        What is still counted for a start that perhaps was.
    """
    try:
        train_run(run, unheard)
    except TrainingUncertain:
        assert remote.ledger("start") == []
        train_run(run, unheard, Wish(new_training=True))
        return 2.0
    return 0.0


def is_right(run: Path, remote: FakeRemote, uncertain: float) -> bool:
    state = read_state(run)
    assert state is not None
    assert state.training is not None
    is_there = [one.step for one in state.checkpoints] == [500, 1000]
    is_done = state.training.status is TrainingStatus.SUCCEEDED and is_there
    is_paid = sum(one.amount for one in state.spending) == 1.0 + uncertain
    return is_done and is_paid and len(remote.ledger("start")) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("count", [3, 9, 15])
def test_at_a_write(
    remote: FakeRemote, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, count: int, after: bool
) -> None:
    run = make_run()
    with death_at(os, "replace", count, after=after, monkeypatch=monkeypatch), pytest.raises(Death):
        train_run(run, unheard)
    assert is_right(run, remote, gone_on_with(run, remote))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("count", [2, 6])
def test_around_a_call(
    remote: FakeRemote, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, count: int, after: bool
) -> None:
    run = make_run()
    with death_at(PlainTransport, "handle_request", count, after=after, monkeypatch=monkeypatch), pytest.raises(Death):
        train_run(run, unheard)
    assert is_right(run, remote, gone_on_with(run, remote))
