"""A training on this machine: begun or gone on with, watched to its end, its checkpoints taken as they appear."""

import json
import shlex
import signal
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.lab.run.folder import Run, now
from kilnmark.lab.run.trained import Checkpoint, Training, TrainingStatus
from kilnmark.lab.training.collect import Collector
from kilnmark.lab.training.errors import DeadCheckpoint, TrainingEnded
from kilnmark.lab.training.log import LogReader, first_failure, read_text
from kilnmark.lab.training.pace import StepPace
from kilnmark.lab.training.process import GoneOn, OwnChild, begin_process, is_alive
from kilnmark.lab.training.record import current, ended, folder_of, update
from kilnmark.lab.training.trainers import Trainer

__all__ = ["LOCK", "LOG", "OUTPUT", "Tell", "attach", "clear_output", "newest", "resumable", "run_trainer"]

LOG = "train.log"
OUTPUT = "output"
LOCK = "trainer.lock"
"""Names in a training's folder."""

Tell = Callable[[str], None]
"""Takes a line for people."""

_LOOK = 1.0
"""Seconds from one look to the next."""
_NOTED = 10.0
"""Seconds from one note of the step to the next."""


def run_trainer(
    run: Run, trainer: Trainer, command: tuple[str, ...], place: Path, secrets: tuple[str, ...], tell: Tell
) -> Training:
    """Run a trainer to its end.

    Args:
        run: Whose training is recorded.
        trainer: The row.
        command: All of it.
        place: Where it is started.
        secrets: Environment variables that it is not given.
        tell: Takes lines for people.

    Raises:
        TrainerUnusable: It cannot be begun.
        TrainingEnded: It failed.
        DeadCheckpoint: A checkpoint is dead; it was ended.
        KeyboardInterrupt: So it was ended, too; the state says so.
    """
    folder = folder_of(run)
    log = folder / LOG
    begin = _head(log, command)
    update(run, command=command, log=run.relative(log), failure=None, ended=None)
    with _terminated_is_interrupted():
        child = begin_process(trainer.name, command, folder=place, log=log, lock=folder / LOCK, without=secrets)
        try:
            update(run, status=TrainingStatus.RUNNING, process=child.record)
            return _watched(run, trainer, child, begin, tell)
        except BaseException:
            child.end()
            raise


def attach(run: Run, trainer: Trainer, tell: Tell) -> Training | None:
    """Watch a trainer that outlived the command that began it; None: it did not, or did not come to its end.

    Raises:
        DeadCheckpoint, KeyboardInterrupt: As `run_trainer`.
    """
    training = current(run)
    if training.process is None:
        return None
    if is_alive(training.process):
        tell(f"the trainer still works, as process {training.process.pid}; going on with it")
    with _terminated_is_interrupted():
        return _watched(run, trainer, GoneOn(training.process), 0, tell)


def clear_output(run: Run) -> None:
    """Put what an earlier try left aside: a trainer that begins expects nothing, and mflux would write elsewhere."""
    output = folder_of(run) / OUTPUT
    if output.exists():
        taken = sum(1 for path in output.parent.glob(f"{OUTPUT}-before-*"))
        output.rename(output.with_name(f"{OUTPUT}-before-{taken + 1}"))


def newest(run: Run) -> Path | None:
    """The newest checkpoint that mflux goes on from, whole."""
    found = sorted((folder_of(run) / OUTPUT / "checkpoints").glob("*_checkpoint.zip"), reverse=True)
    return next((path for path in found if zipfile.is_zipfile(path) and zipfile.ZipFile(path).testzip() is None), None)


def resumable(run: Run, checkpoint: Path, data: Path) -> Path:
    """A checkpoint of mflux that goes on here: its folders are those of this machine, which the run may be new to.

    mflux (0.24) reads them in the zip's own configuration and manifest, and nowhere else.
    """
    goal = folder_of(run) / f"resume-{checkpoint.name}"
    output = str(folder_of(run) / OUTPUT)
    with (
        zipfile.ZipFile(checkpoint) as source,
        written_whole(goal, alone=True) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as copy,
    ):
        for name in source.namelist():
            copy.writestr(name, _moved(name, source.read(name), output, str(data)))
    return goal


