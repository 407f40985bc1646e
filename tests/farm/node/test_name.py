"""One node has a name: whoever is second leaves, whoever was silent for too long has lost it, a race has one winner."""

import asyncio

import pytest

from kilnmark.client.aio import AsyncClient
from kilnmark.client.testing import fake_daemon
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.errors import NameTaken
from kilnmark.farm.names import NODES
from kilnmark.farm.node import name as name_module
from kilnmark.farm.node import node as node_module
from kilnmark.farm.node.about import AboutNode
from kilnmark.farm.node.name import NodeName
from kilnmark.farm.node.node import FarmNode, NodeSettings
from tests.farm.node.test_node import at, node

SAYS = "another node called .* works for this farm; give this one its own with --name"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_module, "BEAT", 0.02)
    monkeypatch.setattr(node_module, "_IDLE", 0.05)


def claimant(link: FarmLink, name: str) -> tuple[NodeName, AboutNode]:
    about = AboutNode(name)
    return NodeName(link, name, about.instance), about


def test_a_second_node_under_a_living_name_is_refused_and_the_first_goes_on(broker: str) -> None:
    async def work(_: FarmLink) -> None:
        with fake_daemon() as daemon:
            async with node(broker, daemon.socket, "anvil") as first:
                async with farm_link(broker) as link, AsyncClient(daemon.socket) as client:
                    with pytest.raises(NameTaken, match=SAYS):
                        await FarmNode(link, client, NodeSettings(name="anvil")).run()
                assert first.about.info().state == "idle"
            async with node(broker, daemon.socket, "anvil") as again:  # the first has left
                assert again.about.instance != first.about.instance

    at(broker, work)


def test_a_name_under_which_nothing_is_said_any_more_is_free_and_who_comes_back_has_lost_it(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_module, "LOST_AFTER", 0.1)

    async def work(link: FarmLink) -> None:
        (stopped, was), (other, now) = claimant(link, "forge"), claimant(link, "forge")
        await stopped.claim(was.beat)
        await stopped.say(was.beat())
        await other.claim(now.beat)
        with pytest.raises(NameTaken, match=SAYS):
            await stopped.say(was.beat())
        await other.say(now.beat())

    at(broker, work)


def test_of_two_that_start_at_once_one_has_it(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        async def start() -> None:
            name, about = claimant(link, "twins")
            await name.claim(about.beat)
            for _ in range(10):
                await name.say(about.beat())
                await asyncio.sleep(0.01)

        ends = await asyncio.gather(start(), start(), return_exceptions=True)
        assert sorted(type(each).__name__ for each in ends) == ["NameTaken", "NoneType"]

    at(broker, work)


def test_a_word_that_was_written_though_the_broker_did_not_say_so_is_the_nodes_own(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        name, about = claimant(link, "echo")
        await name.claim(about.beat)
        bucket = await link.js.key_value(NODES)
        await bucket.put("echo", about.beat())
        about.has_left = True
        await name.say(about.beat())
        assert b'"state":"left"' in ((await bucket.get("echo")).value or b"")

    at(broker, work)


def test_a_node_that_is_to_leave_waits_for_no_name(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        holder, about = claimant(link, "slow")
        await holder.claim(about.beat)
        with fake_daemon() as daemon:
            async with AsyncClient(daemon.socket) as client:
                second = FarmNode(link, client, NodeSettings(name="slow"))
                running = asyncio.create_task(second.run())
                second.drain()
                await asyncio.wait_for(running, 5)
        await holder.say(about.beat())

    at(broker, work)
