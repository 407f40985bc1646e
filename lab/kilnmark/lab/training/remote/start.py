"""A paid training started at a remote once, whatever happens meanwhile.

What is about to be paid for is on disk before the call, the remote's id the moment it is known. Where the call was
perhaps made and no id is known, the remote is asked for a training of ours; where it shows none, a person decides.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

from kilnmark.lab.judging.asker import recount
from kilnmark.lab.run.folder import Run
from kilnmark.lab.run.plan import RemotePlan
from kilnmark.lab.run.spending import reserve
from kilnmark.lab.run.trained import Training, TrainingStatus
from kilnmark.lab.training.commands import numbers
from kilnmark.lab.training.errors import RemoteAway, RemoteRefused, TrainerUnusable, TrainingUncertain
from kilnmark.lab.training.record import current, update
from kilnmark.lab.training.remote.asked import forget_asked, note_asked, recount_trainings
from kilnmark.lab.training.remote.patience import patiently, pause
from kilnmark.lab.training.remote.wire import Remote

__all__ = ["adopt", "inputs_of", "started"]

_NEVER_STARTED = frozenset({400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 429})
"""Answers after which no training was started; any other leaves that open."""
_LOOKS = 3
_CLOCKS = timedelta(days=1)
"""By so much the clocks of two machines never differ."""
_PLACE = re.compile(r"\{([a-z_]+)\}")


def started(run: Run, plan: RemotePlan, remote: Remote, dataset: Path, tell: Callable[[str], None]) -> str:
    """The remote's id of the run's training, which is started where it was not.

    Args:
        run: Where it is recorded.
        plan: How it is asked for.
        remote: Who is asked.
        dataset: A zip; uploaded once.
        tell: Takes lines for people.

    Raises:
        OverBudget: It may cost more than is left; nothing was started.
        TrainingUncertain: It may have been started, and only a person can find out.
        RemoteRefused: It was not started.
        RemoteAway: Likewise: the remote could not be reached.
    """
    training = current(run)
    if training.remote_id is not None:
        return training.remote_id
    if training.is_asked:
        return _found(run, plan, remote, training, tell)
    inputs_of(run, plan, "")
    recount(run)
    recount_trainings(run)
    longest = plan.price_per_second * plan.longest_seconds
    reserve(run, what=f"training at {plan.base_url}", key=training.key, amount=longest)
    if training.upload is None:
        name = f"{training.key}.zip"
        tell(f"uploading {dataset.name}, {dataset.stat().st_size:,} bytes, to {plan.base_url}")
        address = patiently(plan, lambda: remote.upload(dataset, name=name, key=training.key), tell)
        training = update(run, upload=address)
    elif (there := _started_elsewhere(plan, remote, training, tell)) is not None:
        return _recorded(run, there, tell)
    return _created(run, plan, remote, training, tell)


def adopt(run: Run, plan: RemotePlan, remote: Remote, training_id: str, tell: Callable[[str], None]) -> None:
    """Take a training of the remote's for the run's, as a person says it is.

    Raises:
        RemoteRefused: The remote knows none of that id.
    """
    found = patiently(plan, lambda: remote.look(training_id), tell)
    training = current(run)
    notes = training.notes
    if not found.names(*_marks(training)):
        notes = (*notes, f"training {training_id} was adopted; nothing in its input says that it is of this run")
        tell(notes[-1])
    update(run, remote_id=found.id, status=TrainingStatus.RUNNING, is_asked=True, notes=notes, failure=None, ended=None)


def inputs_of(run: Run, plan: RemotePlan, upload: str) -> dict[str, Any]:
    """What a training is asked with.

    Raises:
        TrainerUnusable: A place in `run.toml` stands for nothing.
    """
    places: Mapping[str, Any] = {**numbers(run), **run.plan.training.model_dump(exclude={"remote"})}
    return {plan.dataset_input: upload, **{name: _filled(value, places) for name, value in plan.inputs.items()}}


def _filled(value: Any, places: Mapping[str, Any]) -> Any:
    """A text with its places filled; one that is nothing but a place is what stands there, number or text."""
    if not isinstance(value, str):
        return value
    unknown = [name for name in _PLACE.findall(value) if name not in places]
    if unknown:
        raise TrainerUnusable("remote", f"{{{unknown[0]}}} in its inputs stands for nothing", "correct run.toml")
    whole = _PLACE.fullmatch(value)
    return places[whole[1]] if whole else _PLACE.sub(lambda found: str(places[found[1]]), value)


def _created(run: Run, plan: RemotePlan, remote: Remote, training: Training, tell: Callable[[str], None]) -> str:
    inputs = inputs_of(run, plan, training.upload or "")
    note_asked(run, plan.price_per_second * plan.longest_seconds)
    update(run, is_asked=True)
    try:
        training_id = remote.create(inputs, key=training.key)
    except (RemoteRefused, RemoteAway) as error:
        if _was_never_started(error):
            forget_asked(run)
            update(run, is_asked=False)
            raise
        tell(f"{error}; looking whether it was started all the same")
        return _found(run, plan, remote, training, tell)
    return _recorded(run, training_id, tell)


def _was_never_started(error: RemoteRefused | RemoteAway) -> bool:
    return not error.was_sent if isinstance(error, RemoteAway) else error.status in _NEVER_STARTED


def _found(run: Run, plan: RemotePlan, remote: Remote, training: Training, tell: Callable[[str], None]) -> str:
    """The one training of ours that the remote lists; it may take a moment to list it."""
    for look in range(_LOOKS):
        if look:
            pause(plan.poll_seconds)
        ours = patiently(plan, partial(_ours, remote, training), tell)
        if len(ours) == 1:
            tell(f"it was started: {ours[0]}")
            return _recorded(run, ours[0], tell)
        if ours:
            break
    raise TrainingUncertain(str(run.folder), plan.base_url, training.key, training.upload or "", training.at)


def _started_elsewhere(plan: RemotePlan, remote: Remote, training: Training, tell: Callable[[str], None]) -> str | None:
    """A training of our dataset, which was uploaded before: the run's folder may have been copied, and begun there."""
    try:
        ours = patiently(plan, partial(_ours, remote, training), tell)
    except RemoteRefused as error:
        if error.is_passing:
            raise
        tell(f"{error.what}: {error.status} {error.detail}; by state.json it was not started yet")
        return None
    return ours[0] if ours else None


def _ours(remote: Remote, training: Training) -> list[str]:
    """The trainings that were asked for with our dataset, none of which is older than our intent."""
    earliest = _earliest(training.at)
    listed = takewhile(lambda one: earliest is None or not one.is_older(earliest), remote.listed())
    return [one.id for one in listed if one.names(*_marks(training))]


def _earliest(at: str) -> datetime | None:
    """The moment before which none of ours was created; None where the state's own is none: all are looked at."""
    try:
        found = datetime.fromisoformat(at)
        return found - _CLOCKS if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _marks(training: Training) -> tuple[str, ...]:
    """What stands in the input of no other training."""
    return tuple(mark for mark in (training.key, training.upload) if mark)


def _recorded(run: Run, training_id: str, tell: Callable[[str], None]) -> str:
    try:
        update(run, remote_id=training_id, status=TrainingStatus.RUNNING)
    except Exception:
        tell(f"the remote started training {training_id}, which could not be written down; it will be asked for again")
        raise
    tell(f"training {training_id} is under way")
    return training_id
