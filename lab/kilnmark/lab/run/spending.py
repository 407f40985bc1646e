"""The money of a run: reserved and on disk before it is spent, settled when it is known what was charged.

Every step that costs asks here. What nobody has settled yet counts as spent, since it may have been.
"""

from math import inf

import msgspec

from kilnmark.lab.errors import LabError
from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.state import RunState, Spending
from kilnmark.protocol.exits import ExitCode

__all__ = ["OverBudget", "left_of", "reserve", "reserved_of", "settle", "settled", "spent_of"]

_ROUNDING = 1e-9


class OverBudget(LabError):
    """Something would cost more than is left of a run's budget; nothing was spent.

    Args:
        what: What was to be paid for.
        amount: What it may cost.
        left: What is left.
        limit: Of the budget.
        currency: Of them all.
    """

    kind = "over_budget"
    exit_code = ExitCode.USAGE

    def __init__(self, what: str, amount: float, left: float, limit: float, currency: str) -> None:
        super().__init__(what, amount, left, limit, currency)
        self.what = what
        self.amount = amount
        self.left = left
        self.limit = limit
        self.currency = currency

    def __str__(self) -> str:
        left = max(self.left, 0.0)
        return (
            f"{self.what} may cost {self.amount:.2f} {self.currency}, and {left:.2f} are left of a budget of "
            f"{self.limit:.2f}; nothing was spent; raise [budget] limit in run.toml, or ask for less"
        )


def spent_of(state: RunState) -> float:
    """What was spent of a run's budget, with what is reserved, in the run's currency."""
    return sum(entry.amount for entry in state.spending)


def left_of(run: Run) -> float:
    """What is left of a run's budget, in its currency; below 0 where a remote charged more than was reckoned with."""
    return run.plan.budget.limit - spent_of(run.state)


def reserved_of(state: RunState, key: str) -> Spending | None:
    """What is counted under a key; None: nothing is."""
    return next((entry for entry in state.spending if entry.key == key), None)


def reserve(run: Run, *, what: str, key: str, amount: float) -> None:
    """Count an amount as spent before it is; on disk when this returns.

    Asked again for the same key, the amount takes the place of what was reserved; what is settled stays.

    Args:
        run: Whose budget.
        what: For people: what is paid for.
        key: What `settle` will recognise it by.
        amount: The most that it can cost, in the run's currency.

    Raises:
        OverBudget: It is more than is left.
        RunUnusable: It cannot be written.
    """
    if not 0 <= amount < inf:
        raise ValueError(f"{amount} is no amount")
    before = reserved_of(run.state, key)
    if before is not None and (before.settled or before.amount == amount):
        return
    left = left_of(run) + (before.amount if before else 0.0)
    if amount > left + _ROUNDING and amount > 0:
        raise OverBudget(what, amount, left, run.plan.budget.limit, run.plan.budget.currency)
    entry = Spending(at=now(), what=what, key=key, amount=amount)
    run.change(spending=(*(other for other in run.state.spending if other is not before), entry))


def settle(run: Run, key: str, amount: float) -> None:
    """Put what was charged in the place of what was reserved; on disk when this returns.

    Args:
        run: Whose budget.
        key: As it was reserved under.
        amount: 0: it was refused, and cost nothing.
    """
    run.change(spending=settled(run.state.spending, key, amount))


def settled(spending: tuple[Spending, ...], key: str, amount: float) -> tuple[Spending, ...]:
    """The same with the entry of a key settled, for whoever changes more of a state at once."""
    return tuple(
        msgspec.structs.replace(entry, amount=amount, settled=True) if entry.key == key else entry for entry in spending
    )
