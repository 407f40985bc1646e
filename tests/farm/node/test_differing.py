"""Nodes that differ in what their daemons do: what one does not do for a reason of its own, another does."""

import asyncio
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from kilnmark.client import Client
from kilnmark.client.aio import AsyncClient
from kilnmark.client.testing import fake_daemon
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.content import cache, places
from kilnmark.farm.content.cache import HeldContent
from kilnmark.farm.content.local import keymaps_digest
from kilnmark.farm.documents import FarmJob, FarmNeeds, NodeInfo, ServedBase
from kilnmark.farm.errors import NodeUnfit
from kilnmark.farm.names import NODES, WORK, anew_subject
from kilnmark.farm.node import handing, rest
from kilnmark.farm.node import node as node_module
from kilnmark.farm.node.about import AboutNode
from kilnmark.farm.node.asked import options_of
from kilnmark.farm.node.node import FarmNode
from kilnmark.farm.node.work import consumer_settings
from kilnmark.farm.status.reading import read_status
from kilnmark.farm.status.views import show_farm
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.wire.errors import AdapterRefused, QueueFull
from kilnmark.protocol.wire.requests import RenderParams
from tests.farm.node.handed_in import hand_in, result_of, until
from tests.farm.node.test_node import at, node


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_module, "_IDLE", 0.05)
    monkeypatch.setattr(node_module, "_TAKING", 0.05)
    monkeypatch.setattr(node_module, "BEAT", 0.05)
    monkeypatch.setattr(handing, "_PAUSE", 0.02)
    monkeypatch.setattr(rest, "_FIRST", 0.05)


@pytest.fixture(scope="module")
def free() -> Iterator[InProcessDaemon]:
    """One that does whatever it is asked for."""
    with fake_daemon() as daemon:
        yield daemon


async def refused(link: FarmLink, strict: FarmNode) -> tuple[str, str]:
    """What a node refuses, and why its work waits, as status has them."""
    await until(lambda: strict.about.info().refused)
    beat = strict.about.info().beat
    await until(lambda: strict.about.info().beat > beat + 1)
    status = await read_status(link, ["ann"])
    [told] = [each for each in status.nodes if each.name == strict.about.name]
    words = StringIO()
    show_farm(Console(file=words, width=1000), status)
    assert told.refused[0].why.split()[0] in words.getvalue()
    return told.refused[0].why, next(each.why for each in status.work if each.waiting)


def test_an_adapter_that_one_daemon_does_not_allow_is_painted_by_another(
    broker: str, free: InProcessDaemon, tmp_path: Path
) -> None:
    (tmp_path / "packs").mkdir()
    ink = make_adapter(tmp_path / "ink.safetensors", rank=2, blocks=1)

    async def work(link: FarmLink) -> None:
        with fake_daemon(require_promoted="all", packs=tmp_path / "packs") as daemon:
            async with node(broker, daemon.socket, "strict") as strict:
                await hand_in(link, "unpromoted", ink)
                why, waits = await refused(link, strict)
                assert "is not promoted" in why
                assert waits.startswith("waits for a node that does it: strict refuses it (ink (")
                await hand_in(link, "plain")
                assert (await result_of(link, "plain")).node == "strict"
                async with node(broker, free.socket, "free"):
                    result = await result_of(link, "unpromoted")
                assert (result.state, result.node, result.deliveries) == ("done", "free", 1)

    at(broker, work)


def test_a_base_that_one_daemon_cannot_hold_is_no_end_of_its_jobs(broker: str) -> None:
    worker = FakeWorker()
    worker.script.unheld["schnell"] = "it has 34 GB, and all bases together may take 8"

    async def work(link: FarmLink) -> None:
        with InProcessDaemon(worker, bases={"schnell": "schnell"}) as daemon:
            async with node(broker, daemon.socket, "small") as small:
                await hand_in(link, "large", variant="schnell")
                why, waits = await refused(link, small)
                assert "it has 34 GB" in why
                assert waits.startswith("waits for a node that does it: small refuses it (")
                worker.script.unheld.clear()
                small.about.hear(msgspec.structs.replace(await small._client.status(), pid=1))
                assert (await result_of(link, "large")).deliveries == 1

    at(broker, work)


