"""The folder of runs that pages are made of, once for all who only look."""

from pathlib import Path

import pytest

from tests.lab.pages.asking import Asker
from tests.lab.runs import fill_judged, make_documents, make_run, make_set

NAMES = ("judging", "bad", "promoted", "failed", "untouched")


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nobody may change it."""
    folder = tmp_path_factory.mktemp("lab") / "runs"
    make_set(folder)
    make_documents(folder)
    for name in NAMES:
        make_run(folder, name, fill_judged)
    return folder


@pytest.fixture(scope="session")
def asker(runs: Path) -> Asker:
    """Somebody who was let in and only looks."""
    return Asker(runs)
