"""A farm is set up at a real broker, as often as anybody likes, and refuses a job that waits there."""

import asyncio
import contextlib
import subprocess

import pytest
from nats.js.errors import APIError

from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.broker.server import find_server, free_port
from kilnmark.farm.broker.setup import FarmPlan, set_up
from kilnmark.farm.errors import BrokerAway, FarmNotSetUp, FarmNotUsable
from kilnmark.farm.names import Partition, work_subject


def test_a_farm_is_set_up_twice_with_another_submitter(broker: str) -> None:
    async def ask() -> set[str]:
        async with farm_link(broker) as link:
            await set_up(link, FarmPlan(submitters=["ann", "bob"]))
            await set_up(link, FarmPlan(submitters=["ann", "bob"]))
            assert (await link.broker_time()).tzinfo is not None
            return {info.config.name or "" for info in await link.js.streams_info()}

    names = asyncio.run(ask())
    assert {"KILN_WORK", "KILN_LOST", "KV_kiln-results-ann", "OBJ_kiln-pictures-bob", "OBJ_kiln-content"} <= names


def test_a_job_that_waits_is_refused_by_the_broker_itself(broker: str) -> None:
    async def ask() -> None:
        async with farm_link(broker) as link:
            subject = work_subject(Partition("n", "s", "low"), "ann", "job-1")
            await link.js.publish(subject, b"{}")
            with pytest.raises(APIError, match="maximum messages per subject"):
                await link.js.publish(subject, b"{}")

    asyncio.run(ask())


def test_nobody_at_the_address_and_no_farm_there_are_told_with_the_mend(broker: str) -> None:
    async def ask() -> None:
        with pytest.raises(BrokerAway, match="kilnmark farm up"):
            async with farm_link("nats://127.0.0.1:9", wait=0.3):
                pass
        async with farm_link(broker) as link:
            with pytest.raises(FarmNotSetUp, match="kilnmark farm up"), link.telling("read the results of nobody"):
                await link.js.key_value("kiln-results-nobody")

    asyncio.run(ask())


def test_a_farm_that_is_there_already_keeps_results_for_as_long_as_is_said_now(broker: str) -> None:
    async def ask() -> float | None:
        async with farm_link(broker) as link:
            await set_up(link, FarmPlan(submitters=["ann"], kept=3600.0))
            return (await link.js.stream_info("KV_kiln-results-ann")).config.max_age

    assert asyncio.run(ask()) == 3600.0


def test_nobody_wipes_what_nodes_say_with_a_word_of_their_own(broker: str) -> None:
    async def ask() -> None:
        async with farm_link(broker) as link:
            with pytest.raises(APIError, match="rollup not permitted"):
                await link.js.publish("$KV.kiln-nodes.desk", b"", headers={"Nats-Rollup": "all"})

    asyncio.run(ask())


def test_more_replicas_than_there_are_servers_are_told_as_that(broker: str) -> None:
    async def ask() -> None:
        async with farm_link(broker) as link:
            with pytest.raises(FarmNotUsable, match="--replicas 3: the broker is no cluster of so many servers"):
                await set_up(link, FarmPlan(submitters=["ann"], replicas=3))

    asyncio.run(ask())


def test_a_server_that_keeps_no_streams_is_told_as_that() -> None:
    port = free_port("127.0.0.1", 0)

    async def ask() -> None:
        while True:
            with contextlib.suppress(BrokerAway):
                async with farm_link(f"nats://127.0.0.1:{port}") as link:
                    with pytest.raises(BrokerAway, match="runs without JetStream"):
                        await link.broker_time()
                    with pytest.raises(BrokerAway, match="runs without JetStream"):
                        await set_up(link, FarmPlan(submitters=["ann"]))
                    return

    with subprocess.Popen([find_server(), "-a", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL) as server:
        try:
            asyncio.run(ask())
        finally:
            server.terminate()


def test_what_is_too_large_for_the_broker_is_not_tried_again(broker: str) -> None:
    async def ask() -> None:
        async with farm_link(broker) as link:
            with pytest.raises(FarmNotUsable, match="no message may be larger than 8388608 bytes"), link.telling("x"):
                await link.js.publish(work_subject(Partition("n", "s", "low"), "ann", "large"), bytes((8 << 20) + 1))

    asyncio.run(ask())
