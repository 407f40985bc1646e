"""A run's preflight: its dataset looked at, what was found left in the run, and what its trainer is given.

The dataset itself stays where it is: `inputs/dataset.json` has its files by name and hash, so that a run on another
machine, or a month later, knows whether it is still the same.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.dataset.errors import DatasetChanged, DatasetRefused, LayoutUnwritable, NotPreflighted
from kilnmark.lab.dataset.preflight import ExaminedDataset, Lesson, digest_of, examine
from kilnmark.lab.dataset.report import DatasetReport
from kilnmark.lab.dataset.sheet import write_sheets
from kilnmark.lab.dataset.thumbnails import Thumbnails
from kilnmark.lab.dataset.written.copies import unwritable_told
from kilnmark.lab.dataset.written.trainers import Writing, trainers_of, write_for
from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.state import Outcome, Preflight, TrainingStatus
from kilnmark.protocol.printable import encodable_json

__all__ = [
    "DatasetFile",
    "DatasetInputs",
    "WrittenPreflight",
    "preflight_run",
    "trainer_folder",
    "trainer_input",
    "write_preflight",
]

_STEM: Final = "dataset"
_TRAINER: Final = "trainer"
_BOUND = (TrainingStatus.INTENDED, TrainingStatus.RUNNING, TrainingStatus.SUCCEEDED)
"""A training that stands so is of the dataset that it began with."""


class DatasetFile(msgspec.Struct, frozen=True, kw_only=True):
    """One picture of a dataset, by reference.

    Attributes:
        name: Below the dataset's folder.
        sha256: Of its bytes.
        caption_sha256: Of its caption on one line, in UTF-8; None: it has none.
    """

    name: str
    sha256: str
    caption_sha256: str | None


class DatasetInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is trained on.

    Attributes:
        path: The dataset's folder, as the plan has it.
        sha256: Over all of it.
        files: Every picture with its caption.
    """

    path: str
    sha256: str
    files: tuple[DatasetFile, ...]


@dataclass(frozen=True, slots=True)
class WrittenPreflight:
    """A preflight and what it left.

    Attributes:
        report: What was found.
        report_path: The same as JSON.
        sheets: The pages of the contact sheet.
        given: What each trainer is to be given, by its name; nothing where the dataset was refused.
    """

    report: DatasetReport
    report_path: Path
    sheets: tuple[Path, ...]
    given: dict[str, Path]


def preflight_run(
    run: Run,
    *,
    counter: TokenCounter | None = None,
    seen: Callable[[int, int], object] = lambda done, of: None,  # noqa: ARG005 - as in `examine`
) -> WrittenPreflight:
    """Look at a run's dataset, and leave in the run what was found and what its trainer is given.

    Args:
        run: The run, held.
        counter: Who counts tokens; None: by the tokenizers that are on this machine.
        seen: As in `examine`.

    Raises:
        DatasetMissing: There is no dataset where the plan says.
        DatasetChanged: The run was trained on another one.
        LayoutUnwritable: Something cannot be written.
        UnknownVariant: There is no such base.
    """
    plan = run.plan
    lesson = Lesson(plan.kind, plan.trigger, plan.base)
    with Thumbnails() as thumbnails:
        examined = examine(run.dataset, plan.dataset, lesson, counter=counter, thumbnails=thumbnails, seen=seen)
        _bound(run, examined.report)
        writing = Writing(trainer_folder(run), plan.name, plan.training, run.folder / "training")
        trainers = [plan.training.trainer] if plan.training.trainer in trainers_of(plan.base) else []
        written = write_preflight(examined, thumbnails, run.report, trainers, writing)
    with unwritable_told(run.inputs):
        _write_json(run.inputs / f"{_STEM}.json", _inputs(examined, plan.dataset.path))
    run.change(preflight=_state(run, written))
    return written


