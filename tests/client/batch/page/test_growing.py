"""The review page while its batch paints: as often as there is something new, always whole, and never silent."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kilnmark.client.batch.page.growing import BEAT, GrowingPage, growing_page
from kilnmark.client.batch.page.page import PAGE, write_page
from kilnmark.client.batch.page.renewed import renew_page
from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.run.ledger import Ledger, open_ledger
from kilnmark.client.batch.run.tally import Became, ItemEnding, Tally


class Waits:
    """Pauses that end when the test says so; what it does in each comes before it ends."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.steps = list(steps)
        self.waited: list[float] = []
        self.over = asyncio.Event()

    def __call__(self, seconds: float) -> "asyncio.Future[None]":
        self.waited.append(seconds)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.steps:
            self.steps.pop(0)()
            ended.set_result(None)
        else:
            self.over.set()
        return ended


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path) as ledger:
        yield ledger


def grown(ledger: Ledger, tally: Tally, *steps: Callable[[], object], told: list[str] | None = None) -> list[float]:
    """The pauses between looks, until the steps are over."""
    said = [] if told is None else told

    async def grow() -> list[float]:
        waits = Waits(*steps)
        page = GrowingPage(ledger, tally, PicksFiles.of(ledger.folder), said.append, waits)
        async with growing_page(page), asyncio.timeout(20):
            await waits.over.wait()
        return waits.waited

    return asyncio.run(grow())


def test_it_is_there_at_once_and_follows_what_ends(ledger: Ledger) -> None:
    tally, path, seen = Tally(3), ledger.folder / PAGE, []

    def end() -> None:
        seen.append("0 of 3 ended" in path.read_text())
        tally.endings["a.png"] = ItemEnding(Became.KEPT)

    grown(ledger, tally, end, lambda: seen.append("1 of 3 ended" in path.read_text()))
    assert seen == [True, True]


def test_decisions_that_are_made_meanwhile_are_shown_and_nobody_else_writes_the_page(ledger: Ledger) -> None:
    path, files, seen = ledger.folder / PAGE, PicksFiles.of(ledger.folder), []

    def told() -> tuple[bool, bool]:
        page = path.read_text()
        return "A batch is painting" in page, "1 problem in the sources" in page

    def decide() -> None:
        files.path.write_text("picks: [")
        assert renew_page(ledger.folder, files) == ""
        seen.append(told())

    grown(ledger, Tally(1), decide, lambda: seen.append(told()))
    assert seen == [(True, False), (True, True)]
    write_page(ledger.folder, ledger.manifest, PicksFiles.of(ledger.folder / "elsewhere"))
    assert renew_page(ledger.folder, files) == ""
    assert told() == (False, True)


def test_nothing_new_is_written_only_to_tell_that_the_batch_lives(ledger: Ledger) -> None:
    path, stamps = ledger.folder / PAGE, []

    def stamp() -> None:
        stamps.append(path.stat().st_ino)

    pauses = grown(ledger, Tally(1), *[stamp] * 12)
    assert len(set(stamps)) == 2
    assert sum(pauses[: stamps.count(stamps[0])]) >= BEAT


def test_a_page_that_cannot_be_written_is_told_once_and_stops_nothing(ledger: Ledger) -> None:
    (ledger.folder / f".{PAGE}.partial").mkdir()
    told: list[str] = []
    tally = Tally(2)

    def end() -> None:
        tally.endings[str(len(tally.endings))] = ItemEnding(Became.KEPT)

    grown(ledger, tally, end, end, told=told)
    assert len(told) == 1
    assert told[0].startswith("the review page cannot be written: ")


def test_when_the_batch_ends_however_it_does_nothing_is_left_at_work(ledger: Ledger) -> None:
    async def brief() -> int:
        page = GrowingPage(ledger, Tally(1), PicksFiles.of(ledger.folder), pytest.fail, Waits())
        with suppress(KeyError):
            async with growing_page(page):
                assert len(asyncio.all_tasks()) == 2
                raise KeyError
        return len(asyncio.all_tasks())

    assert asyncio.run(brief()) == 1
