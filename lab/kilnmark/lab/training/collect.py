"""Checkpoints taken into a run: copied under their hash, inspected at once, recorded. A dead one stops everything.

Where they come from, a trainer's folder, an archive or a person, is the caller's to know.
"""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.inspection import inspect_file
from kilnmark.keymaps.names.shapes import load_shapes
from kilnmark.keymaps.remap.convert import remap_adapter
from kilnmark.lab.run.folder import Run
from kilnmark.lab.run.trained import Checkpoint
from kilnmark.lab.training.archives import LeftAdapter, broken, left_in
from kilnmark.lab.training.errors import DeadCheckpoint
from kilnmark.lab.training.record import TRAINED, folder_of
from kilnmark.lab.training.trainers import Trainer
from kilnmark.protocol.picture.report import Verdict

__all__ = ["DEAD", "Collector", "is_dead", "name_of", "take"]

_PIECE = 1 << 20
_SETTLED = 60.0
"""Seconds that a file may stay unfinished before it is told of."""
DEAD = frozenset({Verdict.NOOP, Verdict.REFUSED})
"""Verdicts on adapters that change nothing."""


def is_dead(checkpoint: Checkpoint) -> bool:
    """Whether it would change nothing."""
    return checkpoint.matched_key_count == 0 or checkpoint.verdict in DEAD


def name_of(step: int, sha256: str) -> str:
    """What a checkpoint is called in a run: by its step and the bytes that it came as, so that none hides another."""
    return f"{step:07d}-{sha256[:8]}.safetensors"


def take(run: Run, left: LeftAdapter, step: int, *, origin: str = TRAINED) -> Checkpoint:
    """Take an adapter into a run, as a copy; one that is there already stays as it is.

    Args:
        run: Where to; on disk when this returns.
        left: The adapter.
        step: Of its training.
        origin: Where it comes from.

    Returns:
        What is recorded of it, whatever the inspection says.

    Raises:
        RefusedFile: It cannot be written again in the convention that `run.toml` asks for.
        OSError: It cannot be copied.
    """
    sha256 = left.sha256()
    name = name_of(step, sha256)
    place = run.checkpoints / name
    known = next((known for known in run.state.checkpoints if known.file == run.relative(place)), None)
    if known is not None and place.is_file():
        return known
    convention = run.plan.training.convention
    if convention is None:
        _copy(left, place, sha256)
    else:
        original = (folder_of(run) if origin == TRAINED else run.inputs) / "original"
        original.mkdir(parents=True, exist_ok=True)
        _copy(left, original / name, sha256)
        remap_adapter(original / name, place, convention, force=True)
    return _record(run, _inspected(run, place, step, origin, left.note))


def _inspected(run: Run, place: Path, step: int, origin: str, note: str | None) -> Checkpoint:
    found = inspect_file(str(place), load_shapes(run.plan.base)).inspection
    with place.open("rb") as file:
        sha256 = _hash(file)
    return Checkpoint(
        step=step,
        file=run.relative(place),
        sha256=sha256,
        origin=origin,
        verdict=found.verdict,
        matched_key_count=found.matched_key_count,
        total_key_count=found.total_key_count,
        reason=None if found.verdict is Verdict.ENGAGED and found.usual_scale is None else found.reason,
        note=note,
    )


def _record(run: Run, checkpoint: Checkpoint) -> Checkpoint:
    others = [known for known in run.state.checkpoints if known.file != checkpoint.file]
    ordered = sorted([*others, checkpoint], key=lambda known: (known.step, known.file))
    if tuple(ordered) != run.state.checkpoints:
        run.change(checkpoints=tuple(ordered))
    return checkpoint


def _copy(left: LeftAdapter, goal: Path, sha256: str) -> None:
    if goal.is_file():
        with goal.open("rb") as there:
            if _hash(there) == sha256:
                return
    with left.opened() as source, written_whole(goal, alone=True) as copy:
        for piece in _pieces(source):
            copy.write(piece)
        copy.seek(0)
        if _hash(copy) != sha256:
            raise OSError(f"{left.name} changed while it was copied")


def _hash(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    for piece in _pieces(file):
        found.update(piece)
    return found.hexdigest()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


class _Seen(msgspec.Struct):
    """A file of an output folder as it was last seen."""

    size: int
    mtime_ns: int
    since: float
    is_taken: bool = False
    is_told: bool = False


class Collector:
    """Takes checkpoints out of a trainer's output folder as they appear.

    Args:
        run: Where to.
        trainer: How its checkpoints are called.
        output: The folder.
    """

    def __init__(self, run: Run, trainer: Trainer, output: Path) -> None:
        self._run = run
        self._trainer = trainer
        self._output = output
        self._seen: dict[Path, _Seen] = {}
        self._told = {known.file for known in run.state.checkpoints}

    def look(self, *, is_over: bool) -> Iterator[Checkpoint | str]:
        """Take what is new and whole.

        Args:
            is_over: The trainer writes no more, so what is not whole never will be.

        Yields:
            Each checkpoint that was not known before, when it is recorded, or a sentence about a file that is none.

        Raises:
            DeadCheckpoint: One is dead; it is recorded.
        """
        for step, path in self._appeared():
            yield from self._look_at(step, path, is_over=is_over)

    def _look_at(self, step: int, path: Path, *, is_over: bool) -> Iterator[Checkpoint | str]:
        seen = self._sight(path)
        if seen is None or seen.is_taken:
            return
        problem = broken(path)
        if problem is not None:
            if not seen.is_told and (is_over or time.monotonic() - seen.since > _SETTLED):
                seen.is_told = True
                yield f"{path.name} is not whole: {problem}"
            return
        taken = [self._taken(left, step) for left in left_in(path)]
        seen.is_taken = True
        yield from (one for one in taken if isinstance(one, str) or one.file not in self._told)
        for one in taken:
            if isinstance(one, Checkpoint) and is_dead(one):
                raise DeadCheckpoint(str(self._run.folder), one.file, one.reason or one.verdict)

    def _taken(self, left: LeftAdapter, step: int) -> Checkpoint | str:
        try:
            return take(self._run, left, step)
        except RefusedFile as error:
            return f"{left.name} was not taken: {error}"

    def _sight(self, path: Path) -> _Seen | None:
        """What is known of a file; anew where it changed since. None: it is gone again."""
        try:
            found = path.stat()
        except OSError:
            return None
        seen = self._seen.get(path)
        if seen is None or (seen.size, seen.mtime_ns) != (found.st_size, found.st_mtime_ns):
            seen = self._seen[path] = _Seen(found.st_size, found.st_mtime_ns, time.monotonic())
        return seen

    def _appeared(self) -> list[tuple[int, Path]]:
        """Checkpoints by step. That of step 0 is left out: nothing was learnt, and it is dead by right."""
        if not self._output.is_dir():
            return []
        files = [path for path in self._output.rglob("*") if path.is_file()]
        found = [(step, path) for path in files if (step := self._step(path)) is not None and step > 0]
        return sorted(found)

    def _step(self, path: Path) -> int | None:
        name = path.relative_to(self._output).as_posix()
        for pattern in self._trainer.checkpoints:
            if matched := pattern.fullmatch(name):
                return int(matched["step"])
        is_last = self._trainer.names_last and path.name == f"{self._run.plan.name}.safetensors"
        return self._run.plan.training.steps if is_last else None
