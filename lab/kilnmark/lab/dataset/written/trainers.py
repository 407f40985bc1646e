"""Which trainers a dataset can be written for, and what is written for each: one row a trainer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kilnmark.lab.dataset.preflight import ExaminedDataset
from kilnmark.lab.dataset.written.ai_toolkit import write_ai_toolkit
from kilnmark.lab.dataset.written.archive import write_archive
from kilnmark.lab.dataset.written.copies import unwritable_told, write_copies
from kilnmark.lab.dataset.written.kohya import write_kohya
from kilnmark.lab.dataset.written.mflux import mflux_steps, write_mflux
from kilnmark.lab.dataset.written.mlx_examples import write_lines
from kilnmark.lab.dataset.written.order import TrainerOrder
from kilnmark.lab.run.plan import TrainingPlan
from kilnmark.protocol.picture.catalog import row_of

__all__ = ["WRITERS", "Writing", "steps_taken", "trainers_of", "write_for"]

WRITERS: Final[Mapping[str, Callable[[TrainerOrder], Path]]] = {
    "mflux": write_mflux,
    "mlx-examples": write_lines,
    "ai-toolkit": write_ai_toolkit,
    "kohya": write_kohya,
    "remote": write_archive,
}
"""By what the lab calls each trainer."""

_ANY_BASE = frozenset({"kohya", "remote"})
"""Theirs says nothing of a base."""


def trainers_of(base: str) -> tuple[str, ...]:
    """Those that something can be written for, where a variant is trained.

    Raises:
        UnknownVariant: There is no such variant.
    """
    known = row_of(base).trained_as
    return tuple(trainer for trainer in WRITERS if trainer in _ANY_BASE or trainer in known)


def steps_taken(trainer: str, steps: int, pairs: int) -> int:
    """How many steps a trainer takes where so many are asked of it, with so many pairs."""
    return mflux_steps(steps, pairs) if trainer == "mflux" and pairs else steps


@dataclass(frozen=True, slots=True)
class Writing:
    """Where a dataset is written to, and for what.

    Attributes:
        folder: Where everything is to lie.
        name: What the adapter is to be called.
        numbers: Of the training.
        output: Where trainers are to leave what they make.
    """

    folder: Path
    name: str
    numbers: TrainingPlan
    output: Path


def write_for(examined: ExaminedDataset, trainers: Sequence[str], writing: Writing) -> tuple[Path, ...]:
    """Write a dataset for trainers; the dataset stays as it is.

    Args:
        examined: The dataset, looked at and not refused.
        trainers: Keys of `WRITERS`.
        writing: Where to, and for what.

    Returns:
        What each trainer is to be given, in the order of their names.

    Raises:
        DatasetRefused: It was refused.
        DatasetChanged: It is not any more what was looked at.
        LayoutUnwritable: Something cannot be written.
    """
    folder = writing.folder.absolute()
    report = examined.report
    order = TrainerOrder(
        name=writing.name,
        kind=report.kind,
        base=row_of(report.base),
        size=report.size,
        numbers=writing.numbers,
        copies=write_copies(examined, folder),
        folder=folder,
        output=writing.output.absolute(),
    )
    with unwritable_told(folder):
        return tuple(WRITERS[trainer](order) for trainer in trainers)
