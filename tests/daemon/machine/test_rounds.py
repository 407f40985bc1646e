"""What a service manager hears of a daemon that is a process of its own."""

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.trace import NoOpTracer

from kilnmark.daemon.daemon import Daemon
from kilnmark.daemon.machine.machine import Machine
from kilnmark.daemon.machine.notify import ServiceManager
from kilnmark.daemon.machine.rounds import KILL_PATIENCE
from kilnmark.daemon.wire.socket import Listener
from kilnmark.daemon.worker.ends import StartedWorker
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire import work
from tests.daemon.clocks import run
from tests.daemon.conftest import SMALL
from tests.daemon.fakeds import faked
from tests.daemon.machine.listening import listening


def test_ready_again_and_stopping_are_told_with_how_it_goes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = home / "said.json"
    said.write_text(json.dumps({"socket": str(home / "daemon.sock"), "output_dir": str(home / "pictures")}))
    with listening(home) as heard:
        monkeypatch.setenv("NOTIFY_SOCKET", heard.name)
        monkeypatch.setenv("WATCHDOG_USEC", "60000000")
        with faked(home, again=["cat", str(said)]) as daemon:
            assert heard.next() == {"READY": "1"}
            assert heard.until("STATUS").endswith("; 0 under way; 0 waiting")
            assert heard.until("WATCHDOG") == "1"
            daemon.send(signal.SIGHUP)
            assert int(heard.until("MONOTONIC_USEC")) > 0
            assert heard.until("READY") == "1"
            with daemon.wire() as wire:
                assert wire.result("render", SMALL)
            daemon.send(signal.SIGTERM)
            assert heard.until("STOPPING") == "1"
            assert int(heard.until("EXTEND_TIMEOUT_USEC")) > 1_000_000
            assert daemon.ended() == -signal.SIGTERM


@pytest.mark.slow
def test_a_daemon_that_does_not_start_says_why(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(home) as heard:
        monkeypatch.setenv("NOTIFY_SOCKET", heard.name)
        with faked(home, dies=["accepting", "1"], output_dir="/proc/nowhere") as daemon:
            assert daemon.ended() != 0
        assert "/proc/nowhere" in heard.next()["STATUS"]


class Undead:
    """Starts fake workers that SIGKILL does not end, as one that waits inside a driver."""

    def __init__(self) -> None:
        self.fake = FakeWorker()
        self._kills: list[Callable[[], None]] = []

    async def spawn(self, on_event: Callable[[work.Event], None], on_noise: Callable[[str], None]) -> StartedWorker:
        process = await self.fake.spawn(on_event, on_noise)
        self._kills.append(process.kill)
        vars(process)["kill"] = lambda: None
        return process

    def let_die(self) -> None:
        for kill in self._kills:
            kill()


def test_a_worker_that_not_even_sigkill_ends_makes_the_daemon_unwell_until_it_is_gone(home: Path) -> None:
    async def body() -> None:
        undead = Undead()
        with listening(home) as heard, Listener(home / "daemon.sock") as listener:
            settings = Settings(socket=home / "daemon.sock", output_dir=home / "pictures", beat_timeout=5)
            manager = ServiceManager({"NOTIFY_SOCKET": heard.name, "WATCHDOG_USEC": "4000000"})
            daemon = Daemon(settings, listener, tracer=NoOpTracer(), spawn=undead.spawn, machine=Machine(manager))
            serving = asyncio.create_task(daemon.run())
            await asyncio.sleep(10)
            assert heard.count("WATCHDOG") in range(4, 12)
            undead.fake.fall_silent()
            await asyncio.sleep(5 + KILL_PATIENCE + 3)
            heard.count("WATCHDOG")
            await asyncio.sleep(100)
            assert heard.count("WATCHDOG") == 0
            undead.let_die()
            await asyncio.sleep(10)
            assert heard.count("WATCHDOG") in range(4, 12)
            daemon.shut_down(drain=False)
            undead.let_die()
            await serving
            manager.close()

    run(body())
