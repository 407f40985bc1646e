"""When a worker is replaced or killed: rules of time, with a fake worker on a clock that skips its waits."""

import asyncio

import msgspec
import pytest

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.protocol.wire import work
from tests.daemon.clocks import VirtualClockLoop, run
from tests.daemon.worker.supervised import command, now, running, settings, until


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
