"""The journal of a running daemon: what it says is written is, and what it cannot write is told and made up for."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from kilnmark.daemon.jobs.events import JobEvent, decode_event
from kilnmark.daemon.journal.file import JournalFile
from kilnmark.daemon.journal.journal import PRUNE_EVERY, KeptJournal
from kilnmark.protocol.wire.errors import JournalFailed
from kilnmark.protocol.wire.status import JournalInfo
from tests.daemon.clocks import VirtualClockLoop
from tests.daemon.jobs.queues import Asked
from tests.daemon.journal.disk import no_folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "jobs.sqlite"


def accepted(*names: str) -> list[JobEvent]:
    asked = Asked()
    for name in names:
        asked.accepted(name)
    return asked.events


class Desk:
    """A journal, and who hears of it.

    Attributes:
        lost: The jobs that could not be kept, each time.
    """

    def __init__(self, path: Path) -> None:
        self.lost: list[Sequence[str]] = []
        self.known: frozenset[str] = frozenset()
        self.journal = KeptJournal(JournalFile(path), lambda: self.known, lambda ids, _: self.lost.append(ids))

    def keep(self, *events: JobEvent) -> None:
        for event in events:
            self.journal.keep(event)

    async def recovered(self) -> None:
        """Wait until the journal can be written again."""
        await self.comes_to(lambda info: info.state == "good")

    async def comes_to(self, state: Callable[[JournalInfo], bool]) -> None:
        """Wait until the journal is so; the loop's clock comes to the next try by itself."""
        deadline = time.monotonic() + 60
        while not state(self.journal.info):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)


def run(path: Path, body: Callable[[Desk], Awaitable[None]], loop: type[asyncio.AbstractEventLoop]) -> None:
    """Run a test's body on a loop with a journal, which is closed in the end."""

    async def whole() -> None:
        desk = Desk(path)
        try:
            await body(desk)
        finally:
            await desk.journal.close()
            desk.journal._thread.join(60)  # the loop's clock may have skipped the wait for it

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(whole())


def read(path: Path) -> list[JobEvent]:
    file = JournalFile(path)
    try:
        return [decode_event(document) for document in file.documents()]
    finally:
        file.close()


def test_what_is_said_to_be_written_is_on_disk(path: Path) -> None:
    events = accepted("a", "b")

    async def body(desk: Desk) -> None:
        desk.keep(*events)
        assert await desk.journal.written()
        copy = path.with_name("copy.sqlite")
        for suffix in ("", "-wal"):
            copy.with_name(copy.name + suffix).write_bytes(path.with_name(path.name + suffix).read_bytes())
        assert read(copy) == events

    run(path, body, asyncio.SelectorEventLoop)
    assert read(path) == events


def test_what_waits_at_the_end_is_written(path: Path) -> None:
    events = accepted(*(f"j{i}" for i in range(100)))

    async def body(desk: Desk) -> None:
        desk.keep(*events)

    run(path, body, asyncio.SelectorEventLoop)
    assert read(path) == events


def test_a_job_that_could_not_be_kept_is_told_and_no_other_is_taken_until_it_can_be_again(path: Path) -> None:
    events = accepted("safe", "lost", "late")

    async def body(desk: Desk) -> None:
        desk.keep(events[0])
        assert await desk.journal.written()
        desk.journal.check_open()
        with no_folder(path):
            desk.keep(events[1])
            assert not await desk.journal.written()
            assert desk.lost == [["lost"]]
            info = desk.journal.info
            assert (info.state, info.path) == ("failing", str(path))
            assert info.problem is not None
            with pytest.raises(JournalFailed, match="make room for it or mend its folder") as told:
                desk.journal.check_open()
            assert told.value.retryable
            assert not await desk.journal.written()
        await desk.recovered()
        desk.journal.check_open()
        desk.keep(events[2])
        assert await desk.journal.written()
        assert desk.lost == [["lost"]]

    run(path, body, VirtualClockLoop)
    assert read(path) == events


def defective(*_: object) -> None:
    raise KeyError("defect")


