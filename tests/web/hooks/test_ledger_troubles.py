"""A ledger that cannot be used for a while, by a disk or by somebody who has it: it is said now and then, and waits."""

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kilnmark.web.errors import HooksUnusable
from kilnmark.web.hooks import teller as room
from kilnmark.web.hooks.ledger import HooksLedger
from kilnmark.web.hooks.message import EndedMessage
from kilnmark.web.hooks.teller import AT_ONCE, Teller
from kilnmark.web.link import DaemonLink
from tests.web.asking import TOKENS

NOW = 1_700_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "told.sqlite"


def teller_over(path: Path) -> Teller:
    return Teller(DaemonLink(str(path.with_name("no.sock"))), HooksLedger(path), TOKENS.secret, clock=lambda: NOW)


def test_who_has_the_file_to_himself_holds_up_nothing_but_messages(path: Path) -> None:
    async def run() -> bool:
        teller = teller_over(path)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            asking = asyncio.create_task(teller.send_next())
            await asyncio.sleep(0)
            other.execute("ROLLBACK")  # by the loop, which is not held up
            found = await asking
        await teller.end()
        return found

    assert asyncio.run(run()) is False


def test_a_full_disk_is_told_as_such_and_has_room_again(path: Path) -> None:
    with closing(HooksLedger(path)) as ledger:
        [[pages]] = ledger._connection.execute("PRAGMA page_count")
        ledger._connection.execute(f"PRAGMA max_page_count={pages}")
        message = EndedMessage(id="one", url="https://game.example", body=b"x" * 100_000)
        with pytest.raises(HooksUnusable, match="disk is full"):
            ledger.add(message, NOW)
        ledger._connection.execute("PRAGMA max_page_count=1000")
        ledger.add(message, NOW)
        due = ledger.take(NOW)
    assert due is not None
    assert due.message == message


def test_it_is_said_once_a_while(path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(room, "INTERVAL", 0.0)
    tries: list[float] = []

    class ReadOnly(HooksLedger):
        def take(self, now: float) -> None:
            tries.append(now)
            if len(tries) > 2 * AT_ONCE:
                enough()
            raise HooksUnusable(str(path), "attempt to write a readonly database")

    def enough() -> None:
        loop.call_soon_threadsafe(told.set)

    async def run() -> None:
        teller = teller_over(path)
        teller.ledger = ReadOnly(path)
        await teller.begin()
        await told.wait()
        await teller.end()

    told, loop = asyncio.Event(), asyncio.new_event_loop()
    with closing(loop):
        loop.run_until_complete(run())
    said = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(said) == 1
    assert "readonly" in said[0].getMessage()
