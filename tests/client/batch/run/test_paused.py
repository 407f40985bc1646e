"""A batch that waits for power says so, and says when it goes on."""

import asyncio
import time
from pathlib import Path

import pytest

from kilnmark.client.aio import AsyncClient
from kilnmark.client.batch.run.paused import follow_pauses
from kilnmark.client.batch.run.tally import Tally
from kilnmark.client.cli.commands.batch import _tell_pause
from kilnmark.daemon.clock import Clock
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.machine import rounds
from kilnmark.daemon.machine.machine import Machine
from kilnmark.daemon.machine.power import PowerReading
from kilnmark.daemon.machine.saving import READ_INTERVAL


def test_what_holds_it_back_is_told_once_and_that_it_does_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "LOOK_INTERVAL", 0.01)
    reading, jump = [PowerReading(on_battery=True, charge=41)], [0.0]
    clock = Clock(monotonic=lambda: time.monotonic() + jump[0])
    told: list[str | None] = []

    def tell(reason: str | None) -> None:
        told.append(reason)
        reading[0], jump[0] = PowerReading(on_battery=False), READ_INTERVAL

    async def body(socket: Path) -> None:
        async with AsyncClient(socket) as client:
            following = asyncio.create_task(follow_pauses(client, tell, every=0))
            while None not in told:  # noqa: ASYNC110 - what is told comes from another task
                await asyncio.sleep(0)
            following.cancel()

    with InProcessDaemon(clock=clock, machine=Machine(read_power=lambda: reading[0]), pause_on_battery="low") as daemon:
        asyncio.run(body(daemon.socket))
    assert told == ["on battery, 41% left", None]


def test_where_there_is_no_bar_it_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    tally, moved = Tally(3), []
    _tell_pause(tally, lambda: moved.append(tally.paused), "on battery")
    _tell_pause(tally, lambda: moved.append(tally.paused), None)
    assert moved == ["on battery", None]
    assert capsys.readouterr().err == "the daemon begins none of this batch: on battery\nit goes on\n"
