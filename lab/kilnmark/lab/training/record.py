"""The record of a run's training in its state: begun, changed, kept; and where its own files lie.

Every training of a run has a folder of its own, by number, so that none writes over another. What is recorded is on
disk when these functions return.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from kilnmark.lab.dataset.written.trainers import steps_taken
from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.spending import settled
from kilnmark.lab.run.trained import Training, TrainingStatus
from kilnmark.lab.training.errors import NewTrainingNeeded, TrainingEnded

__all__ = ["FOLDER", "begin", "current", "ended", "evidence", "folder_of", "numbers_of", "update"]

FOLDER: Final = "training"
"""Where trainings have their folders, in the run's."""

TRAINED: Final = "trained"
"""The origin of a checkpoint that came of the run's own training."""


def current(run: Run) -> Training:
    """The training that is recorded.

    Raises:
        NewTrainingNeeded: None is.
    """
    if run.state.training is None:
        raise NewTrainingNeeded(str(run.folder), "no training was begun")
    return run.state.training


def update(run: Run, **changed: Any) -> Training:
    """Change what is recorded of it."""
    training = msgspec.structs.replace(current(run), **changed)
    run.change(training=training)
    return training


def _steps(run: Run, trainer: str) -> int:
    pairs = run.state.preflight.pairs if run.state.preflight else 0
    return steps_taken(trainer, run.plan.training.steps, pairs)


def begin(run: Run, trainer: str, environment: Mapping[str, str]) -> Training:
    """Record that a training is intended; what was recorded before stays beside it."""
    before = run.state.training
    training = Training(
        at=now(),
        status=TrainingStatus.INTENDED,
        trainer=trainer,
        key=f"kilnmark-{run.state.run_id}-{os.urandom(8).hex()}",
        environment=dict(environment),
        steps=_steps(run, trainer),
        numbers=numbers_of(run),
        folder=run.relative(_free_folder(run)),
        earlier=() if before is None else (*before.earlier, msgspec.structs.replace(before, earlier=())),
    )
    spending = run.state.spending
    if before is not None and not before.is_asked:
        spending = settled(spending, before.key, before.cost or 0.0)
    kept = tuple(checkpoint for checkpoint in run.state.checkpoints if checkpoint.origin != TRAINED)
    run.change(training=training, spending=spending, checkpoints=kept)
    return training


def ended(run: Run, status: TrainingStatus, failure: str, mend: str, **changed: Any) -> TrainingEnded:
    """Record that it came to nothing; the error that says so."""
    training = update(run, status=status, failure=failure, ended=now(), process=None, **changed)
    log = str(run.folder / training.log) if training.log else "none"
    return TrainingEnded(str(run.folder), failure, log, mend)


def folder_of(run: Run) -> Path:
    """The folder of the training that is recorded; it is there when this returns."""
    place = run.folder / current(run).folder
    place.mkdir(parents=True, exist_ok=True)
    return place


def numbers_of(run: Run) -> dict[str, str]:
    """What decides what a training comes to, by entry of `run.toml`, as texts."""
    plan = run.plan
    remote = plan.training.remote
    is_remote = plan.training.trainer == "remote"
    later = {"convention"} if is_remote else set()  # what comes of it is written anew here, once it is paid for
    chosen = plan.training.model_dump(mode="json", exclude={"remote", "command", "checkout", *later})
    if remote is not None and is_remote:
        chosen |= {f"remote.{name}": value for name, value in remote.model_dump(mode="json").items() if name in _REMOTE}
    chosen |= {"command": " ".join(plan.training.command)}
    told = {f"training.{name}": str(value) for name, value in chosen.items()}
    return told | {
        "base": plan.base,
        "kind": plan.kind,
        "trigger": plan.trigger,
        "dataset.size": str(plan.dataset.size),
    }


_REMOTE = {"base_url", "model", "version", "destination", "dataset_input", "inputs"}
"""What else a remote's section says is about waiting and paying, and may change."""


def evidence(run: Run) -> str | None:
    """What speaks of a training that the state knows nothing of, in words; None: nothing does."""
    state = run.state
    if state.training is not None:
        later = [path for number, path in _folders(run) if number > _number_of(state.training)]
        return f"state.json knows nothing of what began in {run.relative(later[0])}" if later else None
    known = {checkpoint.file for checkpoint in state.checkpoints}
    place = run.folder / "checkpoints"
    files = [path for path in sorted(place.rglob("*")) if path.is_file()] if place.is_dir() else []
    strange = [path for path in files if run.relative(path) not in known and not path.name.startswith(".")]
    strange += [path for _, path in _folders(run)]
    if strange:
        missing = "state.json knows nothing of a training" if run.had_state else "state.json is missing"
        return f"{missing}, and {run.relative(strange[0])} speaks of one"
    if any(entry.key.startswith("kilnmark-") and entry.amount > 0 for entry in state.spending):
        return "state.json knows nothing of a training, and one was paid for"
    return None


def _free_folder(run: Run) -> Path:
    taken = max((number for number, _ in _folders(run)), default=0)
    return run.folder / FOLDER / str(taken + 1)


def _folders(run: Run) -> list[tuple[int, Path]]:
    """The folders of trainings that there are, by number, whatever is in them."""
    place = run.folder / FOLDER
    found = place.iterdir() if place.is_dir() else ()
    return sorted((int(path.name), path) for path in found if path.name.isascii() and path.name.isdecimal())


def _number_of(training: Training) -> int:
    name = training.folder.rpartition("/")[2]
    return int(name) if name.isdecimal() else 0
