"""Two hundred jobs over eight stacks on three machines, and seven things that happen to them meanwhile."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from kilnmark.client.many import Rendered
from kilnmark.client.request import RenderRequest
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.server import ServerSettings, broker_server
from kilnmark.farm.broker.setup import FarmPlan, set_up
from kilnmark.farm.content.local import LocalFile, file_sha256, local_adapter
from kilnmark.farm.content.store import open_content
from kilnmark.farm.documents import NodeInfo
from kilnmark.farm.names import CONTENT, NODES
from kilnmark.farm.node.node import BEAT
from kilnmark.farm.submit.client import FarmClient
from kilnmark.farm.submit.nodes import seen_nodes
from kilnmark.keymaps.zoo.write import make_adapter
from scripts.farm_faults.counted import counted
from scripts.farm_faults.machines import Machine, machine
from scripts.farm_faults.network import Network, network

__all__ = ["Disturbed", "Happened", "disturbed"]

JOBS, STACKS, LEASE = 200, 8, 4.0
OUTAGE = 3.0
_AWAY_AND_BACK = ("the broker is away", "the broker is back")
"""What a node says."""


@dataclass(frozen=True)
class Happened:
    """One fault: what was done, and the words that told of it."""

    what: str
    told: str


@dataclass
class Disturbed:
    """What came of it.

    Attributes:
        results: Endings that the submitter was given.
        by_node: Pictures by the node that made them.
        twice: Jobs that ended more than once.
        lost: Jobs without a picture.
        switches: Of each node that there was.
        faults: What was done.
        problems: Pictures that are not what their result says.
    """

    results: int = 0
    by_node: Counter[str] = field(default_factory=Counter)
    twice: int = 0
    lost: list[str] = field(default_factory=list)
    switches: dict[str, int] = field(default_factory=dict)
    faults: list[Happened] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class _Broker:
    """A broker that can be killed and started again where it was."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self.address = ""

    async def start(self) -> None:
        self._stack = AsyncExitStack()
        self._server = await self._stack.enter_async_context(broker_server(self._settings))
        self.address = self._server.address

    async def kill(self) -> None:
        self._server.process.kill()
        await self._server.process.wait()
        await self._stack.aclose()

    async def stop(self) -> None:
        await self._stack.aclose()


async def disturbed(folder: Path, tell: Callable[[str], None], logs: Path | None = None) -> Disturbed:
    """Run it.

    Args:
        folder: An empty one.
        tell: Is told how far it is.
        logs: Where the words of the nodes are kept.
    """
    with network() as net, ExitStack() as stack:
        broker = _Broker(ServerSettings(store=folder / "broker", listen=net.address, port=4222))
        await broker.start()
        try:
            machines = [
                stack.enter_context(machine(name, folder / name, net.cable(), broker.address, LEASE))
                for name in ("anvil", "bellows", "crucible")
            ]
            await asyncio.gather(*(asyncio.to_thread(each.wait) for each in machines))
            tell("three daemons are warm")
            async with farm_link(broker.address) as link:
                await set_up(link, FarmPlan(submitters=["ann"]))
                try:
                    return await _run(_Run(net, broker, machines, link, folder, tell))
                finally:
                    if logs is not None:
                        for each in machines:
                            (logs / f"{each.name}.log").write_text(each.said)
        finally:
            await broker.stop()


@dataclass
class _Run:
    net: Network
    broker: _Broker
    machines: Sequence[Machine]
    link: FarmLink
    folder: Path
    tell: Callable[[str], None]
    found: Disturbed = field(default_factory=Disturbed)
    done: int = 0
    ended: asyncio.Condition = field(default_factory=asyncio.Condition)


async def _run(run: _Run) -> Disturbed:
    run.machines[2].control.step_clock(3600)
    for each in run.machines:
        each.join()
    await _joined(run)
    adapters = [
        make_adapter(run.folder / f"style{i}.safetensors", rank=2, blocks=2, seed=i, strength=5e-3)
        for i in range(STACKS)
    ]
    [spoilt] = local_adapter(adapters[-1]).files
    bucket = await run.link.js.object_store(CONTENT)
    await bucket.put(spoilt.content.sha256, b"\0" * spoilt.content.size)  # before anybody asks for it
    async with _followed_switches(run):
        misfortunes = asyncio.create_task(_misfortunes(run, spoilt))
        try:
            ended = [each async for each in _painted(run, adapters)]
        finally:
            misfortunes.cancel()
            await asyncio.gather(misfortunes, return_exceptions=True)
        await asyncio.sleep(6)  # the last word of every node
    if not misfortunes.cancelled() and (error := misfortunes.exception()) is not None:
        raise error
    await _judge(run, ended)
    return run.found


async def _joined(run: _Run) -> None:
    """Until all nodes have said something of themselves."""
    bucket = await run.link.js.key_value(NODES)
    async with asyncio.timeout(20):
        for each in run.machines:
            watcher = await bucket.watch(each.name)
            async for entry in watcher:
                if entry is not None:
                    break
            await watcher.stop()  # type: ignore[no-untyped-call]


