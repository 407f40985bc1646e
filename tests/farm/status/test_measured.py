"""The gauges of a farm are what its broker has, whoever looks and whenever."""

import asyncio
from typing import Literal

import msgspec
import pytest

from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.documents import NodeInfo
from kilnmark.farm.names import NODES, WORK, consumer_of
from kilnmark.farm.status.measured import FarmGauges
from kilnmark.farm.submit import nodes
from kilnmark.otel import names
from tests.farm.broker.test_keeper import hand_in, job_of
from tests.otel.reading import Metered


def by(metered: Metered, metric: names.Metric, label: names.AttributeName) -> dict[str, float]:
    return {labels[label]: value for labels, value in metered.of(metric)}


def node_of(name: str, state: Literal["idle", "working", "left"]) -> NodeInfo:
    return NodeInfo(name=name, version="0.1.0", keymaps="k", state=state)


def test_a_farm_is_told_as_it_was_looked_at(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    metered = Metered()
    gauges = FarmGauges(metered.measures)

    async def ask() -> None:
        async with farm_link(broker) as link:
            await gauges.look(link)
            assert by(metered, names.FARM_QUEUE_DEPTH, names.FARM_WORK_STATE) == {"waiting": 0, "running": 0}
            assert metered.of(names.FARM_QUEUE_AGE) == [({}, 0)]
            for number in (1, 2):
                await hand_in(link, job_of(f"gauged-{number}", number), deliveries=5)
            taking = await link.js.pull_subscribe_bind(consumer=consumer_of(job_of("", 1).partition), stream=WORK)
            await taking.fetch(1, timeout=5)
            await taking.unsubscribe()
            bucket = await link.js.key_value(NODES)
            for node in (node_of("desk", "working"), node_of("lap", "left"), node_of("shed", "idle")):
                await bucket.put(node.name, msgspec.json.encode(node))
            await gauges.look(link)
            assert by(metered, names.FARM_QUEUE_DEPTH, names.FARM_WORK_STATE) == {"waiting": 1, "running": 1}
            ((_, age),) = metered.of(names.FARM_QUEUE_AGE)
            assert 0 < age < 60
            assert states() == {"working": 1, "left": 1, "idle": 1}
            monkeypatch.setattr(nodes, "LOST_AFTER", 0.0)
            await gauges.look(link)
            assert states() == {"lost": 2, "left": 1}

    def states() -> dict[str, float]:
        return {state: count for state, count in by(metered, names.FARM_NODES, names.FARM_NODE_STATE).items() if count}

    assert metered.of(names.FARM_NODES) == []
    asyncio.run(ask())
    assert set(by(metered, names.FARM_NODES, names.FARM_NODE_STATE)) == {
        "idle",
        "working",
        "draining",
        "away",
        "left",
        "lost",
    }
