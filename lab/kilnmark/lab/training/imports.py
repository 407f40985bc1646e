"""`lab import` as a call: adapters that were trained elsewhere become checkpoints of a run, as copies.

One that would change nothing, or is for another model, is refused, and then none of them is taken.
"""

import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.lab.run.folder import Run, open_run
from kilnmark.lab.run.trained import Checkpoint
from kilnmark.lab.training.archives import LeftAdapter, broken, left_in
from kilnmark.lab.training.collect import DEAD, name_of, take
from kilnmark.lab.training.errors import ImportRefused

__all__ = ["import_adapters"]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An adapter and the number that it gets."""

    path: Path
    left: LeftAdapter
    step: int

    @property
    def origin(self) -> str:
        name = self.left.name
        return self.path.name if name == self.path.name else f"{self.path.name}: {name}"


def import_adapters(folder: Path, files: Sequence[Path], *, first_step: int | None = None) -> tuple[Checkpoint, ...]:
    """Take adapters into a run.

    Args:
        folder: The run's.
        files: Safetensors files, or archives of them; links are followed, and copies are taken.
        first_step: The number of the first one, whatever its name says; the next ones follow it. None: as their names
            say; those whose names say nothing are numbered in their order after all others.

    Returns:
        The checkpoints, in the order of the files; one that is there already stays as it was.

    Raises:
        ImportRefused: One is dead, foreign or broken, or two would have one number. Nothing was taken.
        RunMissing, RunInUse, RunUnusable: The run cannot be held.
    """
    with open_run(folder) as run:
        found = [pair for path in files for pair in _found(path)]
        wanted = _numbered(run, found, first_step)
        _check_steps(run, wanted)
        for one in wanted:
            _check_alive(run, one)
        return tuple(_taken(run, one) for one in wanted)


def _found(path: Path) -> list[tuple[Path, LeftAdapter]]:
    try:
        if not path.is_file():
            reason = "it is a folder" if path.is_dir() else "there is no such file"
            raise ImportRefused(str(path), reason, "name an adapter's file, or an archive of some")
        problem = broken(path)
        if problem is not None:
            raise ImportRefused(str(path), f"it is not whole: {problem}", "fetch or copy it again")
        adapters = left_in(path)
    except (OSError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise ImportRefused(str(path), str(error), "fetch or copy it again") from error
    if not adapters:
        raise ImportRefused(str(path), "there is no adapter in it", "name a .safetensors file, or an archive of some")
    return [(path, left) for left in adapters]


def _numbered(run: Run, found: Sequence[tuple[Path, LeftAdapter]], first_step: int | None) -> list[_Wanted]:
    if first_step is not None:
        return [_Wanted(path, left, first_step + place) for place, (path, left) in enumerate(found)]
    told = [left.step for _, left in found if left.step is not None]
    after = max([*told, *(known.step for known in run.state.checkpoints)], default=0)
    there = {Path(known.file).name: known.step for known in run.state.checkpoints}
    wanted = []
    for path, left in found:
        step = left.step
        if step is None:
            digest = left.sha256()
            step = next((known for name, known in there.items() if name == name_of(known, digest)), None)
        if step is None:
            after = step = after + 1
        wanted.append(_Wanted(path, left, step))
    return wanted


def _check_steps(run: Run, wanted: Sequence[_Wanted]) -> None:
    """No two of one number, unless they are one and the same."""
    names = {known.step: Path(known.file).name for known in run.state.checkpoints}
    for one in wanted:
        name = name_of(one.step, one.left.sha256())
        if names.setdefault(one.step, name) != name:
            problem = f"another checkpoint has its number, {one.step}: {names[one.step]}"
            raise ImportRefused(str(one.path), problem, "give it another one with --step")


def _check_alive(run: Run, one: _Wanted) -> None:
    """Inspect a copy, since what stands in an archive has no place of its own."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "adapter.safetensors"
        with one.left.opened() as source, copy.open("wb") as goal:
            shutil.copyfileobj(source, goal)
        found = inspect_file(str(copy), load_shapes(run.plan.base)).inspection
    if found.verdict in DEAD or found.matched_key_count == 0:
        reason = found.reason.replace(f"{found.path}: ", "")
        mend = f"it does not become a checkpoint of a run for {run.plan.base}"
        raise ImportRefused(f"{one.path}", f"{one.left.name} is {found.verdict}: {reason}", mend)


def _taken(run: Run, one: _Wanted) -> Checkpoint:
    try:
        return take(run, one.left, one.step, origin=one.origin)
    except RefusedFile as error:
        raise ImportRefused(str(one.path), str(error), "see [training] convention in run.toml") from error