async def _painted(run: _Run, adapters: Sequence[Path]) -> AsyncIterator[Rendered]:
    requests: list[RenderRequest] = [
        {
            "prompt": f"a hill, number {i}",
            "seed": i,
            "steps": 1,
            "width": 64,
            "height": 64,
            "variant": "standin",
            "lora_paths": [adapters[i % STACKS]],
            "lora_scales": [1.0],
            "job_id": f"job-{i:03}",
        }
        for i in range(JOBS)
    ]
    client = FarmClient(run.link, "ann", run.folder / "pictures", what="faults")
    await client.status()
    async with aclosing(client.render_many(requests, concurrency=JOBS, ordered=False)) as stream:
        async for rendered in stream:
            if rendered.result is not None:
                run.found.by_node[rendered.result.node] += 1
                sha256, _ = file_sha256(Path(rendered.result.image_path))
                if sha256 != rendered.result.image_sha256:
                    run.found.problems.append(rendered.result.job_id)
            async with run.ended:
                run.done += 1
                run.ended.notify_all()
            if run.done % 20 == 0:
                run.tell(f"{run.done} of {JOBS}")
            yield rendered


async def _misfortunes(run: _Run, spoilt: LocalFile) -> None:
    """Each once so many jobs have ended."""
    anvil, bellows, crucible = run.machines
    faults: Sequence[tuple[int, Callable[[], Awaitable[Happened]]]] = (
        (20, lambda: _kill(run, anvil)),
        (50, lambda: _stop(run, bellows)),
        (80, lambda: _outage(run)),
        (110, lambda: _partition(run, crucible)),
        (140, lambda: _full_disk(bellows)),
    )
    corrupt = asyncio.create_task(_corrupt(run, spoilt))
    for at, fault in faults:
        async with run.ended:
            await run.ended.wait_for(lambda at=at: run.done >= at)  # type: ignore[misc]
        happened = await fault()
        run.tell(f"{happened.what}: {happened.told.strip().splitlines()[-1:] or 'nobody said anything'}")
        run.found.faults.append(happened)
    run.found.faults.append(await corrupt)


async def _kill(run: _Run, one: Machine) -> Happened:
    one.signal(signal.SIGKILL)
    told = await _silence(run, one.name)
    one.join()
    return Happened("a node is killed, and started again after two leases", told)


async def _stop(run: _Run, one: Machine) -> Happened:
    one.signal(signal.SIGSTOP)
    told = await _silence(run, one.name)
    one.signal(signal.SIGCONT)
    return Happened("a node is stopped past its lease, and goes on", told)


async def _outage(run: _Run) -> Happened:
    """Every node has to tell of it, and that it is over."""
    before = [len(each.said) for each in run.machines]
    await run.broker.kill()
    await asyncio.sleep(OUTAGE)
    await run.broker.start()
    silent = {each.name for each in run.machines}
    for _ in range(100):
        since = {each.name: each.said[start:] for each, start in zip(run.machines, before, strict=True)}
        silent = {name for name, said in since.items() if not all(words in said for words in _AWAY_AND_BACK)}
        if not silent:
            break
        await asyncio.sleep(0.1)
    told = "" if silent else f"every node: {'; '.join(_AWAY_AND_BACK)}"
    return Happened(f"the broker is killed for {OUTAGE:g} s", told)


async def _partition(run: _Run, one: Machine) -> Happened:
    one.cable.pull()
    told = await _silence(run, one.name)
    one.cable.plug(run.net.bridge)
    return Happened("a node's cable is pulled past its lease, and plugged in again", told)


async def _full_disk(one: Machine) -> Happened:
    one.fill()
    await asyncio.sleep(2 * LEASE)
    one.clear()
    return Happened("a node's disk is full for two leases", _last_line([one], "Errno 28"))


async def _corrupt(run: _Run, spoilt: LocalFile) -> Happened:
    """What was put at the broker in an adapter's place is met by a node, and the adapter put there."""
    for _ in range(600):
        if _last_line(run.machines, "cannot be had"):
            break
        await asyncio.sleep(0.1)
    await (await open_content(run.link)).put(spoilt, anew=True)
    return Happened("an adapter at the broker is exchanged for another", _last_line(run.machines, "cannot be had"))


def _last_line(machines: Sequence[Machine], words: str) -> str:
    lines = [line for each in machines for line in each.said.splitlines() if words in line]
    return lines[-1] if lines else ""


async def _silence(run: _Run, name: str) -> str:
    """Two leases, and what the farm tells of the node then: that it has said nothing."""
    await asyncio.sleep(2 * LEASE)
    nodes, now = await seen_nodes(run.link), await run.link.broker_time()
    [age] = [(now - each.seen).total_seconds() for each in nodes if each.info.name == name]
    return f"the last word of {name} is {age:.0f} s old" if age > BEAT else ""


@asynccontextmanager
async def _followed_switches(run: _Run) -> AsyncIterator[None]:
    """Each node's count, and what it was before it was started again."""
    over: Counter[str] = Counter()
    last: dict[str, int] = {}

    async def follow() -> None:
        bucket = await run.link.js.key_value(NODES)
        while True:
            for each in run.machines:
                try:
                    entry = await bucket.get(each.name)
                except Exception:  # noqa: BLE001, S112 - the broker is away, or the node was not there yet
                    continue
                info = msgspec.json.decode(entry.value or b"", type=NodeInfo)
                if info.switches < last.get(each.name, 0):
                    over[each.name] += last[each.name]
                last[each.name] = info.switches
            await asyncio.sleep(0.5)

    task = asyncio.create_task(follow())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        run.found.switches = {name: last.get(name, 0) + over[name] for name in (each.name for each in run.machines)}


async def _judge(run: _Run, ended: Sequence[Rendered]) -> None:
    counts = Counter(each.request.get("job_id") for each in ended)
    run.found.results, twice = await counted(run.link, "ann")
    run.found.twice = twice + sum(count > 1 for count in counts.values())
    for each in ended:
        if each.result is None:
            run.found.lost.append(f"{each.request.get('job_id')}: {each.error}")
    missing = {f"job-{i:03}" for i in range(JOBS)} - set(counts)
    run.found.lost += sorted(missing)
