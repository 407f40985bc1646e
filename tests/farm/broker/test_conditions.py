"""What a broker must do so that a farm loses nothing, each with the real one."""

import asyncio
import json
from pathlib import Path

import pytest

from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.broker.server import ServerSettings, broker_server, configuration
from kilnmark.farm.broker.setup import FarmPlan, set_up
from kilnmark.farm.names import Partition, partition_filter, work_subject

_PARTITION = Partition("n", "s", "low")


def test_what_is_acknowledged_has_been_synced(tmp_path: Path) -> None:
    """Not up to two minutes later, as the server has it when nobody says otherwise."""
    assert json.loads(configuration(ServerSettings(store=tmp_path), 4222))["jetstream"]["sync_interval"] == "always"


def test_a_killed_broker_has_everything_that_it_acknowledged(tmp_path: Path) -> None:
    async def ask() -> int:
        settings = ServerSettings(store=tmp_path, port=0)
        async with broker_server(settings) as server, farm_link(server.address) as link:
            await set_up(link, FarmPlan(submitters=["ann"]))
            for job in range(50):
                await link.js.publish(work_subject(_PARTITION, "ann", f"job-{job}"), b"{}")
            server.process.kill()
            await server.process.wait()
        async with broker_server(settings) as server, farm_link(server.address) as link:
            return int((await link.js.stream_info("KILN_WORK")).state.messages)

    assert asyncio.run(ask()) == 50


def test_a_job_that_goes_on_is_handed_to_nobody_else_until_it_is_silent(broker: str) -> None:
    from nats.errors import TimeoutError as NothingYet
    from nats.js import api

    async def ask() -> int:
        async with farm_link(broker) as link:
            await link.js.publish(work_subject(_PARTITION, "ann", "long"), b"{}")
            settings = api.ConsumerConfig(ack_wait=0.6, filter_subject=partition_filter(_PARTITION))
            await link.js.add_consumer("KILN_WORK", settings, name="long", durable_name="long")
            first = await link.js.pull_subscribe_bind(consumer="long", stream="KILN_WORK")
            other = await link.js.pull_subscribe_bind(consumer="long", stream="KILN_WORK")
            [message] = await first.fetch(1, timeout=5)
            for _ in range(4):
                await message.in_progress()
                with pytest.raises(NothingYet):
                    await other.fetch(1, timeout=0.16)
            [again] = await other.fetch(1, timeout=5)
            await again.ack_sync(timeout=5)
            return int(again.metadata.num_delivered or 0)

    assert asyncio.run(ask()) == 2
