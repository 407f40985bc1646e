"""A fake worker kept going on a clock that skips its waits, and what its listener was told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kilnmark.daemon.asked.accept import accept
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.clock import Clock, Vigil
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.daemon.worker.sizes import WarmSizes, WishedTier
from kilnmark.daemon.worker.worker import Worker
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.requests import RenderParams

__all__ = ["Told", "command", "now", "running", "settings", "tries_of", "until"]


class Told:
    """A `WorkerListener` that remembers what it was told."""

    def __init__(self) -> None:
        self.ready = 0
        self.lost: list[str] = []
        self.degraded = 0
        self.events: list[work.Event] = []

    @property
    def finished(self) -> int:
        return sum(isinstance(event, work.Finished) for event in self.events)

    def worker_ready(self) -> None:
        self.ready += 1

    def worker_spoke(self, event: work.Stepped | work.Painted | work.Finished | work.Failed) -> None:
        self.events.append(event)

    def worker_lost(self, reason: str) -> None:
        self.lost.append(reason)

    def worker_degraded(self) -> None:
        self.degraded += 1


def settings(**more: Any) -> Settings:
    return Settings(socket=Path("/run/kiln/d.sock"), output_dir=Path("/nowhere"), **more)


async def no_packs() -> list[WishedTier]:
    return []


@asynccontextmanager
async def running(fake: FakeWorker, chosen: Settings, clock: Clock | None = None) -> AsyncIterator[tuple[Worker, Told]]:
    """A worker that is kept going until the block ends, by the loop's clock if by no other."""
    loop = asyncio.get_running_loop()
    clock = clock or Clock(monotonic=loop.time, wall=loop.time)
    told, worker = Told(), Worker(chosen, fake.spawn, loop, WarmSizes(Served(chosen), no_packs), clock)
    vigil = Vigil(loop, clock)
    vigil.on_jump(worker.time_jumped)
    vigil.begin()
    task = asyncio.create_task(worker.run(told))
    try:
        yield worker, told
    finally:
        worker.stop()
        await task
        vigil.end()


def command(chosen: Settings) -> work.RenderCommand:
    return accept(RenderParams(prompt="a mill", steps=3), Served(chosen), "a").command


async def until(happened: Callable[[], bool]) -> None:
    """Let the loop go on until it has; its clock moves meanwhile."""
    async with asyncio.timeout(100_000):
        while not happened():  # noqa: ASYNC110 - the clock moves by it, and nobody waits
            await asyncio.sleep(0.05)


def tries_of(worker: Worker) -> int:
    return 0 if worker.info.degraded is None else worker.info.degraded.tries


def now() -> float:
    return asyncio.get_running_loop().time()
