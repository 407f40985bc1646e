"""When a worker is replaced, killed or given up: rules of time, with a fake worker on a clock that skips its waits."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kilnmark.daemon.asked.accept import accept
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.clock import Clock, Vigil
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.daemon.worker.sizes import WarmSizes, WishedTier
from kilnmark.daemon.worker.worker import Worker
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.requests import RenderParams
from tests.daemon.clocks import VirtualClockLoop, run


class Told:
    """A `WorkerListener` that remembers what it was told."""

    def __init__(self) -> None:
        self.ready = 0
        self.lost: list[str] = []
        self.degraded = 0
        self.events: list[work.Event] = []

    @property
    def finished(self) -> int:
        return sum(isinstance(event, work.Finished) for event in self.events)

    def worker_ready(self) -> None:
        self.ready += 1

    def worker_spoke(self, event: work.Stepped | work.Painted | work.Finished | work.Failed) -> None:
        self.events.append(event)

    def worker_lost(self, reason: str) -> None:
        self.lost.append(reason)

    def worker_degraded(self) -> None:
        self.degraded += 1


def settings(**more: Any) -> Settings:
    return Settings(socket=Path("/run/kiln/d.sock"), output_dir=Path("/nowhere"), **more)


async def no_packs() -> list[WishedTier]:
    return []


@asynccontextmanager
async def running(fake: FakeWorker, chosen: Settings, clock: Clock | None = None) -> AsyncIterator[tuple[Worker, Told]]:
    """A worker that is kept going until the block ends, by the loop's clock if by no other."""
    loop = asyncio.get_running_loop()
    clock = clock or Clock(monotonic=loop.time, wall=loop.time)
    told, worker = Told(), Worker(chosen, fake.spawn, loop, WarmSizes(Served(chosen), no_packs), clock)
    vigil = Vigil(loop, clock)
    vigil.on_jump(worker.time_jumped)
    vigil.begin()
    task = asyncio.create_task(worker.run(told))
    try:
        yield worker, told
    finally:
        worker.stop()
        await task
        vigil.end()


def command(chosen: Settings) -> work.RenderCommand:
    return accept(RenderParams(prompt="a mill", steps=3), Served(chosen), "a").command


async def until(happened: Callable[[], bool]) -> None:
    """Let the loop go on until it has; its clock moves meanwhile."""
    async with asyncio.timeout(100_000):
        while not happened():  # noqa: ASYNC110 - the clock moves by it, and nobody waits
            await asyncio.sleep(0.05)


def tries_of(worker: Worker) -> int:
    return 0 if worker.info.degraded is None else worker.info.degraded.tries


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
            await asyncio.sleep(29.0)
            assert told.lost == []
            await asyncio.sleep(2.0)
            assert "no progress for 30 seconds; it was killed" in told.lost[0]

    run(body())


@pytest.mark.parametrize(("step", "bound"), [(1.0, 30.0), (5.0, 50.0), (100.0, 1000.0)])
def test_a_step_may_take_ten_times_what_steps_of_its_size_take_and_half_a_minute_at_least(
    step: float, bound: float
) -> None:
    async def body() -> None:
        fake, chosen = FakeWorker(), settings()
        async with running(fake, chosen) as (worker, told):
            await until(lambda: told.ready == 1)
            fake.hold("denoise")
            worker.render(command(chosen))
            for _ in range(2):
                await asyncio.sleep(step)
                fake.go()
            await asyncio.sleep(bound - 1)
            assert told.lost == []
            await asyncio.sleep(2.0)
            assert f"no progress for {bound:g} seconds, where a step of 128x128 on standin takes" in told.lost[0]

    run(body())


def test_nothing_of_that_holds_for_another_size_nor_for_the_next_worker() -> None:
    async def body() -> None:
        fake, chosen = FakeWorker(), settings(step_timeout=200.0)
        async with running(fake, chosen) as (worker, told):
            for lost, width in enumerate((128, 64, 128)):
                await until(lambda lost=lost: told.ready == lost + 1)  # type: ignore[misc]
                if width == 64:
                    worker.render(command(chosen))  # of the usual size, and quick
                    await until(lambda: told.finished == 1)
                fake.hold("denoise")
                worker.render(msgspec.structs.replace(command(chosen), width=width, job_id="b"))
                await asyncio.sleep(199.0)
                assert len(told.lost) == lost
                await asyncio.sleep(2.0)
                assert "no progress for 200 seconds;" in told.lost[lost]
                fake.hold()

    run(body())


@pytest.mark.parametrize("missing", ["wall", "loop"])
def test_sleep_and_wake_costs_nobody_anything(missing: str) -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualClockLoop)
        slept = 0.0
        clock = Clock(monotonic=loop.time, wall=lambda: loop.time() + slept)
        fake, chosen = FakeWorker(), settings(step_timeout=30.0, beat_timeout=10.0)
        async with running(fake, chosen, clock) as (worker, told):
            await until(lambda: told.ready == 1)
            fake.hold("denoise")
            worker.render(command(chosen))
            await asyncio.sleep(25.0)
            if missing == "wall":
                slept = 3600.0
            else:
                loop.now += 3600.0  # every timer is due at once, the worker's next beat behind them
            await asyncio.sleep(28.0)
            assert told.lost == []
            await asyncio.sleep(5.0)
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


