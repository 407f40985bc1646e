"""What only the asyncio flavour can do: many calls at once over one connection, and cancelling a task."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client import AsyncClient, ConnectionLost, Progress
from tests.client.conftest import FakeDaemon, cancelled_afterwards, peer_that_says

LONG: dict[str, Any] = {"width": 64, "height": 64, "steps": 100, "seed": 7, "cache": False}


async def begin_render(client: AsyncClient, job_id: str) -> asyncio.Task[Any]:
    """A render that has reached its first denoise step."""
    denoising = asyncio.Event()

    def look(progress: Progress) -> None:
        if progress.message.startswith("denoise"):
            denoising.set()

    task = asyncio.create_task(client.render("a kiln", job_id=job_id, on_progress=look, **LONG))
    async with asyncio.timeout(60):
        await denoising.wait()
    return task


def test_a_connection_carries_many_calls_at_once(daemon: FakeDaemon) -> None:
    async def main() -> None:
        async with AsyncClient(daemon.socket) as client:
            renders = [client.render("a kiln", width=64, height=64, steps=1, seed=seed) for seed in range(3)]
            pings = [client.ping() for _ in range(20)]
            results, answers = await asyncio.gather(asyncio.gather(*renders), asyncio.gather(*pings))
        assert [result.seed for result in results] == [0, 1, 2]
        assert {answer.pid for answer in answers} == {daemon.pid}

    asyncio.run(main())


def test_cancelling_the_task_cancels_the_render_and_not_its_neighbours(daemon: FakeDaemon) -> None:
    async def main(job_id: str) -> None:
        async with AsyncClient(daemon.socket) as client:
            task = await begin_render(client, job_id)
            neighbour = asyncio.create_task(client.ping())
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await neighbour).pid == daemon.pid

    with cancelled_afterwards(daemon) as job_id:
        asyncio.run(main(job_id))


def test_closing_ends_the_calls_that_wait(folder: Path) -> None:
    path = folder / "daemon.sock"
    asked = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        await reader.readline()
        asked.set()
        await reader.read()
        writer.close()

    async def main() -> None:
        async with await asyncio.start_unix_server(listen, path), AsyncClient(path) as client, asyncio.timeout(30):
            calls = [asyncio.create_task(client.status()), asyncio.create_task(client.render("a kiln"))]
            await asked.wait()
            await client.close()
            ended = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(error) for error in ended] == [ConnectionLost, ConnectionLost]
        assert ended[0] is not ended[1]

    asyncio.run(main())


def test_a_lost_connection_fails_every_call_and_the_next_one_connects_again(folder: Path) -> None:
    async def main() -> None:
        pong = b'{"jsonrpc":"2.0","id":1,"result":{"version":"1","pid":2,"uptime_s":3}}\n'
        with peer_that_says(folder, b"", pong, after=2) as path:
            async with AsyncClient(path, away_timeout=0.0) as client:
                ended = await asyncio.gather(client.status(), client.ping(), return_exceptions=True)
                assert [type(error) for error in ended] == [ConnectionLost, ConnectionLost]
                assert (await client.ping()).pid == 2

    asyncio.run(main())
