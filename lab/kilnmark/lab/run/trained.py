"""What `state.json` says of a run's training and of the checkpoints that came of it, or were brought in.

A part of `state`, which reads and writes it; the rooms that train and import fill it.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

__all__ = ["Checkpoint", "TrainerProcess", "Training", "TrainingStatus"]


class TrainingStatus(StrEnum):
    """Where a training stands."""

    INTENDED = "intended"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"


class TrainerProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A process, known beyond its number, which is given again.

    Attributes:
        host: The machine's name.
        pid: Its number there, and that of its group.
        began: When it was started, as the machine tells it.
    """

    host: str
    pid: int
    began: str


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """The training of a run.

    Attributes:
        at: When it was intended.
        status: Where it stands.
        trainer: Who trains.
        key: The idempotency key of this one training.
        remote_id: What the remote calls it.
        command: The one whole command of a local one.
        environment: Versions that it began with, by name.
        log: Its log, in the run's folder.
        step: Steps that are done.
        failure: The first line that failed, or the remote's own error.
        ended: When it ended.
        steps: That it is to take.
        folder: What is its own, in the run's folder: configuration, log, outputs.
        numbers: What `run.toml` decided of it when it began, by entry.
        process: The process that trains.
        resumed_from: The checkpoint that it last went on from, in the run's folder.
        zip_sha256: Of the dataset that a remote was given.
        upload: The address that the remote gave the dataset, by which its trainings are recognised.
        is_asked: Whether the call that starts it, and costs, may have been made.
        remote_status: What the remote calls its state.
        outputs: What the remote made, by address.
        cost: What the remote charged.
        notes: What people should know of it, in sentences.
        earlier: Trainings of this run that another was wanted in the place of.
    """

    at: str
    status: TrainingStatus
    trainer: str
    key: str
    remote_id: str | None = None
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}
    log: str | None = None
    step: int = 0
    failure: str | None = None
    ended: str | None = None
    steps: int = 0
    folder: str = ""
    numbers: Mapping[str, str] = {}
    process: TrainerProcess | None = None
    resumed_from: str | None = None
    zip_sha256: str | None = None
    upload: str | None = None
    is_asked: bool = False
    remote_status: str | None = None
    outputs: tuple[str, ...] = ()
    cost: float | None = None
    notes: tuple[str, ...] = ()
    earlier: tuple["Training", ...] = ()


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter of a run.

    Attributes:
        step: Of its training; of an imported one, its number.
        file: In the run's folder.
        sha256: Of its bytes.
        origin: `trained` or the name that it was imported under.
        verdict: What the inspection of the file alone says.
        matched_key_count, total_key_count: Keys that were recognised, of all.
        reason: Why it is not engaged.
        note: What people should know of it, a sentence.
    """

    step: int
    file: str
    sha256: str
    origin: str
    verdict: str
    matched_key_count: int
    total_key_count: int
    reason: str | None = None
    note: str | None = None
