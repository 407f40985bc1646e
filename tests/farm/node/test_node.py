"""A node between a real broker and a real daemon whose worker is the house's fake: every end is told once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client.aio import AsyncClient
from kilnmark.client.testing import fake_daemon
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.content.store import open_content
from kilnmark.farm.errors import FarmNotUsable
from kilnmark.farm.names import NODES, WORK, pictures_of
from kilnmark.farm.node.node import FarmNode, NodeSettings
from tests.farm.node.handed_in import hand_in, result_of


@asynccontextmanager
async def node(broker: str, socket: Path, name: str = "anvil", **settings: Any) -> AsyncIterator[FarmNode]:
    async with farm_link(broker, name=name) as link, AsyncClient(socket, away_timeout=0) as client:
        running = FarmNode(link, client, NodeSettings(name=name, **settings))
        task = asyncio.create_task(running.run())
        try:
            yield running
        finally:
            running.drain()
            await task


def at(broker: str, work: Callable[[FarmLink], Coroutine[Any, Any, None]]) -> None:
    async def ask() -> None:
        async with farm_link(broker) as link:
            await work(link)

    asyncio.run(ask())


async def is_empty(link: FarmLink) -> bool:
    return (await link.js.stream_info(WORK)).state.messages == 0


def test_a_job_is_painted_committed_and_taken_off_the_queue(broker: str, tmp_path: Path) -> None:
    ink = tmp_path / "ink.safetensors"

    async def work(link: FarmLink) -> None:
        with fake_daemon() as daemon:
            async with node(broker, daemon.socket):
                await hand_in(link, "plain")
                result = await result_of(link, "plain")
                assert (result.state, result.node, result.deliveries) == ("done", "anvil", 1)
                assert result.picture is not None
                await (await open_content(link, pictures_of("ann"))).fetch(result.picture, ink.with_suffix(".png"))
            assert sha256(ink.with_suffix(".png").read_bytes()).hexdigest() == result.picture.sha256
            assert await is_empty(link)
            told = (await (await link.js.key_value(NODES)).get("anvil")).value or b""
            assert b'"state":"left"' in told

    at(broker, work)


def test_a_daemon_that_reads_elsewhere_is_told_with_the_mend(broker: str, tmp_path: Path) -> None:
    async def work(_: FarmLink) -> None:
        with fake_daemon() as daemon, pytest.raises(FarmNotUsable, match="--lora-root"):
            async with node(broker, daemon.socket, content=tmp_path / "elsewhere"):
                pass

    at(broker, work)
