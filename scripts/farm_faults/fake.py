"""A node whose daemon has a fake worker, both in this process: `python -m scripts.farm_faults.fake NAME BROKER`.

What is measured with it is the farm's own part, since the picture costs next to nothing.
"""

import asyncio
import signal
import sys

from kilnmark.client.aio import AsyncClient
from kilnmark.client.testing import fake_daemon
from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.node.node import FarmNode, NodeSettings


async def work(name: str, broker: str) -> None:
    """Until it is told to leave."""
    with fake_daemon() as daemon:
        async with farm_link(broker, name=name) as link, AsyncClient(daemon.socket) as client:
            node = FarmNode(link, client, NodeSettings(name=name))
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, node.drain)
            await node.run()


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
