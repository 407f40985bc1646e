"""The end of a job is told where it was asked to be: once where all is well, and again until it is taken."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from kilnmark.client import AdapterNotEngaged, Client
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from kilnmark.web.errors import HooksUnusable
from kilnmark.web.hooks.ledger import FIRST_PAUSE, GIVEN_UP_AFTER, HooksLedger
from kilnmark.web.hooks.message import EndedMessage
from kilnmark.web.hooks.teller import AT_ONCE, Teller
from kilnmark.web.link import DaemonLink
from tests.web.asking import TOKENS
from tests.web.hooks.receiving import Told, receiving


class Hand:
    """A clock that tests move."""

    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def telling(socket: str, path: Path, clock: Callable[[], float], steps: Callable[[Teller], Awaitable[None]]) -> None:
    """Run a process over a file from its start to its end, step by step."""

    async def run() -> None:
        link = DaemonLink(socket)
        await link.begin()
        teller = Teller(link, HooksLedger(path), TOKENS.secret, clock=clock)
        try:
            await steps(teller)
        finally:
            await teller.end()
            await link.end()

    asyncio.run(run())


async def all_of(teller: Teller) -> None:
    await teller.look()
    while await teller.send_next():
        pass


def rendered(daemon: InProcessDaemon, told: Told, count: int = 1) -> None:
    with Client(daemon.socket) as client:
        for number in range(count):
            client.render("a mill", seed=number, width=64, height=64, notify_url=told.url)


def test_a_job_is_told_once_with_its_reports(tmp_path: Path) -> None:
    with receiving() as told, InProcessDaemon(notify_hosts=(told.url.split("/")[2],)) as daemon:
        ink = make_adapter(daemon.loras / "ink.safetensors", rank=2, blocks=1)
        daemon.worker.script.verdicts["ink"] = Verdict.NOOP
        with Client(daemon.socket) as client:
            client.render("untold", seed=1, width=64, height=64)
            with pytest.raises(AdapterNotEngaged):
                client.render("a mill", lora_paths=[ink], lora_scales=[1.0], notify_url=told.url)
        for _ in range(2):
            telling(str(daemon.socket), tmp_path / "told.sqlite", Hand(), all_of)
    [(headers, body)] = told.came
    said = json.loads(body)
    assert said["type"] == "job.failed"
    assert said["data"]["error"]["loras"][0]["verdict"] == "noop"
    assert headers["webhook-signature"].startswith("v1,")


def test_what_is_not_taken_is_sent_again_later_and_over_a_start(tmp_path: Path) -> None:
    clock = Hand()
    with receiving() as told, InProcessDaemon(notify_hosts=(told.url.split("/")[2],)) as daemon:
        told.statuses = [503, 503, 200]
        rendered(daemon, told)
        for passed in (0.0, 1.0, FIRST_PAUSE, FIRST_PAUSE, FIRST_PAUSE, 3600.0):
            clock.now += passed
            telling(str(daemon.socket), tmp_path / "told.sqlite", clock, all_of)
    assert len(told.came) == 3
    assert len({headers["webhook-id"] for headers, _ in told.came}) == 1


def test_what_is_never_taken_is_given_up_and_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock, shown = Hand(), []

    async def look_at_it(teller: Teller) -> None:
        await all_of(teller)
        shown.extend(teller.ledger.undelivered())

    with receiving() as told, InProcessDaemon(notify_hosts=(told.url.split("/")[2],)) as daemon:
        told.statuses = [500]
        rendered(daemon, told)
        telling(str(daemon.socket), tmp_path / "told.sqlite", clock, all_of)
        clock.now += GIVEN_UP_AFTER
        telling(str(daemon.socket), tmp_path / "told.sqlite", clock, look_at_it)
        clock.now += GIVEN_UP_AFTER
        telling(str(daemon.socket), tmp_path / "told.sqlite", clock, all_of)
    assert [(each.state, each.tries, each.problem) for each in shown] == [("given up", 2, "127.0.0.1 answered 500")]
    assert len(told.came) == 2
    assert any("is given up" in record.getMessage() for record in caplog.records)


def test_a_host_that_is_allowed_no_more_is_not_told(tmp_path: Path) -> None:
    journal = tmp_path / "jobs.sqlite"
    with receiving() as told:
        with InProcessDaemon(notify_hosts=(told.url.split("/")[2],), journal=journal) as daemon:
            rendered(daemon, told)
        with InProcessDaemon(journal=journal) as daemon:
            telling(str(daemon.socket), tmp_path / "told.sqlite", Hand(), all_of)
        assert told.came == []


def test_what_a_look_did_not_come_to_is_told_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full behind the first of three pages, and has room again later."""
    monkeypatch.setattr("kilnmark.web.hooks.teller._PAGE", 1)
    path = tmp_path / "told.sqlite"
    written: list[EndedMessage] = []

    class FullDisk(HooksLedger):
        def add(self, message: EndedMessage, now: float) -> None:
            if written:
                raise HooksUnusable(str(path), "the disk is full")
            written.append(message)
            super().add(message, now)

    async def cut_off(teller: Teller) -> None:
        teller.ledger.close()
        teller.ledger = FullDisk(path)
        with pytest.raises(HooksUnusable):
            await teller.look()

    with receiving() as told, InProcessDaemon(notify_hosts=(told.url.split("/")[2],)) as daemon:
        rendered(daemon, told, 3)
        telling(str(daemon.socket), path, Hand(), cut_off)
        telling(str(daemon.socket), path, Hand(), all_of)
    assert len({headers["webhook-id"] for headers, _ in told.came}) == 3


