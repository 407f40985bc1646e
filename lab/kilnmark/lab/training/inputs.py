"""What a trainer is given of a run: its dataset as preflight left it, its own file of choices with today's numbers.

How either is written is the dataset room's; here it is asked for, and held to be whole on this machine.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kilnmark.lab.dataset.errors import NotPreflighted
from kilnmark.lab.dataset.recorded import trainer_folder, trainer_input
from kilnmark.lab.dataset.written.copies import INDEX, PICTURES, Copies
from kilnmark.lab.dataset.written.order import TrainerOrder
from kilnmark.lab.dataset.written.trainers import WRITERS
from kilnmark.lab.run.folder import Run
from kilnmark.lab.training.trainers import Trainer
from kilnmark.protocol.picture.catalog import row_of

__all__ = ["TrainerInputs", "inputs_for"]


@dataclass(frozen=True, slots=True)
class TrainerInputs:
    """What a trainer is given.

    Attributes:
        given: What was written for it: its file of choices, or a zip.
        data: The folder of pictures and captions, or the zip.
    """

    given: Path
    data: Path

    @property
    def sha256(self) -> str:
        """Of the bytes of what was written."""
        with self.given.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def inputs_for(run: Run, trainer: Trainer, output: Path) -> TrainerInputs:
    """Write what a trainer is given, with the numbers that `run.toml` has now.

    Args:
        run: The run.
        trainer: The row.
        output: Where the trainer is to leave its checkpoints.

    Raises:
        NotPreflighted: The dataset was not looked at, or what was written then is not here.
        DatasetRefused, DatasetChanged, DatasetMissing: It cannot be trained on.
        LayoutUnwritable: It cannot be written.
    """
    trainer_input(run)
    folder = trainer_folder(run)
    copies = _copies(run, folder)
    order = TrainerOrder(
        name=run.plan.name,
        kind=run.plan.kind,
        base=row_of(run.plan.base),
        size=run.plan.dataset.size,
        numbers=run.plan.training,
        copies=copies,
        folder=folder,
        output=output,
    )
    given = WRITERS[trainer.name](order)
    return TrainerInputs(given, given if trainer.is_remote else folder / PICTURES)


def _folder(run: Run, given: Path) -> Path:
    """Where the folder of copies lies that something was written beside, or into."""
    found = next((parent for parent in given.parents if (parent / INDEX).is_file()), None)
    if found is None:
        raise NotPreflighted(str(run.folder), "what was written for its trainer is not there")
    return found


def _copies(run: Run, folder: Path) -> Copies:
    """The folder of copies: whole, which links are not where the dataset lies elsewhere now."""
    try:
        copies = msgspec.json.decode((folder / INDEX).read_bytes(), type=Copies)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotPreflighted(str(run.folder), "what was written for its trainer is not there") from error
    for pair in copies.pairs:
        if not (folder / PICTURES / pair.file).is_file():
            raise NotPreflighted(str(run.folder), f"{pair.name} is not where it was when it was looked at")
    return copies