def test_a_defect_in_the_writing_thread_is_told_and_leaves_nobody_waiting(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = accepted("lost", "late")

    async def body(desk: Desk) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(JournalFile, "append", defective)
            desk.keep(events[0])
            assert not await desk.journal.written()
            assert desk.lost == [["lost"]]
            assert desk.journal.info.problem == "'defect'"
        await desk.recovered()
        desk.keep(events[1])
        assert await desk.journal.written()

    run(path, body, VirtualClockLoop)
    assert read(path) == events


def test_a_full_disk_is_recovered_from(path: Path) -> None:
    events = accepted(*(f"j{i}" for i in range(200)))

    async def body(desk: Desk) -> None:
        connection = desk.journal._scribe._file._connection
        connection.execute("PRAGMA max_page_count = 3").fetchall()
        desk.keep(*events)
        assert not await desk.journal.written()
        assert desk.journal.info.problem == "database or disk is full"
        connection.execute("PRAGMA max_page_count = 100000").fetchall()
        await desk.recovered()
        assert await desk.journal.written()

    run(path, body, VirtualClockLoop)
    assert read(path) == events


def test_a_journal_that_is_removed_is_made_again_with_everything(path: Path) -> None:
    events, remove = accepted("a", "b"), path.unlink

    async def body(desk: Desk) -> None:
        desk.keep(events[0])
        await desk.journal.written()
        remove()
        desk.keep(events[1])
        assert not await desk.journal.written()
        await desk.recovered()

    run(path, body, VirtualClockLoop)
    assert read(path) == events


def test_a_file_that_took_its_place_is_named_with_its_mend_until_it_is_moved_away(path: Path) -> None:
    events, away = accepted("a", "lost"), path.with_name("away")

    def stands(content: bytes) -> None:
        theirs = path.with_name("theirs")
        theirs.write_bytes(content)
        theirs.rename(path)

    def moves_away() -> None:
        path.rename(away)

    async def body(desk: Desk) -> None:
        desk.keep(events[0])
        assert await desk.journal.written()
        stands(b"not yours")
        desk.keep(events[1])
        assert not await desk.journal.written()
        problem = desk.journal.info.problem or ""
        assert problem.startswith(f"another file stands at {path}: a file of 9 bytes, last written ")
        with pytest.raises(JournalFailed, match="; move it away, then send the render again") as told:
            desk.journal.check_open()
        assert "make room" not in str(told.value)
        stands(b"not yours either")
        await desk.comes_to(lambda info: "a file of 16 bytes" in (info.problem or ""))
        moves_away()
        await desk.recovered()

    run(path, body, VirtualClockLoop)
    assert away.read_bytes() == b"not yours either"
    assert read(path) == events


def test_an_event_that_comes_while_old_jobs_leave_stays(path: Path) -> None:
    old, new = accepted(*(f"old{i}" for i in range(50))), accepted("new")

    async def body(desk: Desk) -> None:
        desk.keep(*old)
        desk.journal.prune()
        desk.keep(*new)

    run(path, body, asyncio.SelectorEventLoop)
    assert read(path) == new


def test_ended_jobs_that_are_forgotten_leave_the_file_by_themselves(path: Path) -> None:
    asked = Asked(limit=10_000, remembered=3)
    for i in range(PRUNE_EVERY):
        asked.added(f"j{i}", seed=i)
        asked.taken()
        asked.finish(f"j{i}")

    async def body(desk: Desk) -> None:
        desk.known = asked.queue.state.known
        desk.keep(*asked.events)
        await asyncio.sleep(0)

    run(path, body, asyncio.SelectorEventLoop)
    kept = {event.job_id for event in read(path) if hasattr(event, "job_id")}
    assert kept == {f"j{PRUNE_EVERY - i}" for i in (1, 2, 3)}


def test_a_failing_file_is_no_reason_to_hang_at_the_end(path: Path) -> None:
    async def body(desk: Desk) -> None:
        desk.journal._scribe._file._connection.execute("PRAGMA max_page_count = 3").fetchall()
        desk.keep(*accepted(*(f"j{i}" for i in range(200))))

    run(path, body, asyncio.SelectorEventLoop)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (0,)
    connection.close()


def test_what_happens_after_it_was_closed_is_waited_for_by_nobody(path: Path) -> None:
    kept, late = accepted("kept", "late")

    async def body(desk: Desk) -> None:
        desk.keep(kept)
        await desk.journal.close()
        assert await desk.journal.written()
        desk.keep(late)
        async with asyncio.timeout(60):
            assert not await desk.journal.written()

    run(path, body, asyncio.SelectorEventLoop)
    assert read(path) == [kept]
