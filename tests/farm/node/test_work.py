"""The work that waits, as a node sees it at a real broker: beside the other nodes, and by the broker's clock."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.broker.server import ServerSettings, broker_server
from kilnmark.farm.documents import NodeInfo, ServedBase
from kilnmark.farm.errors import FarmNotSetUp
from kilnmark.farm.names import NODES, partition_key
from kilnmark.farm.node import work as work_module
from kilnmark.farm.node.work import Work
from kilnmark.farm.placement.views import PartitionView
from tests.farm.node.handed_in import hand_in, until


async def looked_twice(broker: str, name: str) -> list[PartitionView]:
    """A partition of two jobs beside a node that works on it, and the same after one was taken."""
    async with farm_link(broker) as link:
        job = await hand_in(link, f"{name}-1")
        await hand_in(link, f"{name}-2")
        other = NodeInfo(
            name="other",
            version=job.needs.version,
            keymaps=job.needs.keymaps,
            state="working",
            bases=(ServedBase(variant="standin"),),
            partition=partition_key(job.partition),
        )
        await (await link.js.key_value(NODES)).put("other", msgspec.json.encode(other))
        work = Work(link)
        following = asyncio.create_task(work.follow())
        await until(lambda: work._nodes and work._partitions)
        [before] = await work.views(anew=True)
        message = await work.take(job.partition)
        assert message is not None
        await message.ack_sync()
        [after] = await work.views(anew=True)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await work.close()
        return [before, after]


@pytest.mark.parametrize(("lost_after", "counted"), [(30.0, (1, 1, 0)), (-1.0, (0, 0, 0))], ids=["there", "silent"])
def test_a_partition_is_seen_beside_the_nodes_that_were_heard_of(
    broker: str, monkeypatch: pytest.MonkeyPatch, lost_after: float, counted: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(work_module, "_LOST", lost_after)
    before, after = asyncio.run(looked_twice(broker, f"seen{lost_after:.0f}"))
    assert (before.nodes, before.able, before.holders) == counted
    assert (before.waiting - after.waiting, after.running) == (1, 0)
    assert before.unserved_s is None or before.unserved_s < 60
    assert after.unserved_s is not None
    assert abs(after.unserved_s) < 5


def test_a_broker_without_a_farm_is_told_as_that(tmp_path: Path) -> None:
    async def ask() -> None:
        async with broker_server(ServerSettings(store=tmp_path, port=0)) as server, farm_link(server.address) as link:
            await Work(link).follow()

    with pytest.raises(FarmNotSetUp, match="has no place to follow the work; say `kilnmark farm up`"):
        asyncio.run(ask())
