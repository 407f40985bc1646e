"""The farm in the place of a daemon: a batch's pages and manifests are as if one machine had made it."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from kilnmark.client import Client
from kilnmark.client.aio import AsyncClient
from kilnmark.client.batch.page.page import PAGE, write_page
from kilnmark.client.batch.plan.plan import Wishes, make_plan
from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.client.batch.run.ledger import open_ledger
from kilnmark.client.batch.run.manifest import read_manifest
from kilnmark.client.batch.run.paints import Paints
from kilnmark.client.batch.run.run import Painter
from kilnmark.client.batch.run.tally import Tally
from kilnmark.client.cli.commands.batch import batch
from kilnmark.client.many import Rendered
from kilnmark.client.reports import reports_of
from kilnmark.client.request import RenderRequest
from kilnmark.client.testing import fake_daemon
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.farm.broker.link import farm_link
from kilnmark.farm.errors import NoNode
from kilnmark.farm.submit.client import FarmClient
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import AdapterNotEngaged
from tests.client.batch.packs import SmallPacks, make_packs
from tests.farm.nodes import nodes_at

SCRIPT = Script(verdicts={"moss": Verdict.NOOP})


@dataclass(frozen=True)
class Farm:
    """A farm of two nodes, which find the adapter `moss` dead."""

    broker: str
    daemons: Mapping[str, InProcessDaemon]

    def painted(self) -> int:
        """How many pictures its daemons have made so far."""
        return sum(len(list(daemon.pictures.glob("*.png"))) for daemon in self.daemons.values())

    def failed(self) -> int:
        """How many renders ended in them without a picture."""
        failed = 0
        for daemon in self.daemons.values():
            with Client(daemon.socket) as client:
                failed += client.status().failed
        return failed


@pytest.fixture(scope="module")
def farm(broker: str) -> Iterator[Farm]:
    with nodes_at(broker, {"anvil": FakeWorker(SCRIPT), "bellows": FakeWorker(SCRIPT)}) as daemons:
        yield Farm(broker, daemons)


async def paint(client: Paints, packs: SmallPacks, out: Path) -> Tally:
    plan, tally = make_plan(Wishes(kind="poi", packs=packs.root), TokenCounter(None)), Tally(0)
    with open_ledger(out) as ledger:
        await Painter(client, ledger, tally, lambda: None, force=False).paint(plan.items, compare_base=True)
        write_page(out, ledger.manifest)
    return tally


def by_farm(farm: str, packs: SmallPacks, out: Path) -> Tally:
    async def ask() -> Tally:
        async with farm_link(farm) as link:
            return await paint(FarmClient(link, "ann", out / ".farm", what="test"), packs, out)

    return asyncio.run(ask())


def by_one_machine(packs: SmallPacks, out: Path) -> Tally:
    async def ask(socket: Path) -> Tally:
        async with AsyncClient(socket) as client:
            return await paint(client, packs, out)

    with fake_daemon(lora_roots=(packs.root,)) as daemon:
        daemon.worker.script = SCRIPT
        return asyncio.run(ask(daemon.socket))


def told(out: Path) -> list[Mapping[str, Any]]:
    """The manifest's pictures but for nodes and times, and what differs from picture to picture by chance."""
    pictures = [msgspec.to_builtins(picture) for picture in read_manifest(out).pictures]
    return [{name: value for name, value in each.items() if name not in _OTHERWISE} for each in pictures]


_OTHERWISE = {"node", "created", "seconds", "sha256"}


def test_a_batch_by_the_farm_is_as_if_one_machine_had_made_it(farm: Farm, tmp_path: Path) -> None:
    packs = make_packs(tmp_path / "packs", base_seed=71)
    mine, theirs = by_one_machine(packs, tmp_path / "one"), by_farm(farm.broker, packs, tmp_path / "farm")
    assert told(tmp_path / "farm") == told(tmp_path / "one")
    assert {name: each.became for name, each in theirs.endings.items()} == {
        name: each.became for name, each in mine.endings.items()
    }
    pictures = read_manifest(tmp_path / "farm").pictures
    assert {each.node for each in pictures if each.status == "done"} <= {"anvil", "bellows"}
    assert all(each.node for each in pictures if each.status == "done")
    assert "anvil" in (page := (tmp_path / "farm" / PAGE).read_text()) or "bellows" in page
    assert not (tmp_path / "farm/.farm").exists()


