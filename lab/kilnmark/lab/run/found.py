"""What lies below a folder: runs, batches of pictures, and the documents beside them, found by looking.

No list of runs is kept anywhere, so that a folder that was copied or taken away is seen at once. What cannot be read is
found too, with the reason. Links are not followed.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kilnmark.client.batch.errors import BrokenManifest
from kilnmark.client.batch.run.manifest import MANIFEST, Manifest, read_manifest
from kilnmark.client.home import expanded
from kilnmark.lab.errors import LabError
from kilnmark.lab.run.folder import is_held, read_state
from kilnmark.lab.run.plan import PLAN, RunPlan, read_plan
from kilnmark.lab.run.standing import RunStanding, last_moment, standing_of
from kilnmark.lab.run.state import RunState

__all__ = [
    "DOCS",
    "FoundBatch",
    "FoundRun",
    "FoundWork",
    "find_in",
    "found_batch",
    "found_run",
    "is_document",
    "located",
    "looked_through",
]

DOCS: Final = "docs"
"""What a folder of documents is called."""

_DEPTH = 4
"""Folders below the one that is looked through in which runs are looked for."""


@dataclass(frozen=True)
class FoundRun:
    """A run.

    Attributes:
        place: From the folder that was looked through, with slashes; of that folder itself, its name.
        folder: Where it lies.
        plan: What was decided; None where that cannot be read.
        state: What happened; None: nothing, or it cannot be read.
        standing: How it stands; None where it cannot be read.
        problem: Why it cannot be read; empty where it can.
    """

    place: str
    folder: Path
    plan: RunPlan | None
    state: RunState | None
    standing: RunStanding | None
    problem: str = ""

    @property
    def sources(self) -> Path:
        """The dataset's folder; of a run that cannot be read, its own."""
        return self.folder / expanded(self.plan.dataset.path) if self.plan else self.folder

    @property
    def changed(self) -> str:
        """When something happened last; empty: nothing did."""
        return last_moment(self.state) or ""


@dataclass(frozen=True)
class FoundBatch:
    """A folder of pictures of a batch.

    Attributes:
        place: From the folder that was looked through, with slashes.
        folder: Where it lies.
        manifest: What is known of its pictures; None where it cannot be read.
        problem: Why it cannot be read; empty where it can.
    """

    place: str
    folder: Path
    manifest: Manifest | None
    problem: str = ""


@dataclass(frozen=True)
class FoundWork:
    """All that was found.

    Attributes:
        runs: By place.
        batches: By place.
        documents: Markdown files in folders of documents, from the folder that was looked through, with slashes.
    """

    runs: tuple[FoundRun, ...]
    batches: tuple[FoundBatch, ...]
    documents: tuple[str, ...]


def find_in(root: Path) -> FoundWork:
    """Look through a folder.

    Args:
        root: Where to look; it may be a run itself.
    """
    runs: list[FoundRun] = []
    batches: list[FoundBatch] = []
    documents: list[str] = []
    for folder, place, files in looked_through(root):
        if PLAN in files:
            runs.append(found_run(folder, place))
        elif MANIFEST in files:
            batches.append(found_batch(folder, place))
        else:
            documents += [path for name in files if is_document(path := f"{place}/{name}")]
    return FoundWork(tuple(runs), tuple(batches), tuple(documents))


def is_document(path: str) -> bool:
    """Whether a path, from the folder that is looked through, is that of a document."""
    return path.lower().endswith(".md") and DOCS in path.split("/")[:-1]


def located(root: Path, path: str, marker: str) -> tuple[Path, str, str] | None:
    """The run or batch that a path leads into, without looking anywhere else.

    Args:
        root: The folder that `find_in` would look through.
        path: The place of a run or batch, with a slash and what is meant in it behind.
        marker: The file that makes it one.

    Returns:
        Its folder, its place, and the rest of the path; None where there is none.
    """
    parts = path.split("/")
    if (root / marker).is_file():
        own = root.absolute().name or "root"
        return (root, own, "/".join(parts[1:])) if parts[0] == own and len(parts) > 1 else None
    folder = root
    for count, part in enumerate(parts[:-1][:_DEPTH], 1):
        folder = folder / part
        if not part or part.startswith(".") or "\0" in part or folder.is_symlink():
            return None
        if (folder / marker).is_file():
            return folder, "/".join(parts[:count]), "/".join(parts[count:])
    return None


def found_run(folder: Path, place: str) -> FoundRun:
    """One run as it stands now."""
    try:
        plan, state = read_plan(folder), read_state(folder)
    except LabError as error:
        return FoundRun(place, folder, None, None, None, str(error))
    return FoundRun(place, folder, plan, state, standing_of(plan, state, held=is_held(folder)))


def found_batch(folder: Path, place: str) -> FoundBatch:
    """One batch as it stands now."""
    try:
        return FoundBatch(place, folder, read_manifest(folder))
    except BrokenManifest as error:
        return FoundBatch(place, folder, None, str(error))


def looked_through(root: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """Every folder that may be something, with its place and its files; nothing below a run or a batch is looked at."""
    for name, folders, files in os.walk(root):
        folder = Path(name)
        depth = len(folder.relative_to(root).parts)
        is_whole = PLAN in files or MANIFEST in files
        folders[:] = [] if is_whole or depth >= _DEPTH else sorted(one for one in folders if not one.startswith("."))
        yield folder, folder.relative_to(root).as_posix() if depth else root.absolute().name or "root", sorted(files)
