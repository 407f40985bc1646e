"""Many renders against a real daemon, in both flavours."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from kilnmark.client import AdapterNotEngaged, AsyncClient, Client, DaemonUnavailable, InvalidParams, Rendered
from kilnmark.client.request import RenderRequest
from tests.client.conftest import Daemon, FakeDaemon, serving

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


def test_as_they_end_a_slow_one_holds_up_none(painter: Daemon) -> None:
    slow: RenderRequest = {"prompt": "a kiln", "width": 64, "height": 64, "steps": 2, "seed": 15, "priority": "low"}
    made = gather_asyncio(painter.socket, [*kilns(16), slow, *kilns(17)], concurrency=3, ordered=False)
    assert [each.index for each in made] == [0, 2, 1]


def test_no_daemon_is_the_end_of_each(tmp_path: Path, gather: Any) -> None:
    made = gather(tmp_path / "none.sock", kilns(1, 2))
    assert [type(each.error) for each in made] == [DaemonUnavailable, DaemonUnavailable]


def test_leaving_early_cancels_what_is_under_way(painter: Daemon) -> None:
    with Client(painter.socket) as client:
        stream = client.render_many([*kilns(18), *({"prompt": "slow", "steps": 100, "seed": n} for n in range(1))])  # type: ignore[list-item]
        assert next(stream).index == 0
        stream.close()
        assert client.render("after", seed=19, **SMALL).seed == 19
        assert client.status().jobs == []


def test_an_asyncio_caller_can_break_out(painter: Daemon) -> None:
    async def main() -> int:
        async with AsyncClient(painter.socket) as client:
            stream = client.render_many([*kilns(20), {"prompt": "slow", "steps": 100, "seed": 3}])
            async with contextlib.aclosing(stream):
                async for each in stream:
                    assert each.index == 0
                    break
            await client.render("after", seed=21, **SMALL)
            return len((await client.status()).jobs)

    assert asyncio.run(main()) == 0


@pytest.mark.slow
def test_a_full_queue_is_waited_for(folder: Path) -> None:
    with serving(folder, queue_limit=1) as daemon, Client(daemon.socket) as client:
        client.warm_up()
        made = list(client.render_many(kilns(1, 2, 3), concurrency=3))
    assert [each.result.seed if each.result else each.error for each in made] == [1, 2, 3]