def _moved(name: str, content: bytes, output: str, data: str) -> bytes:
    if name.endswith("_config.json"):
        config = json.loads(content)
        config["checkpoint"]["output_path"] = output
        config["data"] = data
        return json.dumps(config, indent=2).encode()
    if name == "run.json":
        return json.dumps({**json.loads(content), "data_root": data}, indent=2).encode()
    return content


def _head(log: Path, command: tuple[str, ...]) -> int:
    """Write the whole command into the log; where what it says begins."""
    with log.open("ab") as file:
        file.write(f"$ {shlex.join(command)}\n".encode("utf-8", "backslashreplace"))
        return file.tell()


def _watched(run: Run, trainer: Trainer, process: OwnChild | GoneOn, begin: int, tell: Tell) -> Training:
    folder = folder_of(run)
    collector = Collector(run, trainer, folder / OUTPUT)
    steps = current(run).steps or run.plan.training.steps
    reader = LogReader(folder / LOG, steps, begin)
    pace = StepPace(steps, _NOTED)
    try:
        is_over = False
        while not is_over:
            is_over = process.wait(_LOOK)
            for found in collector.look(is_over=is_over):
                _tell_of(run, found, tell)
            if pace.is_due(reader.look()) or is_over:
                update(run, step=max(reader.step, current(run).step))
                tell(pace.words(reader.step))
    except KeyboardInterrupt:
        process.end()
        with _deaf():
            for found in collector.look(is_over=True):
                _tell_of(run, found, tell)
            ended(run, TrainingStatus.CANCELLED, "it was interrupted here", "the same command goes on")
        raise
    except DeadCheckpoint as error:
        process.end()
        with _deaf():
            ended(run, TrainingStatus.DEAD, error.reason, "")
        raise
    return _over(run, trainer, process, begin)


def _over(run: Run, trainer: Trainer, process: OwnChild | GoneOn, begin: int) -> Training:
    """What it came to."""
    status = process.status
    taken = any(checkpoint.origin == "trained" for checkpoint in run.state.checkpoints)
    last = max((known.step for known in run.state.checkpoints if known.origin == "trained"), default=0)
    is_whole = status == 0 if status is not None else last >= run.plan.training.steps
    if is_whole and taken:
        return update(
            run, status=TrainingStatus.SUCCEEDED, ended=now(), process=None, step=max(last, current(run).step)
        )
    raise _failure(run, trainer, status, begin)


def _failure(run: Run, trainer: Trainer, status: int | None, begin: int) -> TrainingEnded:
    text = read_text(folder_of(run) / LOG, begin)
    said = first_failure(text) or "it said nothing"
    if status == 0:
        said = f"{trainer.name} ended well and left no checkpoint; the last that it said: {said}"
    elif status is not None and status < 0:
        said = f"{trainer.name} was ended by {signal.Signals(-status).name}: {said}"
    on = "goes on from the newest checkpoint" if trainer.goes_on else f"begins anew, as {trainer.name} cannot go on"
    return ended(run, TrainingStatus.FAILED, said, f"mend it; the same command then {on}")


def _tell_of(run: Run, found: Checkpoint | str, tell: Tell) -> None:
    if isinstance(found, str):
        update(run, notes=(*current(run).notes, found))
        tell(found)
        return
    keys = f"{found.matched_key_count} of {found.total_key_count} keys"
    tell("; ".join(word for word in (f"{found.file}: {found.verdict}, {keys}", found.reason, found.note) if word))


@contextmanager
def _deaf() -> Iterator[None]:
    """What is written down of an end is written down, however often somebody asks for it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """SIGTERM ends a training as Ctrl-C does, so that no trainer is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
