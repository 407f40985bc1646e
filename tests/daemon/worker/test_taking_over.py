"""When another worker takes over from one that still does its work, on a clock that skips its waits."""

import asyncio

import msgspec

from kilnmark.daemon.worker.fake import FakeWorker
from tests.daemon.clocks import run
from tests.daemon.worker.supervised import command, running, settings, until


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
