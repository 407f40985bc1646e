"""Results that are taken away at the broker while somebody waits for them: their jobs are handed in once more."""

import asyncio
import itertools
from contextlib import aclosing
from pathlib import Path

import pytest

from kilnmark.client.request import RenderRequest
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.names import WORK
from kilnmark.farm.submit import results
from kilnmark.farm.submit.client import FarmClient
from tests.farm.nodes import nodes_at

REQUEST: RenderRequest = {"prompt": "a hill", "seed": 1, "steps": 1, "width": 64, "height": 64, "variant": "standin"}


async def waits(link: FarmLink) -> None:
    """A job lies at the broker."""
    for _ in itertools.count():
        if (await link.js.stream_info(WORK)).state.messages:
            return
        await asyncio.sleep(0.01)


def test_what_was_taken_away_is_handed_in_again(broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_SILENCE", 1)
    with nodes_at(broker, {"anvil": FakeWorker()}):
        pass  # what its base is, is known from then on, and nobody is there to do anything

    async def ask(link: FarmLink) -> None:
        client = FarmClient(link, "ann", tmp_path, what="test")
        await client.status()

        async def render() -> None:
            async with aclosing(client.render_many([{**REQUEST, "job_id": "gone"}])) as endings:
                async for _ in endings:
                    pass

        rendering = asyncio.create_task(render())
        await waits(link)
        await link.js.purge_stream(WORK)  # as if a node had ended it, and somebody had purged its result
        await waits(link)
        rendering.cancel()
        await asyncio.gather(rendering, return_exceptions=True)
        await link.js.purge_stream(WORK)

    async def connect() -> None:
        async with asyncio.timeout(30), farm_link(broker) as link:
            await ask(link)

    asyncio.run(connect())
