"""What waits while the machine saves power or cools, told to whoever asks, and goes on when it need not wait more."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.jobs.pauses import Pauses
from kilnmark.daemon.machine import rounds
from kilnmark.daemon.machine.machine import Machine
from kilnmark.daemon.machine.power import PowerReading, read_sysfs
from kilnmark.daemon.machine.saving import COOLING, READ_INTERVAL, Saving, reasons_of
from kilnmark.protocol.settings import Settings
from tests.daemon.conftest import SMALL, FakeDaemon, Wire
from tests.daemon.jobs.queues import Asked
from tests.daemon.machine.sysfs import COOL, HOT, laptop

LOW: dict[str, Any] = {**SMALL, "priority": "low", "job_id": "patient", "_meta": {"progressToken": "t"}}


def settings(battery: str = "none", hot: str = "none") -> Settings:
    return Settings.model_validate(
        {"socket": Path("/run/d.sock"), "output_dir": Path("/out"), "pause_on_battery": battery, "pause_when_hot": hot}
    )


@pytest.mark.parametrize(
    ("battery", "hot", "reading", "reasons"),
    [
        ("low", "none", PowerReading(True, 41), {"low": "on battery, 41% left"}),
        ("low", "none", PowerReading(True), {"low": "on battery"}),
        ("low", "none", PowerReading(False, 41, "hot"), {}),
        ("low", "all", PowerReading(None, None), {}),
        ("all", "none", PowerReading(True, 9), dict.fromkeys(("high", "normal", "low"), "on battery, 9% left")),
        ("all", "low", PowerReading(True, 9, "hot"), {
            "high": "on battery, 9% left", "normal": "on battery, 9% left", "low": "hot",
        }),
    ],
)  # fmt: skip
def test_each_setting_pauses_its_own(battery: str, hot: str, reading: PowerReading, reasons: dict[str, str]) -> None:
    assert reasons_of(settings(battery, hot), reading, reading.hot) == reasons


class Looked:
    """A `Saving` that looks at a folder, and a clock that is moved."""

    def __init__(self, root: Path, said: Settings) -> None:
        self.now = 0.0
        self.pauses = Pauses()
        self.went_on = self.reads = 0
        self._root = root
        self.saving = Saving(said, self.pauses, Clock(monotonic=lambda: self.now), self._read)

    def _read(self) -> PowerReading:
        self.reads += 1
        return read_sysfs(self._root)

    async def look(self, after: float = 0.0) -> list[str]:
        """What is paused after so many seconds."""
        self.now += after
        self.saving.look(self._go_on)
        if self.saving._reading is not None:
            await self.saving._reading
        return list(self.pauses.reasons)

    def _go_on(self) -> None:
        self.went_on += 1


def test_the_machine_is_asked_now_and_then_and_paused_work_goes_on_once_it_may(tmp_path: Path) -> None:
    async def body() -> None:
        looked = Looked(laptop(tmp_path, on_battery=True), settings(battery="low"))
        assert await looked.look() == ["low"]
        laptop(tmp_path, on_battery=False)
        assert await looked.look(READ_INTERVAL - 1) == ["low"]
        assert (looked.reads, looked.went_on) == (1, 0)
        assert await looked.look(1) == []
        assert (looked.reads, looked.went_on) == (2, 1)

    asyncio.run(body())


def test_what_has_just_cooled_is_let_cool_for_a_while(tmp_path: Path) -> None:
    async def body() -> None:
        looked = Looked(laptop(tmp_path, on_battery=False, temperature=HOT), settings(hot="low"))
        assert await looked.look() == ["low"]
        laptop(tmp_path, on_battery=False, temperature=COOL)
        assert await looked.look(COOLING - 1) == ["low"]
        assert looked.pauses.power is not None
        assert looked.pauses.power.because == looked.pauses.power.hot is not None
        assert await looked.look(READ_INTERVAL) == []

    asyncio.run(body())


def test_a_machine_that_nobody_asks_about_is_not_asked_and_other_settings_count_at_once(tmp_path: Path) -> None:
    async def body() -> None:
        looked = Looked(laptop(tmp_path, on_battery=True), settings())
        assert (await looked.look(), looked.reads, looked.pauses.power) == ([], 0, None)
        looked.saving.heed(settings(battery="all"))
        assert await looked.look() == ["high", "normal", "low"]
        looked.saving.heed(settings())
        assert (await looked.look(), looked.went_on, looked.pauses.power) == ([], 1, None)

    asyncio.run(body())


def test_nothing_is_paused_for_a_daemon_that_ends(tmp_path: Path) -> None:
    async def body() -> None:
        looked = Looked(laptop(tmp_path, on_battery=True), settings(battery="all"))
        assert await looked.look()
        looked.saving.lift()
        assert not looked.pauses
        assert await looked.look(READ_INTERVAL) == []

    asyncio.run(body())


def test_a_paused_render_is_passed_by_others_however_long_it_has_waited() -> None:
    asked = Asked()
    asked.queue.pauses.set({"low": "on battery"})
    asked.added("old", at=0, priority="low")
    asked.added("new", at=9000, priority="normal")
    assert asked.taken().picture == "new"
    assert asked.queue.following() is None
    asked.queue.pauses.set({})
    following = asked.queue.following()
    assert following is not None
    assert following.picture == "old"


def test_it_is_told_in_status_and_to_whoever_waits_and_what_may_be_painted_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "LOOK_INTERVAL", 0.01)
    root, jump = laptop(tmp_path, on_battery=True), [0.0]
    clock = Clock(monotonic=lambda: time.monotonic() + jump[0])
    with (
        FakeDaemon(clock=clock, machine=Machine(read_power=lambda: read_sysfs(root)), pause_on_battery="low") as daemon,
        daemon.wire() as wire,
    ):
        assert wire.status_once(lambda status: status["power"] is not None)["power"] == {
            "on_battery": True, "charge": 41, "hot": None, "paused": ["low"], "because": "on battery, 41% left",
        }  # fmt: skip
        waiting = wire.send("render", LOW)
        wire.progressed("paused")
        assert paused(wire) == "on battery, 41% left"
        assert wire.result("render", {**SMALL, "seed": 8})["image_path"]
        laptop(root, on_battery=False)
        jump[0] = READ_INTERVAL
        assert wire.reply(waiting)["result"]["job_id"] == "patient"
        assert paused(wire) is None


def paused(wire: Wire) -> str | None:
    told: str | None = wire.result("jobs.get", {"job_id": "patient"})["job"]["paused"]
    return told


def test_a_daemon_that_is_told_to_finish_first_finishes_what_is_paused_too(tmp_path: Path) -> None:
    root = laptop(tmp_path, on_battery=True)
    with (
        FakeDaemon(machine=Machine(read_power=lambda: read_sysfs(root)), pause_on_battery="all") as daemon,
        daemon.wire() as wire,
    ):
        wire.status_once(lambda status: status["power"] is not None)
        waiting = wire.send("render", LOW)
        wire.progressed("paused")
        wire.send("shutdown", {"drain": True})
        assert wire.reply(waiting)["result"]["job_id"] == "patient"
        daemon.wait_until_ended()


def test_after_a_signal_what_is_paused_is_left_to_the_next_daemon_at_once(tmp_path: Path, home: Path) -> None:
    root = laptop(tmp_path, on_battery=True)
    kept: dict[str, Any] = {"journal": home / "jobs.sqlite"}
    with FakeDaemon(machine=Machine(read_power=lambda: read_sysfs(root)), pause_on_battery="low", **kept) as daemon:
        with daemon.wire() as wire:
            while wire.result("status")["power"] is None:
                pass
            waiting = wire.send("render", LOW)
            wire.progressed("paused")
            assert daemon._loop is not None
            assert daemon._daemon is not None
            daemon._loop.call_soon_threadsafe(daemon._daemon.shut_down, True, 3600.0)
            assert wire.reply(waiting)["error"]["data"]["detail"] == {"kept": True}
        daemon.wait_until_ended()
    with FakeDaemon(**kept) as daemon, daemon.wire() as wire:
        assert wire.result("jobs.wait", {"job_id": "patient"})["job"]["state"] == "done"
