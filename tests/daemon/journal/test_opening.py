"""The journal at the start: a sound one is read, and of a damaged one all that can be."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kilnmark.daemon.jobs.events import JobAccepted, JobEnded, JobEvent, NoticeLeft, encode_event, jobs_of
from kilnmark.daemon.jobs.queue import JobQueue
from kilnmark.daemon.journal.file import JournalFile, JournalRow
from kilnmark.daemon.journal.opening import open_journal
from kilnmark.daemon.journal.schema import VERSION, JournalUnusable
from kilnmark.protocol.wire.notices import BatchEnd
from kilnmark.protocol.wire.replies import JobError
from tests.daemon.jobs.queues import Asked
from tests.daemon.journal.older import FIRST_EVENTS, write_first_form

BATCH_END = BatchEnd(kind="poi", state="done", out="/o", manifest="/o/m", page="/o/p", total=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.sqlite"


def lived() -> list[JobEvent]:
    """The events of a queue with many jobs: one ended, one begun, and some that wait."""
    asked = Asked(limit=1000)
    for i in range(60):
        asked.added(f"j{i}", seed=i)
    asked.taken()
    asked.finish("j0")
    asked.queue.leave("n", "https://example.org/", BATCH_END)
    asked.taken()
    return asked.events


def written(path: Path, events: list[JobEvent]) -> None:
    file = JournalFile(path)
    for event in events:
        file.append([JournalRow(jobs_of(event), encode_event(event))])
    file.close()


def test_events_come_back_as_they_were(path: Path) -> None:
    written(path, lived())
    opened = open_journal(path)
    opened.file.close()
    assert (opened.events, opened.moved_aside) == (lived(), None)


def test_an_absent_journal_is_empty(path: Path) -> None:
    opened = open_journal(path)
    opened.file.close()
    assert (opened.events, opened.moved_aside) == ([], None)


def no_database(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9000])


def overwritten(path: Path) -> None:
    """The second half is noise: pages that hold rows, and those that point to them."""
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[:half] + b"\xa5" * (len(data) - half))


def senseless(path: Path) -> None:
    """An event of a job that nobody took in."""
    file = JournalFile(path)
    file.append([JournalRow(("j0",), encode_event(lived()[-1]))])
    file.close()


def no_event(path: Path) -> None:
    file = JournalFile(path)
    file.append([JournalRow(("j0",), b'{"event": "painted_over"}')])
    file.close()


@pytest.mark.parametrize("damage", [no_database, cut, overwritten, senseless, no_event])
def test_a_damaged_journal_is_kept_aside_and_what_can_be_read_of_it_is_gone_on_with(
    path: Path, damage: Callable[[Path], None]
) -> None:
    written(path, lived())
    damage(path)
    damaged = path.read_bytes()
    opened = open_journal(path)
    opened.file.close()
    assert opened.moved_aside is not None
    assert opened.moved_aside.read_bytes() == damaged
    assert opened.events == lived()[: len(opened.events)]
    if damage in (senseless, no_event):
        assert opened.events == lived()
    again = open_journal(path)
    again.file.close()
    assert (again.events, again.moved_aside) == (opened.events, None)


def test_two_damaged_journals_are_both_kept(path: Path) -> None:
    asides = []
    for _ in range(2):
        no_database(path)
        opened = open_journal(path)
        opened.file.close()
        asides.append(opened.moved_aside)
    assert len(set(asides)) == 2
    assert all(aside is not None and aside.is_file() for aside in asides)


def row(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "document",
    [
        "x'7b7d'",
        "5",
        "cast('" + '{"event":"accepted","more":' + "[" * 100_000 + "' AS BLOB)",
        "cast('" + '{"event":"begun","at":1,"job_ids":[]}' + "' AS BLOB)",
    ],
    ids=["no event", "a number", "deep", "about nobody"],
)
def test_one_event_that_cannot_be_read_costs_no_job_that_was_accepted_after_it(path: Path, document: str) -> None:
    written(path, lived())
    row(path, f"UPDATE events SET document = {document} WHERE n = 20")
    opened = open_journal(path)
    opened.file.close()
    assert opened.moved_aside is not None
    lost = {event.job_id for event in lived()[19:20] if isinstance(event, JobAccepted)}
    accepted = {event.job_id for event in lived() if isinstance(event, JobAccepted)}
    assert {event.job_id for event in opened.events if isinstance(event, JobAccepted)} == accepted - lost
    assert [event for event in opened.events if isinstance(event, JobEnded)] == [
        event for event in lived() if isinstance(event, JobEnded)
    ]
    assert [event.notice_id for event in opened.events if isinstance(event, NoticeLeft)] == ["n"]
    error = JobError(code=-32003, kind="x", message="", retryable=False)
    JobQueue(1000, events=opened.events).go_on(lambda _: error)


def test_a_damaged_journal_stays_where_it_is_until_what_can_be_read_of_it_is_on_disk(path: Path) -> None:
    written(path, lived())
    no_event(path)
    damaged = path.read_bytes()
    path.with_name(f"{path.name}.new").mkdir()
    with pytest.raises(JournalUnusable, match="is damaged"):
        open_journal(path)
    assert path.read_bytes() == damaged
    path.with_name(f"{path.name}.new").rmdir()
    opened = open_journal(path)
    opened.file.close()
    assert opened.events == lived()


def test_a_journal_of_the_first_form_is_read_whole_and_has_the_latest_form_then(path: Path) -> None:
    write_first_form(path)
    opened = open_journal(path)
    opened.file.close()
    assert opened.moved_aside is None
    assert [jobs_of(event) for event in opened.events] == [tuple(jobs.split()) for jobs, _ in FIRST_EVENTS]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    again = open_journal(path)
    again.file.close()
    assert again.events == opened.events
