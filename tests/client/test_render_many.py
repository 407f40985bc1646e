"""Many renders against a daemon, in both flavours."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client import AdapterNotEngaged, AsyncClient, Client, DaemonUnavailable, InvalidParams, Rendered
from kilnmark.client.request import RenderRequest
from kilnmark.daemon.worker.fake import FakeWorker
from tests.client.conftest import FakeDaemon, cancelled_afterwards, serving

SMALL: dict[str, Any] = {"width": 64, "height": 64, "steps": 1}


def gather_blocking(socket: Path, requests: list[RenderRequest], **options: Any) -> list[Rendered]:
    with Client(socket) as client:
        return list(client.render_many(requests, **options))


def gather_asyncio(socket: Path, requests: list[RenderRequest], **options: Any) -> list[Rendered]:
    async def main() -> list[Rendered]:
        async with AsyncClient(socket) as client:
            return [each async for each in client.render_many(requests, **options)]

    return asyncio.run(main())


@pytest.fixture(params=[gather_blocking, gather_asyncio])
def gather(request: pytest.FixtureRequest) -> Any:
    return request.param


def kilns(*seeds: int) -> list[RenderRequest]:
    return [{"prompt": "a kiln", "seed": seed, **SMALL} for seed in seeds]  # type: ignore[typeddict-item]


def test_pictures_come_in_the_order_of_the_requests(daemon: FakeDaemon, gather: Any) -> None:
    made = gather(daemon.socket, kilns(11, 12), concurrency=2)
    assert [each.index for each in made] == [0, 1]
    assert [each.result.seed for each in made] == [11, 12]
    assert all(Path(each.result.image_path).is_file() for each in made)


def test_one_that_fails_does_not_stop_the_others(daemon: FakeDaemon, gather: Any, dead: Path) -> None:
    refused: RenderRequest = {"prompt": "a kiln", "lora_paths": [dead], "seed": 1}
    senseless: RenderRequest = {"prompt": "a kiln", "steps": 1000}
    made = gather(daemon.socket, [refused, *kilns(14), senseless], concurrency=1)
    assert [type(each.error) for each in made] == [AdapterNotEngaged, type(None), InvalidParams]
    assert made[1].result is not None


def test_as_they_end_a_slow_one_holds_up_none(daemon: FakeDaemon, held: FakeWorker) -> None:
    slow: RenderRequest = {"prompt": "a kiln", "seed": 15, "priority": "low", **SMALL}  # type: ignore[typeddict-item]

    held.hold("decode")

    async def main() -> list[int]:
        async with AsyncClient(daemon.socket) as client:

            async def are_accepted(count: int) -> None:
                while len((await client.status()).jobs) < count:
                    pass

            busy = asyncio.ensure_future(client.render("busy", seed=22, **SMALL))
            await are_accepted(1)
            stream = client.render_many([*kilns(16), slow, *kilns(17)], concurrency=3, ordered=False)
            first = asyncio.ensure_future(anext(stream))
            await are_accepted(4)
            held.go()
            await busy
            held.go()
            indexes = [(await first).index]
            held.go()
            indexes.append((await anext(stream)).index)
            held.go()
            return [*indexes, (await anext(stream)).index]

    *others, last = asyncio.run(main())
    assert (sorted(others), last) == ([0, 2], 1)


def test_no_daemon_is_the_end_of_each(tmp_path: Path, gather: Any) -> None:
    made = gather(tmp_path / "none.sock", kilns(1, 2))
    assert [type(each.error) for each in made] == [DaemonUnavailable, DaemonUnavailable]


def slow_one(job_id: str) -> RenderRequest:
    return {"prompt": "slow", "steps": 100, "seed": 3, "job_id": job_id}


def test_leaving_early_cancels_what_is_under_way(daemon: FakeDaemon) -> None:
    with Client(daemon.socket) as client:
        with cancelled_afterwards(daemon) as job_id:
            daemon.worker.go(2)
            stream = client.render_many([*kilns(18), slow_one(job_id)])
            assert next(stream).index == 0
            while not client.status().jobs:
                pass
            stream.close()
        assert client.render("after", seed=19, **SMALL).seed == 19
        assert client.status().jobs == []


def test_an_asyncio_caller_can_break_out(daemon: FakeDaemon) -> None:
    async def main(job_id: str) -> None:
        async with AsyncClient(daemon.socket) as client:
            stream = client.render_many([*kilns(20), slow_one(job_id)])
            async with contextlib.aclosing(stream):
                async for each in stream:
                    assert each.index == 0
                    while not (await client.status()).jobs:
                        pass
                    break

    with cancelled_afterwards(daemon) as job_id:
        daemon.worker.go(2)
        asyncio.run(main(job_id))
    with Client(daemon.socket) as client:
        assert client.render("after", seed=21, **SMALL).seed == 21
        assert client.status().jobs == []


@pytest.mark.slow
def test_a_full_queue_is_waited_for(folder: Path) -> None:
    with serving(folder, queue_limit=1) as daemon, Client(daemon.socket) as client:
        client.warm_up()
        made = list(client.render_many(kilns(1, 2, 3), concurrency=3))
    assert [each.result.seed if each.result else each.error for each in made] == [1, 2, 3]
