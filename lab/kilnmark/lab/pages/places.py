"""Where each page and picture stands: one plan of addresses, from the site's root, for what is served and exported.

Pages link to each other relative to themselves, so that the same ones work from a server and from a disk.
"""

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote

from kilnmark.lab.run.found import FoundBatch, FoundRun

__all__ = [
    "BATCHES",
    "DOCUMENTS",
    "FILES",
    "INDEX",
    "JUDGING",
    "RUNS",
    "SMALL",
    "SOURCES",
    "batch_page",
    "document_page",
    "page_of_place",
    "picture_of_run",
    "quoted",
    "run_page",
    "up_to_root",
]

INDEX: Final = "index.html"
RUNS: Final = "runs"
BATCHES: Final = "batches"
DOCUMENTS: Final = "documents"
JUDGING: Final = "judging"
FILES: Final = "files"
SMALL: Final = "small"
SOURCES: Final = "sources"
"""Below a run: its own files, small pictures of them, and small pictures of its dataset's."""


def page_of_place(kind: str, place: str) -> str:
    """The page of a run or batch, from the site's root, as a path that is not quoted."""
    return f"{kind}/{place}/{INDEX}"


def quoted(path: str) -> str:
    """A path as it stands in an address, whatever bytes are in it."""
    return quote(path, errors="surrogateescape")


def run_page(run: FoundRun) -> str:
    """Its address from the site's root."""
    return quoted(page_of_place(RUNS, run.place))


def batch_page(batch: FoundBatch) -> str:
    """Its address from the site's root."""
    return quoted(page_of_place(BATCHES, batch.place))


def document_page(document: str) -> str:
    """Its address from the site's root."""
    return quoted(f"{DOCUMENTS}/{document}.html")


def up_to_root(page: str) -> str:
    """From a page, given as a path that is not quoted, to the site's root."""
    return "../" * page.count("/")


def picture_of_run(run: FoundRun, file: str, *, small: bool = True) -> str | None:
    """The address of a picture, from the run's page.

    Args:
        run: Whose.
        file: From the run's folder, as its state has it; pictures of the dataset lie outside.
        small: A small one, where there are both.

    Returns:
        None where it lies neither in the run nor in its dataset.
    """
    path = os.path.normpath(file)
    if not path.startswith("..") and not Path(path).is_absolute():
        return quoted(f"{SMALL if small else FILES}/{Path(path).as_posix()}")
    if run.plan is None:
        return None
    within = os.path.relpath(path, os.path.normpath(run.plan.dataset.path))
    return None if within.startswith("..") else quoted(f"{SOURCES}/{Path(within).as_posix()}")
