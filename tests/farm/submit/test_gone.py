"""What is gone while somebody waits: results are made again, and jobs that nobody else waits for are taken back."""

import asyncio
import itertools
from contextlib import aclosing
from pathlib import Path

import pytest

from kilnmark.client.batch.run.paints import Paints
from kilnmark.client.cli.commands.farming import AskedFarm
from kilnmark.client.request import RenderRequest
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.names import WORK
from kilnmark.farm.submit import results
from kilnmark.farm.submit.client import FarmClient
from kilnmark.farm.submit.door import farm_painter
from tests.farm.nodes import nodes_at

REQUEST: RenderRequest = {"prompt": "a hill", "seed": 1, "steps": 1, "width": 64, "height": 64, "variant": "standin"}


async def waits(link: FarmLink) -> None:
    """A job lies at the broker."""
    for _ in itertools.count():
        if (await link.js.stream_info(WORK)).state.messages:
            return
        await asyncio.sleep(0.01)


async def rendered(client: Paints, request: RenderRequest) -> None:
    async with aclosing(client.render_many([request])) as endings:
        async for _ in endings:
            pass


@pytest.fixture(scope="module")
def left(broker: str) -> str:
    """A farm that every node has left: what its base is, is known, and nobody is there to do anything."""
    with nodes_at(broker, {"anvil": FakeWorker()}):
        return broker


def test_what_was_taken_away_is_handed_in_again(left: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_SILENCE", 1)

    async def ask(link: FarmLink) -> None:
        client = FarmClient(link, "ann", tmp_path, what="test")
        await client.status()
        rendering = asyncio.create_task(rendered(client, {**REQUEST, "job_id": "gone"}))
        await waits(link)
        await link.js.purge_stream(WORK)  # as if a node had ended it, and somebody had purged its result
        await waits(link)
        rendering.cancel()
        await asyncio.gather(rendering, return_exceptions=True)
        await link.js.purge_stream(WORK)

    async def connect() -> None:
        async with asyncio.timeout(30), farm_link(left) as link:
            await ask(link)

    asyncio.run(connect())


def test_what_is_painted_anew_is_taken_back_by_whoever_leaves(
    left: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = AskedFarm(
        address=left, credentials=None, content_anew=False, shared=None, submitter="ann", detached=False, race=False
    )

    async def ask() -> None:
        async with farm_link(left) as link:
            async with farm_painter(asked, tmp_path, "test") as client:
                await client.status()
                rendering = asyncio.create_task(rendered(client, REQUEST))
                await waits(link)
                rendering.cancel()
                await asyncio.gather(rendering, return_exceptions=True)
            await link.js.purge_stream(WORK)

    asyncio.run(ask())
    told = capsys.readouterr().err
    assert "1 job is taken back" in told
    assert "stays with the farm" not in told
