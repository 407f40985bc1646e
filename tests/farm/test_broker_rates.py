"""What is measured of a broker is what a farm asks of it, and is answered."""

import asyncio

from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.names import WORK
from scripts.farm_broker import BrokerRate, measured


def test_every_figure_is_of_work_that_was_done(broker: str) -> None:
    async def asked() -> tuple[list[BrokerRate], int]:
        async with farm_link(broker) as link:
            rates = await measured(link, "ann", count=40, partitions=3)
            return rates, (await link.js.stream_info(WORK)).state.messages

    rates, left = asyncio.run(asked())
    assert [rate.at_once for rate in rates] == [1, 1, 1, 1, 32, 32, 32, 32, 1]
    assert all(rate.per_second > 0 and rate.median_ms > 0 for rate in rates)
    assert left == 0
