"""A started training looked at until it is over: how far it is, what it costs, and its end when it costs too much."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.plan import RemotePlan
from kilnmark.lab.run.spending import reserved_of, settled
from kilnmark.lab.run.state import Spending
from kilnmark.lab.run.trained import TrainingStatus
from kilnmark.lab.training.errors import RemoteAway, TrainingEnded
from kilnmark.lab.training.log import first_failure, step_in
from kilnmark.lab.training.record import current, ended, folder_of, update
from kilnmark.lab.training.remote.asked import note_asked
from kilnmark.lab.training.remote.documents import RemoteTraining, output_addresses
from kilnmark.lab.training.remote.patience import patiently, pause
from kilnmark.lab.training.remote.wire import Remote

__all__ = ["cancel", "followed"]

LOG = "remote.log"
_SHOWN_ERROR = 1000


def followed(
    run: Run, plan: RemotePlan, remote: Remote, training_id: str, tell: Callable[[str], None]
) -> tuple[str, ...]:
    """Look at a training until it has succeeded.

    Returns:
        Where its outputs are.

    Raises:
        TrainingEnded: It failed or was cancelled, in the remote's own words.
        RemoteAway, RemoteRefused: The remote does not say how it goes.
    """
    is_cancelled = False
    while True:
        seen = patiently(plan, lambda: remote.look(training_id), tell)
        _note(run, plan, remote, seen, tell)
        if seen.is_over:
            break
        if not seen.is_under_way:
            raise RemoteAway(f"training {training_id}", f"its status {seen.status!r} means nothing here", was_sent=True)
        if not is_cancelled and _is_too_long(run, plan, seen):
            is_cancelled = True
            tell("it has taken as long as is reserved for it; cancelling it")
            patiently(plan, lambda: remote.cancel(training_id), tell)
        pause(plan.poll_seconds)
    if seen.status != "succeeded":
        raise _failure(run, plan, remote, seen, is_cancelled=is_cancelled)
    addresses = output_addresses(seen.output)
    if not addresses:
        _settle(run, plan, seen)
        raise ended(run, TrainingStatus.FAILED, "it succeeded, and the remote names no output", _mend(run))
    _settle(run, plan, seen)
    update(run, outputs=tuple(map(remote.hidden, addresses)))
    return addresses


def _mend(run: Run) -> str:
    return (
        f"it was not begun again; `kilnmark lab train {run.folder} --new-training` begins another one, and pays for it"
    )


def cancel(run: Run, plan: RemotePlan, remote: Remote, tell: Callable[[str], None]) -> None:
    """Ask for the end of the run's training, and look until it has come.

    Raises:
        TrainingEnded: It has come.
    """
    training_id = current(run).remote_id or ""
    patiently(plan, lambda: remote.cancel(training_id), tell)
    followed(run, plan, remote, training_id, tell)


def _is_too_long(run: Run, plan: RemotePlan, seen: RemoteTraining) -> bool:
    """Whether it would be over what is reserved for it before the next look, whatever `run.toml` says by now."""
    longest, reserved = plan.longest_seconds, reserved_of(run.state, current(run).key)
    if reserved is not None and plan.price_per_second > 0:
        longest = min(longest, reserved.amount / plan.price_per_second)
    seconds = seen.seconds(datetime.now(UTC))
    return seconds is not None and seconds + plan.poll_seconds >= longest


def _note(run: Run, plan: RemotePlan, remote: Remote, seen: RemoteTraining, tell: Callable[[str], None]) -> None:
    """Record what changed since the last look."""
    before = current(run)
    logs = remote.hidden(seen.logs or "")
    steps = (step_in(line, before.steps) for line in logs.replace("\r", "\n").splitlines())
    step = max((step for step in steps if step is not None), default=before.step)
    if logs:
        (folder_of(run) / LOG).write_text(logs, encoding="utf-8", errors="backslashreplace")
    if (step, seen.status) == (before.step, before.remote_status):
        return
    update(run, step=step, remote_status=seen.status, log=f"{before.folder}/{LOG}" if logs else before.log)
    cost = seen.cost(plan.price_per_second, datetime.now(UTC))
    spent = "" if not cost else f", {cost:.2f} {run.plan.budget.currency} until now"
    tell(f"{seen.status}, step {step} of {before.steps}{spent}")


def _failure(run: Run, plan: RemotePlan, remote: Remote, seen: RemoteTraining, *, is_cancelled: bool) -> TrainingEnded:
    told = remote.hidden(seen.error if isinstance(seen.error, str) else _json(seen.error))
    logged = first_failure(remote.hidden(seen.logs or ""))
    said = " ".join(told.split())[:_SHOWN_ERROR] or logged or "the remote says nothing of why"
    if is_cancelled:
        said = f"cancelled here, as long as is reserved for it ([training.remote] longest_seconds): {said}"
    is_failed = seen.status == "failed"
    status = TrainingStatus.FAILED if is_failed else TrainingStatus.CANCELLED
    _settle(run, plan, seen)
    return ended(run, status, f"the remote says: {seen.status}: {said}", _mend(run))


def _settle(run: Run, plan: RemotePlan, seen: RemoteTraining) -> None:
    """Record what it cost; where nobody can tell, what was reserved stays."""
    cost = seen.cost(plan.price_per_second, datetime.now(UTC))
    if cost is None:
        return
    training = msgspec.structs.replace(current(run), cost=cost)
    spending = settled(run.state.spending, training.key, cost)
    if reserved_of(run.state, training.key) is None:  # it was adopted, and paid for before anybody could be asked
        spending = (
            *spending,
            Spending(at=now(), what=f"training {seen.id}", key=training.key, amount=cost, settled=True),
        )
    run.change(training=training, spending=spending)
    note_asked(run, cost)


def _json(value: Any) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()
