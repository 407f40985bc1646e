"""What the farm itself costs a job, and ten thousand small jobs whose submitter is killed in the middle.

The house's fake worker paints, so that nothing but the farm takes time.
"""

import asyncio
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from kilnmark.client.request import RenderRequest
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.server import ServerSettings, broker_server
from kilnmark.farm.broker.setup import FarmPlan, set_up
from kilnmark.farm.names import NODES, WORK
from kilnmark.farm.submit.client import FarmClient
from scripts.farm_faults.counted import counted

__all__ = ["Plain", "plain"]

MANY = 10_000
FEW = 100
ONE_BY_ONE = 100
_KILLED_AT = 0.3
"""Share of the many that lies at the broker when their submitter is killed."""


@dataclass
class Plain:
    """What was found.

    Attributes:
        overhead_ms: From handing a job in to holding its picture, less what its daemon was at it: the median.
        many, results, twice: Jobs that were handed in, results there are, and how often one was written over another.
        rate: Jobs a second.
        node_mib: Resident memory of a node at a tenth of the jobs, and at their end.
        submitter_mib: The most that handing in took, of the first few of the many and of all.
    """

    overhead_ms: float = 0.0
    many: int = MANY
    results: int = 0
    twice: int = 0
    rate: float = 0.0
    node_mib: tuple[float, float] = (0.0, 0.0)
    submitter_mib: tuple[float, float] = (0.0, 0.0)

    @property
    def submitter_kib_each(self) -> float:
        """What each further job took of the submitter's memory."""
        few, many = self.submitter_mib
        return 1024 * (many - few) / (MANY - FEW)


async def plain(folder: Path, tell: Callable[[str], None]) -> Plain:
    """Run it.

    Args:
        folder: An empty one.
        tell: Is told how far it is.
    """
    found = Plain()
    server = broker_server(ServerSettings(store=folder / "broker", port=0))
    async with server as running, farm_link(running.address) as link:
        await set_up(link, FarmPlan(submitters=["ann"]))
        with _node("forge", running.address) as node:
            await _joined(link, "forge")
            found.overhead_ms = await _one_by_one(link, folder / "pictures")
            tell(f"overhead {found.overhead_ms:.1f} ms a job")
            tenth = asyncio.create_task(_at_a_tenth(link, node.pid))
            found.submitter_mib = await _interrupted(link, running.address, folder, tell)
            await _many(link, node.pid, tenth, found, tell)
    return found


async def _one_by_one(link: FarmLink, folder: Path) -> float:
    client, costs = FarmClient(link, "ann", folder, what="overhead"), []
    await client.status()
    for i in range(ONE_BY_ONE):
        began = time.perf_counter()
        async with aclosing(client.render_many([_request(f"one-{i}")], concurrency=1, ordered=False)) as stream:
            async for rendered in stream:
                if rendered.result is None:
                    raise rendered.error or AssertionError
                whole = (time.perf_counter() - began) * 1000
                costs.append(whole - rendered.result.timings.total_ms)
    return statistics.median(costs)


async def _interrupted(link: FarmLink, broker: str, folder: Path, tell: Callable[[str], None]) -> tuple[float, float]:
    """Hand the many in, be killed on the way, and hand some of them in again, then all. What both took of memory."""
    file, some = folder / "many.jsonl", folder / "few.jsonl"
    lines = [msgspec.json.encode(_request(f"many-{i:05}")) + b"\n" for i in range(MANY)]
    file.write_bytes(b"".join(lines))
    some.write_bytes(b"".join(lines[:FEW]))
    kilnmark = str(Path(sys.executable).with_name("kilnmark"))
    command = [kilnmark, "farm", "submit", str(file), "--farm", broker]
    with (folder / "submit.log").open("wb") as log:
        first = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        for _ in range(2400):
            if await _handed_in(link) >= MANY * _KILLED_AT:
                break
            await asyncio.sleep(0.05)
        first.kill()
        await first.wait()
        tell(f"the submitter was killed with {await _handed_in(link)} of {MANY} handed in")
        few = await asyncio.to_thread(_peak_mib, ["farm", "submit", str(some), "--farm", broker], log)
        return few, await asyncio.to_thread(_peak_mib, command[1:], log)


async def _at_a_tenth(link: FarmLink, pid: int) -> float:
    """What a node takes once a tenth of the many is done."""
    await _come(link, (MANY + ONE_BY_ONE) // 10)
    return _resident_mib(pid)


async def _come(link: FarmLink, results: int) -> None:
    """Until there are so many results."""
    for _ in itertools.count():
        if await _results(link) >= results:
            return
        await asyncio.sleep(0.5)


async def _many(
    link: FarmLink, pid: int, tenth: asyncio.Task[float], found: Plain, tell: Callable[[str], None]
) -> None:
    whole = MANY + ONE_BY_ONE
    began, at_first = time.monotonic(), await _results(link)
    await _come(link, whole)
    found.rate = (whole - at_first) / (time.monotonic() - began)
    found.node_mib = (await tenth, _resident_mib(pid))
    results, found.twice = await counted(link, "ann")
    found.results = results - ONE_BY_ONE
    tell(f"{found.results} results, {found.rate:.0f} a second")


async def _handed_in(link: FarmLink) -> int:
    return (await link.js.stream_info(WORK)).state.messages + await _results(link) - ONE_BY_ONE


async def _results(link: FarmLink) -> int:
    return (await counted(link, "ann")).results


async def _joined(link: FarmLink, name: str) -> None:
    watcher = await (await link.js.key_value(NODES)).watch(name)
    async with asyncio.timeout(60):
        async for entry in watcher:
            if entry is not None:
                break
    await watcher.stop()  # type: ignore[no-untyped-call]


@contextmanager
def _node(name: str, broker: str) -> "Iterator[subprocess.Popen[bytes]]":
    command = [sys.executable, "-m", "scripts.farm_faults.fake", name, broker]
    with subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def _request(job_id: str) -> RenderRequest:
    return {
        "prompt": f"a hill, {job_id}",
        "seed": 1,
        "steps": 1,
        "width": 64,
        "height": 64,
        "variant": "standin",
        "job_id": job_id,
    }


def _peak_mib(arguments: Sequence[str], log: IO[bytes]) -> float:
    """The most that a command of kilnmark had of memory at once. Raises AssertionError where it failed.

    It says so itself: what the system tells of a process that has ended counts in whoever started it.
    """
    with tempfile.NamedTemporaryFile("r") as told:
        command = [sys.executable, "-c", _TELLING, told.name, *arguments]
        if subprocess.run(command, stdout=log, stderr=log, check=False).returncode:
            raise AssertionError(Path(log.name).read_text(errors="replace")[-2000:])
        [peak] = [line for line in told if line.startswith("VmHWM")]
    return int(peak.split()[1]) / 1024


_TELLING = """
import atexit, shutil, sys
atexit.register(shutil.copyfile, "/proc/self/status", sys.argv.pop(1))
from kilnmark.client.cli.main import main
main()
"""


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
