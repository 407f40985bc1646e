"""Which pictures of a dataset the painted ones are held beside. Nothing is decided of them here."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kilnmark.lab.judging.errors import NothingToJudge
from kilnmark.lab.run.folder import Run

__all__ = ["dataset_pictures", "from_run", "references_of", "spread"]

_SUFFIXES: Final = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


def references_of(run: Run, cells: int, *, each_its_own: bool) -> list[tuple[Path, ...]]:
    """What each cell is held beside.

    Args:
        run: The run.
        cells: How many there are.
        each_its_own: Other ones for each, so that nobody learns them by heart; otherwise the same for all, so that no
            more of a dataset leaves the machine than has to.

    Raises:
        NothingToJudge: There are none, or one that is named is not there.
    """
    judge = run.plan.judge
    if judge.references:
        named = tuple(Path(os.path.normpath(run.folder / name)) for name in judge.references)
        for path in named:
            if not path.is_file():
                raise NothingToJudge(f"the reference {path} is not there", "put it back, or name others")
        return [(named[at % len(named)],) for at in range(cells)] if each_its_own else [named] * cells
    pictures = dataset_pictures(run.dataset)
    if not pictures:
        raise NothingToJudge(f"there are no pictures in {run.dataset}", "put the dataset back, or name references")
    if each_its_own:
        return [(path,) for path in spread(pictures, cells)]
    return [tuple(dict.fromkeys(spread(pictures, judge.reference_count)))] * cells


def dataset_pictures(folder: Path) -> list[Path]:
    """Every picture of a dataset's folder, by name."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())


def spread(pictures: Sequence[Path], count: int) -> list[Path]:
    """So many of them, from all over; some twice where there are fewer."""
    return [pictures[(2 * at + 1) * len(pictures) // (2 * count)] for at in range(count)]


def from_run(run: Run, path: Path) -> str:
    """A path as the run's documents have it: from its folder, with slashes."""
    return Path(os.path.relpath(path, run.folder)).as_posix()
