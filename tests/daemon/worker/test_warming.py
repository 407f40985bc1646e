"""When a base counts as warm and when as one that cannot be held, on a clock that skips its waits."""

import asyncio
from itertools import pairwise

from kilnmark.daemon.worker.fake import FakeWorker
from tests.daemon.clocks import run
from tests.daemon.worker.supervised import now, running, settings, tries_of, until


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