def test_a_base_that_cannot_be_held_is_tried_again_with_growing_pauses_and_at_once_when_asked() -> None:
    async def body() -> None:
        fake = FakeWorker()
        fake.script.unheld["standin"] = "no such directory"
        async with running(fake, settings(degraded_delay_max=100.0)) as (worker, told):
            tries = list[float]()
            for count in range(1, 9):
                await until(lambda count=count: tries_of(worker) == count)  # type: ignore[misc]
                tries.append(now())
            assert [round(then - before) for before, then in pairwise(tries)] == [5, 10, 20, 40, 80, 100, 100]
            degraded = worker.info.degraded
            assert degraded is not None
            assert (worker.state, worker.info.pid, worker.restarts, told.degraded) == ("degraded", None, 0, 1)
            assert (degraded.reason, worker.last_error) == ("no such directory", "no such directory")
            assert degraded.next_try_s is not None
            assert await worker.warm_up("standin") is None
            fake.script.unheld.clear()
            began = now()
            base = await worker.warm_up("standin")
            assert getattr(base, "variant", None) == "standin"
            assert now() - began < 1.0
            assert (worker.state, worker.info.degraded) == ("ready", None)

    run(body())


def test_whoever_asks_while_it_is_tried_hears_of_the_next_try_which_can_be_another() -> None:
    async def body() -> None:
        fake = FakeWorker()
        fake.script.unheld["standin"] = "no such directory"
        async with running(fake, settings()) as (worker, told):
            await until(lambda: told.degraded == 1)
            fake.hold("load")
            await until(lambda: worker.holdings.loading is not None)
            asked = asyncio.create_task(worker.warm_up("standin"))
            await asyncio.sleep(1.0)
            fake.die()
            await asyncio.sleep(1.0)
            assert not asked.done()
            fake.script.unheld.clear()
            fake.hold()
            assert getattr(await asked, "variant", None) == "standin"

    run(body())


def test_a_base_that_is_not_warm_in_time_counts_as_one_that_cannot_be_held() -> None:
    async def body() -> None:
        fake = FakeWorker()
        fake.hold("load")
        async with running(fake, settings(load_timeout=60.0)) as (worker, told):
            await until(lambda: told.degraded == 1)
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
            assert told.degraded == 0

    run(body())


def test_workers_that_die_while_warming_make_it_degraded_until_one_gets_ready_by_itself() -> None:
    async def body() -> None:
        fake = FakeWorker()
        fake.hold("load")
        async with running(fake, settings()) as (worker, told):
            for deaths in range(1, 8):
                await until(lambda: worker.holdings.loading is not None)
                assert worker.state == ("degraded" if deaths > 5 else "warming")
                fake.mutter("an error of its own\n")
                fake.die(3)
                await until(lambda deaths=deaths: worker.restarts == deaths)  # type: ignore[misc]
            assert (told.degraded, len(told.lost)) == (1, 7)
            info = worker.info
            assert info.degraded is not None
            assert info.degraded.reason.startswith("7 workers in a row were lost while warming")
            assert "status 3" in info.degraded.reason
            assert info.death is not None
            assert info.death.words.lines == [info.death.words.first_failure] == ["an error of its own"]
            fake.hold()
            await until(lambda: told.ready == 1)
            assert (worker.state, worker.info.degraded) == ("ready", None)

    run(body())


def test_after_so_many_pictures_another_worker_takes_over_once_all_is_saved_and_nothing_is_lost() -> None:
    async def body() -> None:
        fake, chosen = FakeWorker(), settings(recycle_renders=2)
        async with running(fake, chosen) as (worker, told):
            await until(lambda: told.ready == 1)
            first = worker.info.pid
            worker.render(command(chosen))
            await until(lambda: told.finished == 1)
            assert (worker.info.renders, worker.state) == (1, "ready")
            fake.hold("save")
            worker.render(msgspec.structs.replace(command(chosen), job_id="b"))
            await until(lambda: worker.state == "warming")
            await asyncio.sleep(5.0)
            assert worker.info.pid == first
            fake.hold()
            await until(lambda: told.ready == 2)
            info = worker.info
            assert (info.recycled, info.restarts, info.renders, info.last_error, info.death) == (1, 0, 0, None, None)
            assert info.pid != first
            assert told.finished == 2
            assert told.lost == ["another worker took over, since it has painted 2 pictures"]

    run(body())


def test_a_worker_that_grew_is_replaced_and_what_it_took_for_its_first_picture_is_no_growth() -> None:
    async def body() -> None:
        fake, chosen = FakeWorker(), settings(recycle_growth=10 << 20)
        async with running(fake, chosen) as (worker, told):
            await until(lambda: told.ready == 1)
            for count, mebibytes in enumerate((50, 60, 61), 1):
                assert worker.info.recycled == 0
                fake.script.other_bytes = mebibytes << 20
                worker.render(msgspec.structs.replace(command(chosen), job_id=f"at {mebibytes}"))
                await until(lambda count=count: told.finished == count)  # type: ignore[misc]
            await until(lambda: told.ready == 2)
            assert told.lost == ["another worker took over, since it has grown by 11 MiB beside what it holds"]

    run(body())


def test_a_base_that_somebody_waits_for_is_waited_for_before_another_worker_takes_over() -> None:
    async def body() -> None:
        fake, chosen = FakeWorker(), settings(recycle_renders=1, bases={"dev": "standin"})
        async with running(fake, chosen) as (worker, told):
            await until(lambda: told.ready == 1)
            fake.hold("decode", "load")
            worker.render(command(chosen))
            asked = asyncio.create_task(worker.warm_up("dev"))
            await asyncio.sleep(1.0)
            fake.hold()
            assert getattr(await asked, "variant", None) == "dev"
            assert worker.info.recycled == 0
            worker.render(msgspec.structs.replace(command(chosen), job_id="b"))
            await until(lambda: told.ready == 2)
            assert worker.info.recycled == 1

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
