"""The disk of a broker that `kilnmark farm up` runs is filled while jobs are painted, and cleared."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kilnmark.client.aio import AsyncClient
from kilnmark.client.request import RenderRequest
from kilnmark.client.testing import fake_daemon
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.farm.broker.credentials import FarmRole, load_credentials
from kilnmark.farm.broker.ended import end_tasks
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.people import credentials_file
from kilnmark.farm.broker.up import KeptUp, UpSettings, keep_up
from kilnmark.farm.errors import FarmError
from kilnmark.farm.names import NODES, WORK
from kilnmark.farm.node.node import FarmNode, NodeSettings
from kilnmark.farm.status.reading import read_status
from kilnmark.farm.submit.client import FarmClient
from scripts.farm_faults.counted import counted

__all__ = ["FULL_JOBS", "FullDisk", "full_disk"]

FULL_JOBS, _FILLED_AT = 60, 10
_DISK = "64m"
_FULL_FOR = 8.0
"""Seconds."""


@dataclass
class FullDisk:
    """What came of it.

    Attributes:
        results, twice: Jobs that have theirs, and how often one was written over another.
        told: What whoever handed something in then was told.
        status: Whether status said so while it was, and no more once it was not.
    """

    results: int = 0
    twice: int = 0
    told: str = ""
    status: tuple[bool, bool] = (False, True)


async def full_disk(folder: Path, tell: Callable[[str], None]) -> FullDisk:
    """Run it.

    Args:
        folder: An empty one.
        tell: Is told how far it is.
    """
    found = FullDisk()
    with _disk(folder / "disk") as disk:
        async with (
            _up(disk / "store") as address,
            _as(address, disk, "ann", "submitter") as link,
            _node(address, disk, link) as daemon,
        ):
            await _painted(_Full(link, disk, daemon, found), folder / "pictures")
            found.results, found.twice = await counted(link, "ann")
    tell(f"the broker's disk was full for {_FULL_FOR:g} s: {found.results} results; {found.told}")
    return found


@dataclass(frozen=True)
class _Full:
    link: FarmLink
    disk: Path
    daemon: InProcessDaemon
    found: FullDisk


async def _painted(full: _Full, pictures: Path) -> None:
    requests = [_request(i) for i in range(FULL_JOBS)]
    client, filling, done = FarmClient(full.link, "ann", pictures, what="full"), None, 0
    await client.status()
    async with aclosing(client.render_many(requests, concurrency=FULL_JOBS, ordered=False)) as stream:
        async for rendered in stream:
            done += rendered.result is not None
            if done == _FILLED_AT:
                full.daemon.worker.hold("denoise")  # so that some are painted while it is full
                filling = asyncio.create_task(_filled(full))
    if filling is not None:
        await filling
    full.found.status = (full.found.status[0], (await read_status(full.link, ["ann"])).is_full)


async def _filled(full: _Full) -> None:
    link, found, filler = full.link, full.found, full.disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 12))
    try:
        for _ in range(600):
            if link.is_full:
                break
            await asyncio.sleep(0.1)
        full.daemon.worker.hold()
        found.status = ((await read_status(link, ["ann"])).is_full, True)
        try:
            with link.telling("hand in work"):
                await link.js.publish("kiln.work.n.s.low.ann.other", b"{}", stream=WORK)
        except FarmError as error:
            found.told = str(error)
        await asyncio.sleep(_FULL_FOR)
    finally:
        filler.unlink()


@contextmanager
def _disk(place: Path) -> Iterator[Path]:
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=False, capture_output=True)


@asynccontextmanager
async def _up(store: Path) -> AsyncIterator[str]:
    told: asyncio.Future[KeptUp] = asyncio.get_running_loop().create_future()
    settings = UpSettings(store=store, port=0, invited=[("ann", "submitter"), ("forge", "node")])
    running = asyncio.create_task(keep_up(settings, told.set_result))
    try:
        yield (await asyncio.wait_for(told, 30)).addresses[0]
    finally:
        await end_tasks(running)


@asynccontextmanager
async def _as(address: str, disk: Path, name: str, role: FarmRole) -> AsyncIterator[FarmLink]:
    who = load_credentials(credentials_file(disk / "store", name, role), {})
    async with farm_link(address, who) as link:
        yield link


@asynccontextmanager
async def _node(address: str, disk: Path, asked: FarmLink) -> AsyncIterator[InProcessDaemon]:
    with fake_daemon() as daemon:
        async with _as(address, disk, "forge", "node") as link, AsyncClient(daemon.socket) as client:
            node = FarmNode(link, client, NodeSettings(name="forge"))
            running = asyncio.create_task(node.run())
            watcher = await (await asked.js.key_value(NODES)).watch("forge")
            async for entry in watcher:
                if entry is not None:
                    break
            await watcher.stop()  # type: ignore[no-untyped-call]
            try:
                yield daemon
            finally:
                node.drain()
                await running


def _request(number: int) -> RenderRequest:
    asked = f"a hill, number {number}"
    return {"prompt": asked, "seed": number, "steps": 1, "variant": "standin", "job_id": f"full-{number}"}