def requests(folder: Path, prefix: str, count: int, adapter: str = "ink") -> list[RenderRequest]:
    path = folder / f"{adapter}.safetensors"
    if not path.exists():
        make_adapter(path, rank=1, blocks=1)
    return [
        {
            "prompt": f"hill {number}",
            "seed": number,
            "steps": 1,
            "width": 64,
            "height": 64,
            "lora_paths": [path],
            "job_id": f"{prefix}-{number}",
        }
        for number in range(count)
    ]


def asked(farm: str, folder: Path, jobs: Sequence[RenderRequest], *, only: int | None = None) -> list[Rendered]:
    """How the jobs ended, or the first `only` of them to end."""

    async def ask() -> list[Rendered]:
        ended: list[Rendered] = []
        async with farm_link(farm) as link, aclosing(FarmClient(link, "ann", folder).render_many(jobs)) as endings:
            async for ending in endings:
                ended.append(ending)
                if len(ended) == only:
                    break
        return ended

    return asyncio.run(ask())


def test_who_leaves_early_and_asks_again_gets_every_picture_and_none_is_painted_twice(
    farm: Farm, tmp_path: Path
) -> None:
    jobs, before = requests(tmp_path, "early", 12), farm.painted()
    asked(farm.broker, tmp_path / "a", jobs[:5], only=1)
    ended = asked(farm.broker, tmp_path / "b", jobs)
    assert [each.index for each in ended] == list(range(12))
    assert [each.result.job_id for each in ended if each.result] == [job["job_id"] for job in jobs]
    assert farm.painted() - before == 12


def test_what_was_refused_is_told_with_the_files_of_this_machine_and_asked_again(farm: Farm, tmp_path: Path) -> None:
    jobs, before = requests(tmp_path, "dull", 1, "moss"), farm.failed()
    for _ in range(2):
        (ended,) = asked(farm.broker, tmp_path / "out", jobs)
        assert isinstance(ended.error, AdapterNotEngaged)
        (report,) = reports_of(ended.error)
        assert report.path == str(tmp_path / "moss.safetensors")
    assert farm.failed() == before + 2


def test_a_request_that_cannot_be_a_job_ends_alone(farm: Farm, tmp_path: Path) -> None:
    good, absent = requests(tmp_path, "odd", 2)
    absent["lora_paths"] = [tmp_path / "absent.safetensors"]
    first, second = asked(farm.broker, tmp_path / "out", [good, absent])
    assert first.result is not None
    assert "absent.safetensors" in str(second.error)


def test_a_base_that_no_node_serves_is_told_with_the_mend(farm: Farm, tmp_path: Path) -> None:
    jobs = requests(tmp_path, "none", 1)
    jobs[0]["variant"] = "nobody"
    with pytest.raises(NoNode, match="`kilnmark farm work` on a machine whose daemon serves it"):
        asked(farm.broker, tmp_path / "out", jobs)


def test_a_batch_of_the_command_line_goes_to_the_farm_that_is_named(farm: Farm, tmp_path: Path) -> None:
    packs, out = make_packs(tmp_path / "packs", base_seed=72), tmp_path / "out"
    command = ["poi", "--packs", str(packs.root), "--out", str(out), "--farm", farm.broker, "--json"]
    document = msgspec.json.decode(CliRunner().invoke(batch, [*command, "--world", "mire"]).stdout)
    assert document["painted"] == 2, document
    (out / ".farm").mkdir()  # as one that was killed leaves it
    again = msgspec.json.decode(CliRunner().invoke(batch, [*command, "--world", "mire"]).stdout)
    assert (again["painted"], again["kept"]) == (0, 2)
    assert not (out / ".farm").exists()


def test_a_job_that_is_asked_for_twice_is_one_and_its_picture_is_given_twice(farm: Farm, tmp_path: Path) -> None:
    request: RenderRequest = {"prompt": "a mill, twice", "seed": 1, "steps": 1, "width": 64, "height": 64}
    request["job_id"] = "twice"
    before = farm.painted()
    assert [each.result is not None for each in asked_of(farm, [request, request], tmp_path)] == [True, True]
    assert farm.painted() == before + 1
    again: RenderRequest = {**request, "prompt": "another mill"}
    [other] = asked_of(farm, [again], tmp_path)
    assert other.result is not None
    assert other.result.prompt == "another mill"


def asked_of(farm: Farm, requests: Sequence[RenderRequest], folder: Path) -> list[Rendered]:
    async def ask() -> list[Rendered]:
        async with farm_link(farm.broker) as link:
            client = FarmClient(link, "ann", folder / "pictures")
            await client.status()
            async with aclosing(client.render_many(requests, concurrency=4, ordered=False)) as stream:
                return [each async for each in stream]

    return asyncio.run(ask())