def test_a_picture_of_other_weights_is_no_answer(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        with fake_daemon(bases={"schnell": "schnell"}) as daemon:
            async with node(broker, daemon.socket, "other") as other:
                await hand_in(link, "of-those", variant="schnell", fingerprint="those-of-others")
                await until(lambda: other.about.info().refused)
                assert "the weights fake-schnell, and not those-of-oth" in other.about.info().refused[0].why
        await link.js.purge_stream(WORK)

    at(broker, work)


def test_a_daemon_that_has_no_room_for_more_counts_as_no_try(broker: str, free: InProcessDaemon) -> None:
    async def work(link: FarmLink) -> None:
        with fake_daemon() as daemon:
            daemon.worker.script.failures["a hill, pushed"] = QueueFull("5 renders are waiting already")
            async with node(broker, daemon.socket, "busy") as busy:
                await hand_in(link, "pushed")
                await until(lambda: busy.about.problem)
                async with node(broker, free.socket, "free"):
                    result = await result_of(link, "pushed")
                assert (result.state, result.node) == ("done", "free")

    at(broker, work)


def test_a_node_without_room_for_files_counts_as_no_try_and_works_once_there_is_some(
    broker: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ink = make_adapter(tmp_path / "ink.safetensors", rank=2, blocks=1)

    async def work(link: FarmLink) -> None:
        with fake_daemon() as daemon:
            async with node(broker, daemon.socket, "crammed") as crammed:
                with monkeypatch.context() as patched:
                    for module in (cache, places):
                        patched.setattr(module, "free_bytes", lambda _: 1 << 20)
                    await hand_in(link, "big", ink)
                    await until(lambda: "1 MB are free" in crammed.about.problem)
                    assert crammed.about.info().state == "away"
                result = await result_of(link, "big")
                assert (result.state, result.deliveries) == ("done", 1)

    at(broker, work)


def test_work_of_one_version_waits_beside_nodes_of_another_and_both_are_told(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        served = (ServedBase(variant="standin"),)
        for name, version in (("old", "0.0.1"), ("newer", "0.2.0")):
            info = NodeInfo(name=name, version=version, keymaps=keymaps_digest(), state="idle", bases=served)
            await (await link.js.key_value(NODES)).put(name, msgspec.json.encode(info))
        job = await hand_in(link, "of-ours", variant="standin")
        await link.js.add_consumer(WORK, consumer_settings(job.partition))
        status = await read_status(link, ["ann"])
        words = StringIO()
        show_farm(Console(file=words, width=1000), status)
        assert "newer: idle, of kilnmark 0.2.0; " in words.getvalue()
        assert "a node of kilnmark 0.1.0; those here have 0.0.1, 0.2.0: start one" in words.getvalue()
        await link.js.purge_stream(WORK)
        for name in ("old", "newer"):
            await (await link.js.key_value(NODES)).delete(name)

    at(broker, work)


def test_a_node_takes_no_work_for_a_daemon_of_another_version(free: InProcessDaemon) -> None:
    with Client(free.socket) as client:
        other = msgspec.structs.replace(client.status(), version="0.2.0")
    with pytest.raises(NodeUnfit, match=r"its daemon is of kilnmark 0\.2\.0, and the node of 0\.1\.0"):
        AboutNode("mixed").hear(other)


def test_a_daemon_that_is_started_anew_with_other_bases_goes_on_and_is_given_their_work(
    broker: str, tmp_path: Path
) -> None:
    there: dict[str, Any] = {
        "socket": tmp_path / "d.sock",
        "journal": tmp_path / "jobs.sqlite",
        "output_dir": tmp_path / "pictures",
    }
    there["lora_roots"] = (tmp_path,)

    async def work(link: FarmLink) -> None:
        with fake_daemon(**there) as first:
            first.worker.hold("denoise")
            async with node(broker, first.socket, "forge") as forge:
                await hand_in(link, "halfway")
                await hand_in(link, "for-schnell", variant="schnell")
                await until(lambda: forge.about.running)
                await asyncio.to_thread(first.__exit__, None, None, None)
                await until(lambda: forge.about.info().state == "away")
                await until(lambda: not forge.about.is_held("standin"))
                with fake_daemon(**there, bases={"schnell": "schnell"}):
                    halfway, other = await result_of(link, "halfway"), await result_of(link, "for-schnell")
                    assert [(each.state, each.node) for each in (halfway, other)] == [("done", "forge")] * 2
                    assert [each.variant for each in forge.about.info().bases] == ["standin", "schnell"]

    at(broker, work)


def test_what_a_daemon_refuses_that_is_another_by_now_is_asked_once_more(
    broker: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(node_module, "BEAT", 60.0)

    async def work(link: FarmLink) -> None:
        with fake_daemon() as daemon:
            daemon.worker.script.failures["a hill, moved"] = AdapterRefused("it lies outside of the adapter roots")
            async with AsyncClient(daemon.socket) as client, node(broker, daemon.socket, "moving") as moving:
                await until(lambda: moving.about.info().beat > 1)
                moving.about.hear(msgspec.structs.replace(await client.status(), pid=1))
                await hand_in(link, "moved")
                result = await result_of(link, "moved")
                assert (result.state, result.deliveries) == ("failed", 1)

    at(broker, work)
    assert "its daemon was started anew with other settings" in caplog.text


def test_a_job_that_is_passed_on_waits_under_a_subject_that_its_message_does_not_have() -> None:
    first = "kiln.work.n.s.normal.ann.job"
    assert [anew_subject(first), anew_subject(f"{first}~1"), anew_subject(f"{first}~3")] == [f"{first}~2"] * 3
    assert anew_subject(f"{first}~2") == f"{first}~3"


def test_whether_it_is_a_draft_is_not_the_daemons_to_say() -> None:
    needs = FarmNeeds(variant="standin", version="1", keymaps=keymaps_digest())
    job = FarmJob(job_id="a", submitter="ann", submission="s", needs=needs, asked=RenderParams(prompt="a", seed=1))
    assert options_of(job, HeldContent((), None, (), 0))["draft"] is False