def write_preflight(
    examined: ExaminedDataset, thumbnails: Thumbnails, folder: Path, trainers: list[str], writing: Writing
) -> WrittenPreflight:
    """Write what was found of a dataset and, if it can be trained on, what trainers are given.

    Args:
        examined: The dataset, looked at.
        thumbnails: Its pictures, as `examine` kept them.
        folder: Where the report and the contact sheet are to lie. It is made where it is absent.
        trainers: Some of those that `trainers_of` has for its base.
        writing: What trainers are to be told.

    Raises:
        DatasetChanged: It is not any more what was looked at.
        LayoutUnwritable: Something cannot be written.
    """
    report = examined.report
    if folder.resolve().is_relative_to(examined.root.resolve()):
        raise LayoutUnwritable(str(folder), "it lies within the dataset, which is never changed", "name another folder")
    with unwritable_told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{_STEM}.json"
        _write_json(path, report)
        sheets = write_sheets(examined, thumbnails, folder, _STEM)
    given = write_for(examined, trainers, writing) if report.passed and trainers else ()
    return WrittenPreflight(report, path, sheets, dict(zip(trainers, given, strict=False)))


def trainer_folder(run: Run) -> Path:
    """Where what a run's trainer is given lies: the folder of copies, and a file in the trainer's own form."""
    return run.inputs / _TRAINER


def trainer_input(run: Run) -> Path:
    """What a run's trainer is to be given, after its dataset was compared with what was looked at, file by file.

    Raises:
        NotPreflighted: The dataset was not looked at, or what was written then is not there any more.
        DatasetRefused: It was refused.
        DatasetChanged: It is not any more what was looked at.
        DatasetMissing: It is not there.
        LayoutUnwritable: The run's trainer has nothing for its base.
    """
    preflight = run.state.preflight
    if preflight is None:
        raise NotPreflighted(str(run.folder), "its dataset was not looked at")
    if preflight.outcome is not Outcome.PASSED:
        raise DatasetRefused(str(run.dataset), preflight.problems[: preflight.refused])
    if digest_of(run.dataset) != preflight.sha256:
        raise DatasetChanged(str(run.dataset), "the preflight", f"run `kilnmark lab preflight --run {run.folder}`")
    if run.plan.training.trainer not in trainers_of(run.plan.base):
        reason = f"{run.plan.training.trainer} does not train {run.plan.base}"
        raise LayoutUnwritable(str(trainer_folder(run)), reason, "choose another trainer in run.toml")
    given = preflight.given.get(run.plan.training.trainer)
    if given is None or not (run.folder / given).exists():
        raise NotPreflighted(str(run.folder), f"nothing is written for {run.plan.training.trainer}")
    return run.folder / given


def _bound(run: Run, report: DatasetReport) -> None:
    """A training is of one dataset: a run keeps the one that it was trained on."""
    before, training = run.state.preflight, run.state.training
    if before is None or training is None or training.status not in _BOUND or before.sha256 == report.sha256:
        return
    mend = "put back what was there, or make a run of its own for it with `kilnmark lab new`"
    raise DatasetChanged(str(run.dataset), f"the training of {training.at}", mend)


def _state(run: Run, written: WrittenPreflight) -> Preflight:
    report = written.report
    return Preflight(
        at=now(),
        outcome=report.outcome,
        pairs=report.pairs,
        sha256=report.sha256,
        problems=report.problems(),
        refused=len(report.refusals()),
        report=run.relative(written.report_path),
        sheets=tuple(run.relative(sheet) for sheet in written.sheets),
        given={trainer: run.relative(path) for trainer, path in written.given.items()},
    )


def _inputs(examined: ExaminedDataset, path: str) -> DatasetInputs:
    files = [
        DatasetFile(
            name=picture.name,
            sha256=look.sha256,
            caption_sha256=None
            if picture.caption is None
            else hashlib.sha256(picture.caption.encode("utf-8", "surrogateescape")).hexdigest(),
        )
        for picture, look in zip(examined.pictures, examined.looks, strict=True)
    ]
    return DatasetInputs(path=path, sha256=examined.report.sha256, files=tuple(files))


def _write_json(path: Path, document: msgspec.Struct) -> None:
    with written_whole(path) as file:
        file.write(msgspec.json.format(encodable_json(document)) + b"\n")
