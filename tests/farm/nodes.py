"""Nodes of a farm in a thread of the test's process: each joins a fake worker's daemon to a broker."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager

import msgspec

from kilnmark.client.aio import AsyncClient
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.farm.broker.credentials import FarmCredentials
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.documents import NodeInfo
from kilnmark.farm.names import NODES, token_of
from kilnmark.farm.node.node import FarmNode, NodeSettings
from kilnmark.farm.node.work import LEASE

__all__ = ["nodes_at"]


async def _heard_of(link: FarmLink, name: str) -> None:
    """Wait for its second word: with the first it has its name, and answers for it soon."""
    watcher = await (await link.js.key_value(NODES)).watch(token_of(name))
    async for entry in watcher:
        said = msgspec.json.decode(entry.value or b"{}", type=NodeInfo) if entry is not None else None
        if said is not None and said.state != "left" and said.beat > 1:
            await watcher.stop()  # type: ignore[no-untyped-call]
            return


@contextmanager
def nodes_at(
    broker: str,
    workers: Mapping[str, FakeWorker],
    people: Mapping[str, FarmCredentials] | None = None,
    lease: float = LEASE,
) -> Iterator[Mapping[str, InProcessDaemon]]:
    """Their daemons, by the names of the nodes, which take work until the block ends.

    Args:
        people: Their credentials, by name, where the broker asks for some.
        lease: Of the nodes, in seconds.
    """
    told, failed = threading.Event(), list[BaseException]()
    loops, over = list[asyncio.AbstractEventLoop](), asyncio.Event()

    async def work(daemons: Mapping[str, InProcessDaemon]) -> None:
        loops.append(asyncio.get_running_loop())
        async with AsyncExitStack() as stack:
            tasks = []
            for name, daemon in daemons.items():
                link = await stack.enter_async_context(farm_link(broker, (people or {}).get(name), name=name))
                client = await stack.enter_async_context(AsyncClient(daemon.socket, away_timeout=0))
                node = FarmNode(link, client, NodeSettings(name=name, lease=lease))
                tasks.append((node, asyncio.create_task(node.run())))
                await _heard_of(link, name)
            told.set()
            await over.wait()
            for node, _ in tasks:
                node.drain()
            await asyncio.gather(*(task for _, task in tasks))

    def run(daemons: Mapping[str, InProcessDaemon]) -> None:
        try:
            asyncio.run(work(daemons))
        except BaseException as error:  # noqa: BLE001 - it is raised where the block ends
            failed.append(error)
            told.set()

    with ExitStack() as stack:
        daemons = {name: stack.enter_context(InProcessDaemon(worker)) for name, worker in workers.items()}
        thread = threading.Thread(target=run, args=(daemons,))
        thread.start()
        try:
            assert told.wait(20), "the nodes did not begin"
            yield daemons
        finally:
            if not failed:
                loops[0].call_soon_threadsafe(over.set)
            thread.join()
        if failed:
            raise failed[0]
