"""What is about to be paid for at a remote, beside the state, in the training's own folder.

A state that was lost, or put back from an older copy, knows nothing of a start that was paid for since; this file does,
and lies where the state's copies do not. It is written before the call, and taken away where nothing was started.
"""

from pathlib import Path
from typing import Final

import msgspec

from kilnmark.keymaps.files.atomic import sync_folder, written_whole
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.spending import reserved_of
from kilnmark.lab.run.state import Spending
from kilnmark.lab.run.trained import Training
from kilnmark.lab.training.record import FOLDER, current, folder_of, update

__all__ = ["AskedStart", "forget_asked", "note_asked", "recall_asked", "recount_trainings"]

ASKED: Final = "asked.json"


class AskedStart(msgspec.Struct, frozen=True, kw_only=True):
    """A start that was asked for, or may have been.

    Attributes:
        at: When.
        key: The training's idempotency key.
        upload: The address of its dataset at the remote.
        amount: What it may cost at most, or did cost, in the run's currency.
    """

    at: str
    key: str
    upload: str
    amount: float


def note_asked(run: Run, amount: float) -> None:
    """Write down that the start of the run's training is asked for, or what it came to cost; on disk, synced.

    Raises:
        RunUnusable: It cannot be written; nothing may be asked for then.
    """
    training, place = current(run), folder_of(run) / ASKED
    asked = AskedStart(at=now(), key=training.key, upload=training.upload or "", amount=amount)
    try:
        with written_whole(place, alone=True) as file:
            file.write(msgspec.json.format(msgspec.json.encode(asked)) + b"\n")
        sync_folder(place.parent.parent)
    except OSError as error:
        raise RunUnusable(str(place), error.strerror or str(error), "make room for it") from error


def forget_asked(run: Run) -> None:
    """Take it away again: the remote says that nothing was started."""
    (folder_of(run) / ASKED).unlink(missing_ok=True)


def recall_asked(run: Run) -> Training:
    """Let the run's training be one that was asked for, where the state is older than that; as it is then.

    Raises:
        RunUnusable: What lies beside it cannot be read.
    """
    training = current(run)
    asked = _read(folder_of(run) / ASKED)
    if asked is None or asked.key != training.key or training.is_asked or training.remote_id is not None:
        return training
    return update(run, is_asked=True, upload=asked.upload or training.upload)


def recount_trainings(run: Run) -> None:
    """Put back into the state what trainings were paid for and it does not know of: the budget is one.

    Raises:
        RunUnusable: What lies beside it cannot be read, or the state not be written.
    """
    found = [(path, _read(path)) for path in sorted((run.folder / FOLDER).glob(f"*/{ASKED}"))]
    missing = [
        Spending(at=asked.at, what=f"{run.relative(path.parent)}: found beside it", key=asked.key, amount=asked.amount)
        for path, asked in found
        if asked is not None and reserved_of(run.state, asked.key) is None and asked.amount > 0
    ]
    if missing:
        run.change(spending=(*run.state.spending, *missing))


def _read(path: Path) -> AskedStart | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=AskedStart)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RunUnusable(str(path), str(error), "put back a copy of it; it says what was paid for") from error
