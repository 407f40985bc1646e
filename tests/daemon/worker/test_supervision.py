"""When a worker is replaced, killed or given up: rules of time, with a fake worker on a clock that skips its waits."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.daemon.asked.accept import accept
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.daemon.worker.sizes import WarmSizes, WishedTier
from kilnmark.daemon.worker.worker import Worker
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.requests import RenderParams
from tests.daemon.clocks import run


class Told:
    """A `WorkerListener` that remembers what it was told."""

    def __init__(self) -> None:
        self.ready = 0
        self.lost: list[str] = []
        self.failed = 0
        self.events: list[work.Event] = []

    def worker_ready(self) -> None:
        self.ready += 1

    def worker_spoke(self, event: work.Stepped | work.Painted | work.Finished | work.Failed) -> None:
        self.events.append(event)

    def worker_lost(self, reason: str) -> None:
        self.lost.append(reason)

    def worker_failed(self) -> None:
        self.failed += 1


def settings(**more: Any) -> Settings:
    return Settings(socket=Path("/run/kiln/d.sock"), output_dir=Path("/nowhere"), **more)


async def no_packs() -> list[WishedTier]:
    return []


@asynccontextmanager
async def running(fake: FakeWorker, chosen: Settings) -> AsyncIterator[tuple[Worker, Told]]:
    """A worker that is kept going until the block ends."""
    told, worker = Told(), Worker(chosen, fake.spawn, asyncio.get_running_loop(), WarmSizes(Served(chosen), no_packs))
    task = asyncio.create_task(worker.run(told))
    try:
        yield worker, told
    finally:
        worker.stop()
        await task


def command(chosen: Settings) -> work.RenderCommand:
    return accept(RenderParams(prompt="a mill", steps=3), Served(chosen), "a").command


async def until(happened: Callable[[], bool]) -> None:
    """Let the loop go on until it has; its clock moves meanwhile."""
    async with asyncio.timeout(100_000):
        while not happened():  # noqa: ASYNC110 - the clock moves by it, and nobody waits
            await asyncio.sleep(0.05)


def now() -> float:
    return asyncio.get_running_loop().time()


def test_a_worker_that_is_lost_is_replaced_and_the_pauses_grow_only_while_none_is_ready() -> None:
    async def body() -> None:
        fake = FakeWorker()
        async with running(fake, settings()) as (worker, told):
            for count in (1, 2, 3):
                await until(lambda: told.ready > worker.restarts)
                began = now()
                fake.die()
                await until(lambda count=count: told.ready == count + 1)  # type: ignore[misc]
                assert now() - began < 0.5
            assert (worker.restarts, worker.state) == (3, "ready")
            assert all("SIGKILL" in reason for reason in told.lost)

    run(body())


def test_a_worker_that_hangs_is_found_by_its_missing_beat() -> None:
    async def body() -> None:
        fake = FakeWorker()
        async with running(fake, settings(beat_timeout=8.0)) as (_, told):
            await until(lambda: told.ready == 1)
            began = now()
            fake.fall_silent()
            await until(lambda: bool(told.lost))
            assert 7.0 <= now() - began <= 9.0
            assert "no beat for 8 seconds" in told.lost[0]
            await until(lambda: told.ready == 2)

    run(body())


def test_a_render_without_progress_costs_its_worker() -> None:
    async def body() -> None:
        fake, chosen = FakeWorker(), settings(step_timeout=30.0)
        async with running(fake, chosen) as (worker, told):
            await until(lambda: told.ready == 1)
            fake.hold("denoise")
            worker.render(command(chosen))
            await asyncio.sleep(20.0)
            fake.go()
            await asyncio.sleep(20.0)
            assert told.lost == []
            await asyncio.sleep(20.0)
            assert "no progress for 30 seconds" in told.lost[0]

    run(body())


def test_a_picture_that_is_not_saved_costs_its_worker_though_nothing_else_is_painted() -> None:
    async def body() -> None:
        fake, chosen = FakeWorker(), settings(step_timeout=30.0)
        async with running(fake, chosen) as (worker, told):
            await until(lambda: told.ready == 1)
            fake.hold("save")
            worker.render(command(chosen))
            await asyncio.sleep(29.0)
            assert told.lost == []
            await asyncio.sleep(2.0)
            assert "did not save a picture within 30 seconds" in told.lost[0]

    run(body())


def test_the_time_a_render_may_stand_still_does_not_run_while_its_base_is_loaded() -> None:
    async def body() -> None:
        fake, chosen = FakeWorker(), settings(step_timeout=30.0, bases={"dev": "standin"})
        async with running(fake, chosen) as (worker, told):
            await until(lambda: told.ready == 1)
            fake.hold("load")
            worker.render(msgspec.structs.replace(command(chosen), variant="dev"))
            await asyncio.sleep(300.0)
            fake.hold()
            await until(lambda: any(isinstance(event, work.Failed | work.Finished) for event in told.events))
            assert told.lost == []

    run(body())


def test_a_base_that_cannot_be_held_is_tried_again_only_when_asked() -> None:
    async def body() -> None:
        fake = FakeWorker()
        fake.script.unheld["standin"] = "no such directory"
        async with running(fake, settings()) as (worker, told):
            await until(lambda: told.failed == 1)
            await asyncio.sleep(10_000.0)
            assert (worker.state, worker.info.pid, worker.restarts, told.failed) == ("failed", None, 0, 1)
            assert worker.last_error is not None
            assert "no such directory" in worker.last_error
            fake.script.unheld.clear()
            base = await worker.warm_up("standin")
            assert getattr(base, "variant", None) == "standin"

    run(body())


def test_a_base_that_is_not_warm_in_time_counts_as_one_that_cannot_be_held() -> None:
    async def body() -> None:
        fake = FakeWorker()
        fake.hold("load")
        async with running(fake, settings(load_timeout=60.0)) as (worker, told):
            await until(lambda: told.failed == 1)
            assert 60.0 <= now() <= 62.0
            assert worker.last_error == "standin was not warm after 60 seconds"

    run(body())


def test_another_base_that_is_not_warm_in_time_costs_the_worker_and_not_the_daemon() -> None:
    async def body() -> None:
        fake = FakeWorker()
        async with running(fake, settings(load_timeout=60.0, bases={"dev": "standin"})) as (worker, told):
            await until(lambda: told.ready == 1)
            fake.hold("load")
            assert await worker.warm_up("dev") is None
            await until(lambda: bool(told.lost))
            assert "dev was not warm after 60 seconds" in told.lost[0]
            assert told.failed == 0

    run(body())


def test_a_worker_that_dies_again_and_again_while_warming_is_not_started_for_ever() -> None:
    async def body() -> None:
        fake = FakeWorker()
        fake.hold("load")
        async with running(fake, settings()) as (worker, told):
            deaths = []
            while not told.failed:
                before = worker.info.pid
                await until(lambda: worker.holdings.loading is not None or bool(told.failed))
                fake.die(3)
                deaths.append(now())
                await until(lambda before=before: worker.info.pid != before or bool(told.failed))  # type: ignore[misc]
            assert worker.last_error is not None
            assert worker.last_error.startswith("5 workers in a row were lost while warming")
            assert "status 3" in worker.last_error
            assert worker.restarts == 4

    run(body())


@pytest.mark.parametrize(("hangs", "takes"), [(False, 0.0), (True, 5.0)])
def test_a_worker_that_does_not_leave_is_killed_in_the_end(hangs: bool, takes: float) -> None:
    async def body() -> None:
        fake = FakeWorker()
        async with running(fake, settings()) as (worker, told):
            await until(lambda: told.ready == 1)
            if hangs:
                fake.fall_silent()
            began = now()
            worker.stop()
            await until(lambda: worker.info.pid is None)
            assert takes <= now() - began <= takes + 0.5

    run(body())


def test_a_worker_that_is_still_loading_is_given_less_time_to_leave() -> None:
    async def body() -> None:
        fake = FakeWorker()
        fake.hold("load")
        async with running(fake, settings()) as (worker, _):
            await until(lambda: worker.holdings.loading is not None)
            fake.fall_silent()
            began = now()
            worker.stop()
            await until(lambda: worker.info.pid is None)
            assert 0.5 <= now() - began <= 1.0

    run(body())


def test_a_base_is_ready_once_it_is_warm_at_its_first_size_and_what_is_compiled_is_told() -> None:
    async def body() -> None:
        fake = FakeWorker()
        fake.hold("compile")
        async with running(fake, settings(variant="dev")) as (worker, told):
            await until(lambda: worker.holdings.compiling is not None)
            what = worker.holdings.compiling
            assert what is not None
            assert (what.variant, what.width, what.height, what.number, what.count) == ("dev", 1024, 1024, 1, 3)
            assert (worker.state, worker.base, told.ready) == ("warming", None, 0)
            fake.go()
            await until(lambda: worker.state == "ready")
            assert (worker.holdings.compiling, told.ready) == (None, 1)
            assert worker.base is not None

    run(body())


def test_a_worker_that_dies_while_it_compiles_compiles_nothing_any_more() -> None:
    async def body() -> None:
        fake = FakeWorker()
        fake.hold("compile")
        async with running(fake, settings(variant="dev")) as (worker, told):
            await until(lambda: worker.holdings.compiling is not None)
            fake.die()
            await until(lambda: bool(told.lost))
            assert worker.holdings.compiling is None

    run(body())
