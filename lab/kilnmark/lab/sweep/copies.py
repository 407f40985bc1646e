"""Copies of a run's adapters where the daemon reads from, made to be painted, each written down before it is made.

Only what is written down and still has the bytes that were put there is ever removed.
"""

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from kilnmark.client.sync import Client
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.beside import CONFIG, config_beside
from kilnmark.keymaps.files.outputs import is_unspoilt, sha256_of
from kilnmark.lab.errors import RunUnusable
from kilnmark.lab.run.folder import Run
from kilnmark.lab.sweep.errors import NoRoot, NothingToSweep

__all__ = ["COPIES", "AdapterCopies", "RemovedCopies", "RunAdapter", "readable"]

COPIES = "copies.json"
_FOLDER = "kilnmark-lab"
"""Below the daemon's root; in it a folder a run, and in that one an adapter, by its hash."""
_DEPTH = 3
"""Of these folders."""


class RunAdapter(Protocol):
    """An adapter of a run, whichever step tells of it."""

    @property
    def file(self) -> str:
        """In the run's folder."""

    @property
    def sha256(self) -> str:
        """Of its bytes."""


def readable(run: Run, adapters: Sequence[RunAdapter], client: Client) -> dict[str, Path]:
    """Where a daemon finds each adapter of a run, by its hash: where it lies, or in a copy that is made now.

    Args:
        run: Held by the caller.
        adapters: Of it.
        client: Of the daemon, on this machine.

    Raises:
        ClientError: It does not answer.
        NoRoot, NothingToSweep, RunUnusable: As `AdapterCopies.place` does.
    """
    status = client.status()
    roots = [*status.lora_roots, *([status.packs.folder] if status.packs else [])]
    return AdapterCopies(run).place(adapters, roots)


class _Copy(msgspec.Struct, frozen=True):
    """One file that was made, or was about to be."""

    file: str
    sha256: str


@dataclass(frozen=True)
class RemovedCopies:
    """What became of the copies.

    Attributes:
        removed: Files that are gone.
        left: Why each other one stays, in sentences.
    """

    removed: tuple[str, ...]
    left: tuple[str, ...] = ()


class AdapterCopies:
    """The copies that were made for one run.

    Raises:
        RunUnusable: The list of them cannot be read.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._path = run.folder / COPIES
        try:
            self._list = msgspec.json.decode(self._path.read_bytes(), type=list[_Copy])
        except FileNotFoundError:
            self._list = []
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            mend = f"put back a copy of it, or remove it and what lies in {_FOLDER} of the daemon's folders"
            raise RunUnusable(str(self._path), str(error), mend) from error

    def place(self, adapters: Sequence[RunAdapter], roots: Sequence[str]) -> dict[str, Path]:
        """Where the daemon finds each adapter, by its hash: where it lies, or in a copy that is made now.

        Args:
            adapters: Of the run.
            roots: Folders that the daemon reads adapters from.

        Raises:
            NoRoot: It reads from no folder that is known here.
            NothingToSweep: Its file is not the one that was written down.
            RunUnusable: A copy cannot be made.
        """
        return {one.sha256: self._place(one, roots) for one in adapters}

    def remove(self) -> RemovedCopies:
        """Remove every copy that was made and still is what was put there, and the folders that are empty then."""
        removed, left, kept = [], [], []
        for copy in self._list:
            why = _why_left(Path(copy.file), copy.sha256)
            if why is None:
                removed += _remove(Path(copy.file))
            else:
                left.append(f"{copy.file} {why}")
                kept.append(copy)
        self._write(kept)
        return RemovedCopies(tuple(removed), tuple(left))

    def _place(self, one: RunAdapter, roots: Sequence[str]) -> Path:
        file = self._run.folder / one.file
        if not is_unspoilt(file, one.sha256):
            raise NothingToSweep(
                f"{file} is not the checkpoint that was written down, or is not there",
                "put it back, or bring it in anew with `kilnmark lab import`",
            )
        real = file.resolve()
        if any(real.is_relative_to(Path(root).resolve()) for root in roots):
            return real
        root = self._run.plan.sweep.root
        if root is None:
            raise NoRoot(str(real.parent), roots)
        chosen = (self._run.folder / Path(root).expanduser()).resolve()
        if not any(chosen.is_relative_to(Path(each).resolve()) for each in roots):
            raise NoRoot(str(chosen), roots)
        return self._copied(real, one.sha256, chosen / _FOLDER / self._run.state.run_id / one.sha256[:16])

    def _copied(self, file: Path, sha256: str, folder: Path) -> Path:
        """In a folder of its own, since a config beside a file is a part of it."""
        goal, config = folder / file.name, config_beside(file)
        try:
            self._copy(file, goal, sha256)
            if config is not None:
                with Path(config).open("rb") as opened:
                    self._copy(Path(config), folder / CONFIG, sha256_of(opened))
        except OSError as error:
            mend = "make room, or name another `root` in [sweep] of run.toml"
            raise RunUnusable(str(goal), error.strerror or str(error), mend) from error
        return goal

    def _copy(self, file: Path, goal: Path, sha256: str) -> None:
        if is_unspoilt(goal, sha256):
            return
        made = _Copy(str(goal), sha256)
        if made not in self._list:
            self._write([*self._list, made])
        goal.parent.mkdir(parents=True, exist_ok=True)
        with file.open("rb") as given, written_whole(goal, alone=True) as taken:
            shutil.copyfileobj(given, taken)
            if sha256_of(taken) != sha256:
                raise OSError(f"{file} was written to while it was copied")

    def _write(self, copies: list[_Copy]) -> None:
        if copies == self._list:
            return
        try:
            with written_whole(self._path, alone=True) as file:
                file.write(msgspec.json.format(msgspec.json.encode(copies)) + b"\n")
        except OSError as error:
            raise RunUnusable(str(self._path), error.strerror or str(error), "make room for it") from error
        self._list = copies


def _why_left(file: Path, sha256: str) -> str | None:
    """Why a file is not to be removed; None: it is the copy, or is gone from a folder that is there."""
    if is_unspoilt(file, sha256) and not file.is_symlink():
        return None
    if file.is_symlink() or file.exists():
        return "is another file by now, and stays"
    if any(parent.name == _FOLDER and parent.parent.is_dir() for parent in file.parents):
        return None
    return "cannot be reached from here, and stays in the list"


def _remove(file: Path) -> list[str]:
    """The file, what a crash left of it, and the folders that were made for it, as far as nothing lies in them."""
    was_there = file.exists()
    for each in (file, file.with_name(f".{file.name}.partial")):
        each.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        for made in tuple(file.parents)[:_DEPTH]:
            made.rmdir()
    return [str(file)] if was_there else []
