"""How much one broker takes on this machine, as `kilnmark farm up` runs it: synced to disk before it is acknowledged.

`make farm-broker` starts one with a store of its own, asks it what a farm asks of it, one after
another and 32 at a time from one process, and prints how many of each a second; under half a minute.
"""

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.server import ServerSettings, broker_server
from kilnmark.farm.broker.setup import FarmPlan, set_up
from kilnmark.farm.names import WORK, Partition, consumer_of, pictures_of, results_of, work_subject
from kilnmark.farm.node.work import consumer_settings

__all__ = ["BrokerRate", "main", "measured"]

SUBMITTER = "measure"
JOB = os.urandom(1500)
"""As large as a job with four adapters."""
PICTURE = os.urandom(1_500_000)
PARTITION = Partition("needs", "stack", "normal")
AT_ONCE = 32
PAGE = 256
"""Consumers that a broker tells at once."""


class BrokerRate(msgspec.Struct, frozen=True):
    """One figure.

    Attributes:
        what: Was asked.
        at_once: Requests under way.
        per_second: Answered.
        median_ms: From asking to the answer.
    """

    what: str
    at_once: int
    per_second: float
    median_ms: float


async def measured(link: FarmLink, submitter: str, count: int, partitions: int) -> list[BrokerRate]:
    """Everything, in the order in which a job goes.

    Args:
        link: To a broker that is set up.
        submitter: Of it.
        count: Of each at the most; pictures are a twentieth.
        partitions: Whose numbers are asked for, beside the one that jobs are published to.
    """
    js, rates = link.js, list[BrokerRate]()
    await js.add_consumer(WORK, consumer_settings(PARTITION))
    taking = [await js.pull_subscribe_bind(consumer=consumer_of(PARTITION), stream=WORK) for _ in range(AT_ONCE)]
    results, pictures = await js.key_value(results_of(submitter)), await js.object_store(pictures_of(submitter))

    async def take(_: int) -> None:
        node = taking.pop()  # each node has a subscription of its own
        [message] = await node.fetch(1, timeout=30)
        await message.ack_sync()
        taking.append(node)

    rounds = 0
    for at_once in (1, AT_ONCE):
        first, rounds = rounds * count, rounds + 1
        for what, asked, least in (
            ("publish a job", lambda n: js.publish(work_subject(PARTITION, submitter, f"job{n}"), JOB), count),
            ("fetch a job and acknowledge it", take, count),
            ("create a result", lambda n: results.create(f"job{n}", JOB), count),
            ("put a picture of 1.5 MB", lambda n: pictures.put(f"picture{n}", PICTURE), count // 20),
        ):
            rates.append(await _rate(what, asked, range(first, first + least), at_once))
    for number in range(partitions):
        await js.add_consumer(WORK, consumer_settings(PARTITION._replace(stack=f"stack{number}")))
    rates.append(await _rate(f"ask for the numbers of {partitions} partitions", lambda _: _numbers(link), range(20), 1))
    for node in taking:
        await node.unsubscribe()
    return rates


async def _numbers(link: FarmLink) -> None:
    offset, told = 0, PAGE
    while told == PAGE:
        told = len(await link.js.consumers_info(WORK, offset=offset))
        offset += told


async def _rate(what: str, asked: Callable[[int], Awaitable[object]], numbers: range, at_once: int) -> BrokerRate:
    left, took = iter(numbers), list[float]()

    async def ask() -> None:
        for number in left:
            begun = time.perf_counter()
            await asked(number)
            took.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(at_once)))
    seconds = time.perf_counter() - begun
    return BrokerRate(what, at_once, round(len(took) / seconds, 1), round(statistics.median(took) * 1000, 2))


async def _run(count: int) -> list[BrokerRate]:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as store:
        async with (
            broker_server(ServerSettings(store=Path(store), port=0)) as server,
            farm_link(server.address) as link,
        ):
            await set_up(link, FarmPlan(submitters=[SUBMITTER]))
            return await measured(link, SUBMITTER, count, partitions=500)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="of each at the most")
    asked = parser.parse_args()
    print(f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores")
    print("| what is asked | at once | a second | median, ms |\n|---|---|---|---|")
    for rate in asyncio.run(_run(asked.count)):
        print(f"| {rate.what} | {rate.at_once} | {rate.per_second:,.0f} | {rate.median_ms:.2f} |")


if __name__ == "__main__":
    main()
