"""The one whole command of a training: a row's, or the one that `run.toml` gives, with all its places filled.

Where a program lies is found here, too. Nothing is run.
"""

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kilnmark.lab.run.folder import Run
from kilnmark.lab.training.errors import TrainerUnusable
from kilnmark.lab.training.trainers import Trainer

__all__ = ["checkout_of", "filled", "started_in", "whole_command"]

_PLACE = re.compile(r"\{([a-z_]+)\}")
_SAMPLE = "a picture"


def whole_command(
    run: Run, trainer: Trainer, *, config: Path | None, data: Path, output: Path, resume: Path | None
) -> tuple[str, ...]:
    """The command of a training.

    Args:
        run: Whose numbers fill it.
        trainer: The row.
        config: The trainer's own file of choices; None: it has none.
        data: The dataset, as it was written for the trainer.
        output: Where its checkpoints are to appear.
        resume: The checkpoint to go on from; None: it begins.

    Raises:
        TrainerUnusable: A place of it stands for nothing, or its program is not here.
    """
    own = run.plan.training.command
    template = own or (trainer.resume if resume is not None and trainer.resume else trainer.command) or ()
    places = {
        **numbers(run),
        "python": sys.executable,
        "config": str(config or ""),
        "data": str(data),
        "output": str(output),
        "checkout": str(checkout_of(run) or ""),
        "base": run.plan.base,
        "kind": run.plan.kind,
        "prompt": run.plan.trigger or _SAMPLE,
        "resume": str(resume or ""),
    }
    program, *rest = filled(trainer.name, template, places)
    return _program(trainer.name, program, started_in(run, trainer)), *rest


def numbers(run: Run) -> dict[str, str]:
    """What is decided of a training, for the places of a command."""
    training = run.plan.training
    return {
        "steps": str(training.steps),
        "save_every": str(training.save_every),
        "rank": str(training.rank),
        "learning_rate": repr(training.learning_rate),
        "seed": str(training.seed),
        "trigger": run.plan.trigger,
        "name": run.plan.name,
        "size": str(run.plan.dataset.size),
    }


def filled(trainer: str, template: Sequence[str], places: Mapping[str, str]) -> tuple[str, ...]:
    """A template with its places filled; a word that comes to nothing is left out.

    Raises:
        TrainerUnusable: A place stands for nothing.
    """
    unknown = sorted({name for word in template for name in _PLACE.findall(word)} - set(places))
    if unknown:
        there = ", ".join(f"{{{name}}}" for name in sorted(places))
        raise TrainerUnusable(trainer, f"{{{unknown[0]}}} in its command stands for nothing", f"there are {there}")
    words = (_PLACE.sub(lambda found: places[found[1]], word) for word in template)
    return tuple(word for word, was in zip(words, template, strict=True) if word or not _PLACE.fullmatch(was))


def checkout_of(run: Run) -> Path | None:
    """The trainer's own folder."""
    named = run.plan.training.checkout
    return None if named is None else Path(os.path.normpath(run.folder / Path(named).expanduser()))


def started_in(run: Run, trainer: Trainer) -> Path:
    """Where a trainer is started.

    Raises:
        TrainerUnusable: There is no such folder.
    """
    checkout = checkout_of(run)
    if checkout is None:
        return run.folder
    place = checkout / (trainer.folder or ".")
    if not place.is_dir():
        raise TrainerUnusable(trainer.name, f"there is no folder {place}", "correct [training] checkout in run.toml")
    return place


def _program(trainer: str, name: str, folder: Path) -> str:
    """A program by its path, from where it is started, beside this Python, or on PATH."""
    if os.sep in name:
        found = name if (folder / name).is_file() else None
    else:
        found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        mend = "install kilnmark[cpu] or [cuda]" if name == "mflux-train" else "install it, or give its path"
        raise TrainerUnusable(trainer, f"its program {name!r} is not here", mend)
    return found
