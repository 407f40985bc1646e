"""A page that follows its folder hears of what changes, and of nothing else."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from kilnmark.client.batch.picks.said import PickWord
from kilnmark.client.batch.run.decisions import decide_picture
from kilnmark.client.batch.run.manifest import read_manifest
from kilnmark.lab.pages.watch import FolderWatch
from kilnmark.lab.run.folder import open_run
from tests.lab.runs import CHECKPOINTS, make_batch, make_documents, make_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_run(tmp_path, "checked")
    make_documents(tmp_path)
    make_batch(tmp_path)
    return tmp_path


def checkpoint(folder: Path) -> None:
    with open_run(folder / "checked") as run:
        run.change(checkpoints=CHECKPOINTS)


def note(folder: Path) -> None:
    with (folder / "docs" / "goals.md").open("a") as file:
        file.write("more\n")


def approve(folder: Path) -> None:
    batch = folder / "weatherwright"
    decide_picture(batch, read_manifest(batch).pictures[0].file, PickWord.ACCEPTED)


def another(folder: Path) -> None:
    make_run(folder, "picked")


@pytest.mark.parametrize("change", [checkpoint, note, approve, another])
def test_what_changes_is_told(folder: Path, change: Callable[[Path], None]) -> None:
    assert asyncio.run(heard(folder, change)) == [b"event: hello\ndata: \n\n", b"event: changed\ndata: \n\n"]


async def heard(folder: Path, change: Callable[[Path], None]) -> list[bytes]:
    """Two events, with a change between two looks."""

    async def wait(seconds: float) -> None:
        change(folder)

    events = FolderWatch(folder, lambda seconds: asyncio.ensure_future(wait(seconds))).events()
    return [await anext(events), await anext(events)]


def test_whoever_holds_a_run_is_seen(folder: Path) -> None:
    watch = FolderWatch(folder)
    before = watch.marks()
    assert watch.marks() == before
    with open_run(folder / "checked"):
        assert watch.marks() != before


def test_where_nothing_changes_somebody_who_left_is_still_noticed(folder: Path) -> None:
    async def quiet() -> bytes:
        async def wait(seconds: float) -> None:
            return

        events = FolderWatch(folder, lambda seconds: asyncio.ensure_future(wait(seconds))).events()
        await anext(events)
        return await anext(events)

    assert asyncio.run(quiet()) == b": still here\n\n"
