"""Two hundred clients at once, asking for everything, for as long as `LOAD_SECONDS` says."""

import asyncio
import itertools
import random
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kilnmark.client import AsyncClient, ClientError
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.errors import Cancelled, UnknownJob
from tests.faults.conftest import Found, load_seconds
from tests.faults.forked import Forked, daemon
from tests.faults.measure import MB, percentile, resident

CLIENTS = 200


@dataclass
class Load:
    """What all clients did and met.

    Attributes:
        done: Requests that were answered, by kind.
        errors: What went wrong, in words.
        overhead_ms: Of each picture: from the beginning of its painting, which takes a fake no time, to its reply.
        memory: Bytes of the daemon, a sample each quarter of a second.
    """

    socket: Path
    adapter: Path
    until: float
    done: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    overhead_ms: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    async def ask(self, number: int) -> None:
        """One client, from its first request to its last."""
        chance = random.Random(number)
        async with AsyncClient(self.socket, reply_timeout=60.0) as client:
            kinds: dict[str, Callable[[AsyncClient, int], Awaitable[object]]] = {
                "ping": lambda client, _: client.ping(),
                "status": lambda client, _: client.status(),
                "jobs.list": lambda client, _: client.jobs_list(),
                "jobs.get": self._unknown,
                "render": self._render,
                "render with an adapter": self._render_with,
                "cancel": self._cancel,
                "lora.inspect": lambda client, _: client.lora_inspect([str(self.adapter)]),
            }
            weights = (20, 5, 2, 10, 40, 10, 8, 5)
            for turn in itertools.count():
                if time.monotonic() > self.until:
                    return
                (kind,) = chance.choices(list(kinds), weights)
                try:
                    await kinds[kind](client, number * 1_000_000 + turn)
                    self.done[kind] += 1
                except (ClientError, KilnmarkError) as error:
                    self.errors.append(f"{kind}: {error}")
                await asyncio.sleep(chance.random() * 0.2)

    async def _render(self, client: AsyncClient, seed: int) -> None:
        made = await client.render("a kiln", width=64, height=64, steps=2, seed=seed, cache=bool(seed % 3))
        self.overhead_ms.append(made.timings.total_ms - made.timings.queue_ms)

    async def _render_with(self, client: AsyncClient, seed: int) -> None:
        options = {"width": 64, "height": 64, "steps": 1}
        made = await client.render("a kiln", seed=seed, lora_paths=[str(self.adapter)], lora_scales=[0.5], **options)  # type: ignore[arg-type]  # of options
        assert [report.verdict for report in made.loras] == ["engaged"]

    async def _cancel(self, client: AsyncClient, seed: int) -> None:
        """A render that is given up by its id, if it is not quicker."""
        job_id = f"given-up-{seed}"
        render = asyncio.ensure_future(
            client.render("a kiln", width=64, height=64, steps=50, seed=seed, job_id=job_id, priority="low")
        )
        try:
            await client.cancel(job_id)
        except UnknownJob:
            await client.ping()
        try:
            await asyncio.wait_for(render, 60)
        except Cancelled:
            return

    async def _unknown(self, client: AsyncClient, seed: int) -> None:
        try:
            await client.jobs_get(f"nobody-{seed}")
        except UnknownJob:
            return
        raise AssertionError("a job that nobody asked for is known")

    async def watch(self, running: Forked) -> None:
        while time.monotonic() < self.until:
            self.memory.append(resident(running.pid))
            await asyncio.sleep(0.25)

    async def run(self, running: Forked) -> None:
        await asyncio.gather(self.watch(running), *(self.ask(number) for number in range(CLIENTS)))


@pytest.mark.timeout(2000)
@pytest.mark.faults(
    "200 clients ask for pictures, cancel, list, inspect and ping, for LOAD_SECONDS",
    "no error; memory is flat after the first third, under 16 MB more",
)
def test_two_hundred_clients(home: Path, found: Found) -> None:
    adapter = make_adapter(home / "a.safetensors", rank=1, blocks=1)
    seconds = load_seconds()
    with daemon(home, pace=0.0005, jobs_kept=300, cache_bytes=8 << 20) as running:
        load = Load(running.socket, adapter, time.monotonic() + seconds)
        asyncio.run(load.run(running))
    third = len(load.memory) // 3
    grown = (
        statistics.median(load.memory[-third // 2 :]) - statistics.median(load.memory[third : third + third // 2])
    ) / MB
    found(
        f"{seconds:g} s, {sum(load.done.values())} requests ({load.done['render']} pictures), {len(load.errors)} errors"
    )
    p99 = percentile(load.overhead_ms, 0.99)
    found(f"overhead: median {statistics.median(load.overhead_ms):.1f} ms, p99 {p99:.1f} ms; {grown:+.1f} MB")
    found.headline("load_seconds", seconds)
    found.headline("load_errors", len(load.errors))
    found.headline("load_overhead_p99_ms", p99)
    found.headline("load_growth_mb", grown)
    assert load.errors[:3] == []
    assert min(load.done.values()) > 0
    assert grown < 16
