"""The money of a run: counted before it is spent, once for each key, and never more than the budget."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.lab.run.folder import Run, open_run, read_state
from kilnmark.lab.run.new import new_run
from kilnmark.lab.run.plan import BudgetPlan, DatasetPlan, RunPlan
from kilnmark.lab.run.spending import OverBudget, left_of, reserve, settle, spent_of


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    plan = RunPlan(name="ink", kind="style", base="mini", dataset=DatasetPlan(path="."), budget=BudgetPlan(limit=5.0))
    new_run(tmp_path / "ink", plan)
    with open_run(tmp_path / "ink") as run:
        yield run


def test_what_is_reserved_is_on_disk_before_it_is_spent(run: Run) -> None:
    reserve(run, what="a training", key="k", amount=4.0)
    state = read_state(run.folder)
    assert state is not None
    assert [(entry.key, entry.amount, entry.settled) for entry in state.spending] == [("k", 4.0, False)]


def test_a_key_is_counted_once(run: Run) -> None:
    reserve(run, what="a training", key="k", amount=4.0)
    reserve(run, what="a training", key="k", amount=4.0)
    assert spent_of(run.state) == 4.0


def test_what_is_more_than_is_left_is_refused_and_not_counted(run: Run) -> None:
    reserve(run, what="a training", key="k", amount=4.0)
    with pytest.raises(OverBudget, match=r"a judgement may cost 1\.50 USD, and 1\.00 are left of a budget of 5\.00"):
        reserve(run, what="a judgement", key="j", amount=1.5)
    assert left_of(run) == 1.0


def test_what_was_charged_takes_the_place_of_what_was_reserved(run: Run) -> None:
    reserve(run, what="a training", key="k", amount=4.0)
    settle(run, "k", 1.25)
    assert left_of(run) == 3.75


def test_what_costs_nothing_is_begun_without_any_budget(run: Run) -> None:
    reserve(run, what="a training", key="k", amount=5.0)
    reserve(run, what="a look", key="l", amount=0.0)
    assert left_of(run) == 0.0


@pytest.mark.parametrize("amount", [-1.0, float("nan"), float("inf")])
def test_what_is_no_amount_is_not_reserved(run: Run, amount: float) -> None:
    with pytest.raises(ValueError, match="no amount"):
        reserve(run, what="a training", key="k", amount=amount)


def test_another_amount_takes_the_place_of_what_was_reserved(run: Run) -> None:
    reserve(run, what="a training", key="k", amount=4.0)
    reserve(run, what="a training", key="k", amount=5.0)
    assert spent_of(run.state) == 5.0
    with pytest.raises(OverBudget):
        reserve(run, what="a training", key="k", amount=5.5)
    settle(run, "k", 1.0)
    reserve(run, what="a training", key="k", amount=2.0)
    assert spent_of(run.state) == 1.0
