"""Jobs that no node brings to an end become dead letters, whoever listened when that happened."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import msgspec
import pytest
from nats.aio.subscription import Subscription
from nats.js.errors import NoKeysError

from kilnmark.farm.broker import keeper
from kilnmark.farm.broker.ended import end_tasks
from kilnmark.farm.broker.keeper import Keeper
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.stranded import unheard_work
from kilnmark.farm.broker.tidy import tidy_up
from kilnmark.farm.documents import FarmJob, FarmNeeds, FarmResult, NodeInfo, PartitionInfo
from kilnmark.farm.errors import BrokerFull
from kilnmark.farm.names import (
    LOST,
    LOST_ADVISORY,
    NODES,
    PARTITIONS,
    WORK,
    consumer_of,
    partition_filter,
    partition_key,
    results_of,
    token_of,
    work_subject,
)
from kilnmark.otel import names
from kilnmark.otel.measures import Measures
from kilnmark.protocol.wire.requests import RenderParams
from tests.otel.reading import Metered


def job_of(name: str, partition: int) -> FarmJob:
    """A job of a partition of its own, by a number."""
    needs = FarmNeeds(variant=f"standin-{partition}", version="0.1.0", keymaps="k")
    asked = RenderParams(prompt="a hill", seed=1)
    return FarmJob(job_id=name, submitter="ann", submission="test", needs=needs, asked=asked)


async def hand_in(link: FarmLink, job: FarmJob, copy: int = 0, deliveries: int = 1) -> None:
    await link.js.publish(work_subject(job.partition, "ann", job.job_id, copy), msgspec.json.encode(job), stream=WORK)
    await have_consumer(link, job, deliveries)


async def have_consumer(link: FarmLink, job: FarmJob, deliveries: int = 1) -> None:
    from nats.js import api

    name, subjects = consumer_of(job.partition), partition_filter(job.partition)
    settings = api.ConsumerConfig(
        name=name, durable_name=name, filter_subject=subjects, ack_wait=0.05, max_deliver=deliveries
    )
    await link.js.add_consumer(WORK, settings)


async def lose(link: FarmLink, job: FarmJob) -> None:
    """Take all work of its partition and go away with it, until the broker has said that it hands it out no more."""
    told = await link.nc.subscribe(LOST_ADVISORY)
    taking = await link.js.pull_subscribe_bind(consumer=consumer_of(job.partition), stream=WORK)
    for _ in await taking.fetch(8, timeout=1):
        await told.next_msg(timeout=10)
    await taking.unsubscribe()
    await told.unsubscribe()


@contextlib.asynccontextmanager
async def kept(link: FarmLink, measures: Measures | None = None) -> AsyncIterator[Subscription]:
    """Looked after. Yields what hears of each lost job that has been dealt with."""
    dealt = await link.nc.subscribe(f"$JS.ACK.{LOST}.keeper.>")
    keeper = asyncio.create_task(Keeper(link, measures=measures).run())
    try:
        yield dealt
    finally:
        await dealt.unsubscribe()
        await end_tasks(keeper)


async def result_of(link: FarmLink, name: str) -> FarmResult:
    watcher = await (await link.js.key_value(results_of("ann"))).watch(token_of(name))
    try:
        async with asyncio.timeout(10):
            async for entry in watcher:
                if entry is not None:
                    return msgspec.json.decode(entry.value, type=FarmResult)
    finally:
        await watcher.stop()  # type: ignore[no-untyped-call]
    raise AssertionError


async def waiting(link: FarmLink, job: FarmJob) -> list[str]:
    state = (await link.js.stream_info(WORK, subjects_filter=partition_filter(job.partition))).state
    return [subject.rpartition(".")[2] for subject in state.subjects or {}]


def test_a_job_lost_while_nobody_listened_is_a_dead_letter_and_waits_no_more(broker: str) -> None:
    async def ask() -> None:
        job, metered = job_of("lost", 2), Metered()
        async with farm_link(broker) as link:
            await hand_in(link, job)
            await lose(link, job)
            node = NodeInfo(name="desk", version="0.1.0", keymaps="k", state="working", running=("lost",))
            await (await link.js.key_value(NODES)).put("desk", msgspec.json.encode(node))
            async with kept(link, metered.measures) as dealt:
                await dealt.next_msg(timeout=10)
                found = await result_of(link, "lost")
            assert metered.of(names.FARM_JOBS) == [({names.FARM_STATE: "dead"}, 1)]
            assert await waiting(link, job) == []
            assert (found.state, found.deliveries, found.submission) == ("dead", 1, "test")
            assert found.error is not None
            assert "kilnmark farm dead --again lost" in found.error.message

    asyncio.run(ask())


def test_who_had_a_lost_job_is_told_as_far_as_it_is_known(broker: str) -> None:
    async def ask() -> FarmResult:
        job = job_of("seen", 3)
        async with farm_link(broker) as link, kept(link):
            nodes = await link.js.key_value(NODES)
            for name in ("desk", "lap"):
                node = NodeInfo(name=name, version="0.1.0", keymaps="k", state="working", running=("seen",))
                await nodes.put(name, msgspec.json.encode(node))
            await hand_in(link, job)
            await lose(link, job)
            return await result_of(link, "seen")

    found = asyncio.run(ask())
    assert found.nodes == ("desk", "lap")
    assert found.error is not None
    assert "(desk, lap)" in found.error.message


def test_a_job_that_ended_before_keeps_its_first_result(broker: str) -> None:
    async def ask() -> FarmResult:
        job = job_of("ended", 4)
        first = FarmResult(job_id="ended", submitter="ann", submission="test", state="done", node="desk")
        async with farm_link(broker) as link:
            await hand_in(link, job)
            await (await link.js.key_value(results_of("ann"))).create("ended", msgspec.json.encode(first))
            await lose(link, job)
            async with kept(link) as dealt:
                await dealt.next_msg(timeout=10)
            assert await waiting(link, job) == []
            return await result_of(link, "ended")

    assert asyncio.run(ask()).state == "done"


def test_a_raced_job_is_dead_with_its_last_copy_alone(broker: str) -> None:
    async def ask() -> FarmResult:
        job = job_of("raced", 5)
        async with farm_link(broker) as link:
            await hand_in(link, job)
            await lose(link, job)
            await hand_in(link, job, copy=1)
            async with kept(link) as dealt:
                await dealt.next_msg(timeout=10)
                assert await waiting(link, job) == ["raced~1"]
                await lose(link, job)
                return await result_of(link, "raced")

    assert asyncio.run(ask()).state == "dead"


def test_a_job_of_which_the_broker_could_not_say_that_it_was_lost_is_a_dead_letter_all_the_same(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> FarmResult:
        lost, waits = job_of("unheard", 8), job_of("waits", 9)
        async with farm_link(broker) as link:
            await hand_in(link, lost)
            await lose(link, lost)
            await hand_in(link, waits)
            await link.js.purge_stream(LOST)
            assert await unheard_work(link) == [], "it may be told yet"
            monkeypatch.setattr(keeper, "unheard_work", partial(unheard_work, still=timedelta(0)))
            await Keeper(link)._bury_unheard()
            assert await waiting(link, lost) == []
            assert await waiting(link, waits) == ["waits"]
            await link.js.purge_stream(WORK)
            return await result_of(link, "unheard")

    found = asyncio.run(ask())
    assert (found.state, found.deliveries) == ("dead", 1)


def test_what_is_no_job_is_told_and_stops_nobody(broker: str) -> None:
    async def ask() -> FarmResult:
        job = job_of("odd", 6)
        async with farm_link(broker) as link:
            await link.js.publish(work_subject(job.partition, "ann", "odd"), b"[]", stream=WORK)
            await have_consumer(link, job)
            await lose(link, job)
            async with kept(link):
                return await result_of(link, "odd")

    found = asyncio.run(ask())
    assert found.error is not None
    assert "no job that this version knows" in found.error.message


def test_a_partition_without_work_for_long_is_forgotten_until_work_comes(broker: str) -> None:
    async def ask() -> None:
        job = job_of("late", 7)
        key = partition_key(job.partition)
        async with farm_link(broker) as link:
            partitions = await link.js.key_value(PARTITIONS)

            async def keys() -> list[str]:
                with contextlib.suppress(NoKeysError):
                    return await partitions.keys()
                return []

            await partitions.put(key, msgspec.json.encode(PartitionInfo(needs=job.needs)))
            await have_consumer(link, job)
            assert await tidy_up(link) == []
            assert key in await tidy_up(link, timedelta(0))
            assert key not in await keys()
            await link.js.publish(work_subject(job.partition, "ann", "late"), msgspec.json.encode(job), stream=WORK)
            await tidy_up(link, timedelta(0))
            assert key in await keys()
            await have_consumer(link, job)
            assert key not in await tidy_up(link, timedelta(0))

    asyncio.run(ask())


def test_a_full_disk_is_told_once_and_does_not_keep_files_from_going(
    broker: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks, enough = itertools.count(1), asyncio.Event()

    async def full(link: FarmLink) -> list[str]:
        raise BrokerFull(link.address, "tidy up")

    async def cleared(*_: object) -> int:
        if next(looks) == 4:
            enough.set()
        return 0

    monkeypatch.setattr(keeper, "tidy_up", full)
    monkeypatch.setattr(keeper, "clear_content", cleared)
    monkeypatch.setattr(keeper, "_AGAIN", 0.01)

    async def ask() -> None:
        async with farm_link(broker) as link, kept(link):
            await asyncio.wait_for(enough.wait(), 20)

    asyncio.run(ask())
    assert caplog.text.count("the farm is not looked after") == 1