def test_what_was_told_is_not_told_again_while_the_daemon_remembers_it(tmp_path: Path) -> None:
    clock = Hand()
    with receiving() as told, InProcessDaemon(notify_hosts=(told.url.split("/")[2],)) as daemon:
        for _ in range(3):
            rendered(daemon, told)
            telling(str(daemon.socket), tmp_path / "told.sqlite", clock, all_of)
            clock.now += 40 * 86_400
    assert len(told.came) == 3


def test_a_clock_that_is_set_back_delays_no_message(tmp_path: Path) -> None:
    ledger = HooksLedger(tmp_path / "told.sqlite")
    ledger.add(EndedMessage(id="msg_1", url="", body=b""), 1_700_000_000.0)
    assert ledger.take(1_700_000_000.0 - 86_400) is not None
    ledger.close()


def test_whoever_sends_outlives_what_nobody_thought_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.web.hooks.teller.INTERVAL", 0.01)

    async def run() -> None:
        link = DaemonLink(str(daemon.socket))
        await link.begin()
        teller = Teller(link, HooksLedger(tmp_path / "told.sqlite"), TOKENS.secret, send=send)
        await teller.begin()
        await asyncio.to_thread(told.wait_for, 4)
        await teller.end()
        await link.end()

    tries: list[str] = []

    def send(url: str, body: bytes, headers: Mapping[str, str]) -> None:
        tries.append(url)
        if len(tries) <= AT_ONCE:
            raise ValueError("nobody thought of it")
        told.take(headers, body)

    with receiving() as told, InProcessDaemon(notify_hosts=(told.url.split("/")[2],)) as daemon:
        rendered(daemon, told, AT_ONCE + 4)
        asyncio.run(run())
    assert len(told.came) == 4


def test_many_are_told_each_once_by_two_processes_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kilnmark.web.hooks.teller.INTERVAL", 0.05)

    async def both(teller: Teller) -> None:
        await teller.begin()
        await asyncio.to_thread(told.wait_for, 12)

    async def twice() -> None:
        link = DaemonLink(str(daemon.socket))
        await link.begin()
        tellers = [Teller(link, HooksLedger(tmp_path / "told.sqlite"), TOKENS.secret) for _ in range(2)]
        await asyncio.gather(*(both(teller) for teller in tellers))
        for teller in tellers:
            await teller.end()
        await link.end()

    with receiving() as told, InProcessDaemon(notify_hosts=(told.url.split("/")[2],)) as daemon:
        rendered(daemon, told, 12)
        asyncio.run(twice())
    ids = [headers["webhook-id"] for headers, _ in told.came]
    assert sorted(ids) == sorted(set(ids))


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "told.sqlite").write_text("no database, and long enough to be looked at" * 9)
    with pytest.raises(HooksUnusable, match=r"told\.sqlite.*cannot be used"):
        HooksLedger(tmp_path / "told.sqlite")


def test_a_receiver_that_hangs_holds_up_nobodys_end(tmp_path: Path) -> None:
    """The process leaves at once: what is under way is told again by the next."""
    program = (
        "import asyncio, sys, threading\n"
        "from kilnmark.web.hooks.teller import _apart\n"
        "async def run():\n"
        "    begun = threading.Event()\n"
        "    task = asyncio.create_task(_apart(lambda: (begun.set(), threading.Event().wait())))\n"
        "    await asyncio.to_thread(begun.wait)\n"
        "    task.cancel()\n"
        "asyncio.run(run())\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 0
