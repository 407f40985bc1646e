"""A run's folder held: its plan read, its state read and written whole, one command at a time.

Names of what lies in it stand here, or with what writes it. What a state means is not known here.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec

from kilnmark.client.home import expanded
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.errors import RunInUse, RunMissing, RunUnusable
from kilnmark.lab.run.plan import PLAN, RunPlan, read_plan
from kilnmark.lab.run.state import RunState
from kilnmark.lab.run.summary import SUMMARY, write_summary

__all__ = ["STATE", "SUMMARY", "Run", "is_held", "now", "open_run", "read_state"]

STATE: Final = "state.json"
_LOCK = ".lock"
_BUSY = ".busy"
"""Locked by the command that holds a run, too. Whoever only looks tries this one, so that looking refuses nobody."""
_VERSION = 1

_decode = msgspec.json.Decoder(RunState).decode


def now() -> str:
    """The time, in UTC and ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_state(folder: Path) -> RunState | None:
    """What happened in a run, without holding it; None where nothing did yet.

    Raises:
        RunUnusable: It cannot be read, or a newer program wrote it.
    """
    path = folder / STATE
    try:
        state = _decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RunUnusable(str(path), str(error), "put back a copy of it; it says what was paid for") from error
    if state.version > _VERSION:
        raise RunUnusable(str(path), f"it is of version {state.version}", "use the newer program that wrote it")
    return state


@contextmanager
def open_run(folder: Path) -> Iterator["Run"]:
    """Hold a run until the block ends; others may read it meanwhile.

    Raises:
        RunMissing: The folder is no run.
        RunInUse: Another command holds it.
        RunUnusable: A file of it cannot be read, or one cannot be read or written while it is held.
    """
    if not (folder / PLAN).is_file():
        raise RunMissing(str(folder))
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise RunUnusable(str(folder), error.strerror or str(error), "make it writable") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunInUse(str(folder)) from error
        with _files_told(folder), (folder / _BUSY).open("ab") as busy:
            fcntl.flock(busy, fcntl.LOCK_EX)
            run = Run(folder)
            try:
                yield run
            except BaseException:
                with suppress(RunUnusable):  # what ended the block says more
                    run.leave()
                raise
            run.leave()
    finally:
        os.close(descriptor)


@contextmanager
def _files_told(folder: Path) -> Iterator[None]:
    """What stops a step at any file of a run is told with the file: a full disk, a folder that cannot be written."""
    try:
        yield
    except OSError as error:
        path = str(folder if error.filename is None else error.filename)
        mend = "make room, or let it be read and written; the same command then goes on"
        raise RunUnusable(path, error.strerror or str(error), mend) from error


def is_held(folder: Path) -> bool:
    """Whether a command works in a run at this moment. False, too, where that cannot be told."""
    try:
        with (folder / _BUSY).open("rb") as busy:
            fcntl.flock(busy, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class Run:
    """A run that this process holds.

    Attributes:
        folder: Where it lies, absolute.
        plan: What was decided.
        state: What happened; each change is on disk when `change` returns.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.plan: RunPlan = read_plan(self.folder)
        self.had_state = (self.folder / STATE).exists()
        self.state = read_state(self.folder) or RunState(
            run_id=os.urandom(8).hex(), created=now(), kilnmark=version("kilnmark")
        )

    @property
    def inputs(self) -> Path:
        """Where references to what the run is made of lie, with their hashes."""
        return self._made("inputs")

    @property
    def checkpoints(self) -> Path:
        """Where its adapters lie."""
        return self._made("checkpoints")

    @property
    def cells(self) -> Path:
        """Where the pictures of its sweep lie, with their numbers."""
        return self._made("cells")

    @property
    def report(self) -> Path:
        """Where what was found lies, for people."""
        return self._made("report")

    @property
    def dataset(self) -> Path:
        """The dataset's folder."""
        return Path(os.path.normpath(self.folder / expanded(self.plan.dataset.path)))

    def change(self, **changed: Any) -> RunState:
        """Put other values into the state; it is on disk, synced, when this returns.

        Raises:
            RunUnusable: It cannot be written; the state on disk is as it was.
        """
        state = msgspec.structs.replace(self.state, **changed)
        try:
            with written_whole(self.folder / STATE, alone=True) as file:
                file.write(msgspec.json.format(msgspec.json.encode(state)) + b"\n")
        except OSError as error:
            raise RunUnusable(str(self.folder / STATE), error.strerror or str(error), "make room for it") from error
        self.state, self.had_state = state, True
        return state

    def leave(self) -> None:
        """Write the summary, where there is anything to sum up.

        Raises:
            RunUnusable: It cannot be written.
        """
        if not self.had_state:
            return
        try:
            write_summary(self.folder, self.plan, self.state)
        except OSError as error:
            raise RunUnusable(str(self.folder / SUMMARY), error.strerror or str(error), "make room for it") from error

    def relative(self, path: Path) -> str:
        """A path as the state has it: from the run's folder, with slashes."""
        return path.relative_to(self.folder).as_posix()

    def _made(self, name: str) -> Path:
        place = self.folder / name
        place.mkdir(exist_ok=True)
        return place
