"""A node between a real broker and a real daemon whose worker is the house's fake: every end is told once."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nats.js.errors import KeyNotFoundError, NotFoundError

from kilnmark.client.aio import AsyncClient
from kilnmark.client.testing import fake_daemon
from kilnmark.farm.broker.link import FarmLink, farm_link
from kilnmark.farm.broker.setup import FarmPlan, set_up
from kilnmark.farm.content.store import open_content
from kilnmark.farm.errors import FarmNotUsable
from kilnmark.farm.names import (
    CANCELS,
    NODES,
    WORK,
    cancel_key,
    drain_subject,
    pictures_of,
    results_of,
    warm_subject,
    work_subject,
)
from kilnmark.farm.node import handing
from kilnmark.farm.node.node import FarmNode, NodeSettings
from kilnmark.farm.node.work import DELIVERIES
from kilnmark.keymaps.zoo.write import make_adapter
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.errors import RenderFailed
from kilnmark.protocol.wire.memory import BaseInfo
from tests.farm.node.handed_in import hand_in, result_of, until


@asynccontextmanager
async def node(broker: str, socket: Path, name: str = "anvil", **settings: Any) -> AsyncIterator[FarmNode]:
    async with farm_link(broker, name=name) as link, AsyncClient(socket, away_timeout=0) as client:
        running = FarmNode(link, client, NodeSettings(name=name, **settings))
        task = asyncio.create_task(running.run())
        try:
            yield running
        finally:
            running.drain()
            await task


def at(broker: str, work: Callable[[FarmLink], Coroutine[Any, Any, None]]) -> None:
    async def ask() -> None:
        async with farm_link(broker) as link:
            await work(link)

    asyncio.run(ask())


async def is_empty(link: FarmLink) -> bool:
    return (await link.js.stream_info(WORK)).state.messages == 0


async def pictures_at(link: FarmLink) -> set[str]:
    """The hashes of those that lie at the broker."""
    try:
        found = await (await link.js.object_store(pictures_of("ann"))).list(ignore_deletes=True)
    except NotFoundError:  # none at all
        return set()
    return {info.name for info in found}


def test_a_job_is_painted_committed_and_taken_off_the_queue(broker: str, tmp_path: Path) -> None:
    ink = tmp_path / "ink.safetensors"

    async def work(link: FarmLink) -> None:
        with fake_daemon() as daemon:
            async with node(broker, daemon.socket):
                await hand_in(link, "plain")
                result = await result_of(link, "plain")
                assert (result.state, result.node, result.deliveries) == ("done", "anvil", 1)
                assert result.picture is not None
                await (await open_content(link, pictures_of("ann"))).fetch(result.picture, ink.with_suffix(".png"))
            assert sha256(ink.with_suffix(".png").read_bytes()).hexdigest() == result.picture.sha256
            assert await is_empty(link)
            told = (await (await link.js.key_value(NODES)).get("anvil")).value or b""
            assert b'"state":"left"' in told

    at(broker, work)


def test_a_daemon_that_reads_elsewhere_is_told_with_the_mend(broker: str, tmp_path: Path) -> None:
    async def work(_: FarmLink) -> None:
        with fake_daemon() as daemon, pytest.raises(FarmNotUsable, match="--lora-root"):
            async with node(broker, daemon.socket, content=tmp_path / "elsewhere"):
                pass

    at(broker, work)


def test_a_dead_adapter_is_the_jobs_end_with_its_report_and_no_second_try(broker: str, tmp_path: Path) -> None:
    dead = make_adapter(tmp_path / "dead.safetensors", rank=2, blocks=1)

    async def work(link: FarmLink) -> None:
        with fake_daemon() as daemon:
            daemon.worker.script.verdicts["dead"] = Verdict.NOOP
            async with node(broker, daemon.socket) as anvil:
                await hand_in(link, "with-dead", dead)
                result = await result_of(link, "with-dead")
                assert (result.state, result.deliveries, result.picture) == ("failed", 1, None)
                assert result.error is not None
                assert result.error.kind == "adapter_not_engaged"
                assert [report.verdict for report in result.error.loras] == [Verdict.NOOP]
            assert (anvil.about.failed, anvil.about.adapters_dead) == (1, 1)
        assert await is_empty(link)

    at(broker, work)


def test_a_job_that_has_its_result_is_acknowledged_and_not_painted_again(broker: str, tmp_path: Path) -> None:
    async def work(link: FarmLink) -> None:
        with fake_daemon() as daemon:
            async with node(broker, daemon.socket) as anvil:
                await hand_in(link, "again")
                first = await result_of(link, "again")
                await hand_in(link, "again")
                await hand_in(link, "behind-it")
                await result_of(link, "behind-it")
                assert await result_of(link, "again") == first
            assert anvil.about.done == 2
        assert await is_empty(link)

    at(broker, work)


def test_a_poison_job_is_dead_after_its_deliveries_and_stops_nobody(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing, "_PAUSE", 0.01)

    async def work(link: FarmLink) -> None:
        with fake_daemon() as daemon:
            daemon.worker.script.failures["a hill, poison"] = RenderFailed("the worker died of it")
            async with node(broker, daemon.socket):
                await hand_in(link, "poison")
                await hand_in(link, "harmless")
                result, other = await result_of(link, "poison"), await result_of(link, "harmless")
                assert (result.state, result.deliveries, other.state) == ("dead", DELIVERIES, "done")
                assert result.error is not None
                assert result.error.message == "the worker died of it"
        assert await is_empty(link)

    at(broker, work)


def test_two_nodes_and_the_first_who_commits_has_the_job(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first takes it, says nothing for longer than its lease, and comes back with a picture that nobody wants."""

    async def work(link: FarmLink) -> None:
        with fake_daemon() as slow, fake_daemon() as quick:
            before = await pictures_at(link)
            slow.worker.hold("denoise")
            monkeypatch.setattr(handing.Handing, "_tell", lambda *_: asyncio.sleep(60))
            async with node(broker, slow.socket, "slow", lease=0.3, depth=1) as first:
                await hand_in(link, "raced")
                await until(lambda: first.about.running)
                monkeypatch.undo()
                async with node(broker, quick.socket, "quick", lease=0.3):
                    result = await result_of(link, "raced")
                slow.worker.hold()
                await until(lambda: not first.about.running)
            assert (result.node, result.deliveries) == ("quick", 2)
            assert await result_of(link, "raced") == result
            assert first.about.done == 0
            new = await pictures_at(link) - before
            assert result.picture is not None
            assert result.picture.sha256 in new
            assert len(new) == 2, "what lost may be another job's picture, too, and stays"

    at(broker, work)


def test_a_second_copy_of_what_a_node_paints_goes_to_another_and_the_slower_one_gives_up(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        with fake_daemon() as slow, fake_daemon() as swift:
            slow.worker.hold("denoise")
            async with node(broker, slow.socket, "slow", lease=1.0) as behind:
                try:
                    job = await hand_in(link, "late")
                    await until(lambda: behind.about.running)
                    copy = work_subject(job.partition, "ann", "late", copy=1)
                    await link.js.publish(copy, msgspec.json.encode(job), stream=WORK)
                    await until(lambda: behind.about.passes_by(job.partition))
                    async with node(broker, swift.socket, "swift", lease=1.0):
                        assert (await result_of(link, "late")).node == "swift"
                        await until(lambda: not behind.about.running)
                finally:
                    slow.worker.hold()  # what failed is not waited for
                assert (behind.about.done, behind.about.failed) == (0, 0)
            assert await is_empty(link)

    at(broker, work)


def test_nobody_has_work_done_in_the_name_of_another(broker: str, caplog: pytest.LogCaptureFixture) -> None:
    async def work(link: FarmLink) -> None:
        with fake_daemon() as daemon:
            async with node(broker, daemon.socket):
                job = await hand_in(link, "honest")
                await result_of(link, "honest")
                forged = msgspec.structs.replace(job, job_id="forged")
                subject = work_subject(job.partition, "mallory", "forged")
                await link.js.publish(subject, msgspec.json.encode(forged), stream=WORK)
                await hand_in(link, "behind-the-forged")
                await result_of(link, "behind-the-forged")
        assert await is_empty(link)
        with pytest.raises(KeyNotFoundError):
            await (await link.js.key_value(results_of("ann"))).get("forged")

    at(broker, work)
    assert "refused, it says that it is 'forged' of 'ann'" in caplog.text


def test_two_submitters_have_jobs_of_one_id_and_one_takes_back_only_its_own(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        await set_up(link, FarmPlan(submitters=["ann", "bob"]))
        with fake_daemon() as daemon:
            daemon.worker.hold("denoise")
            async with node(broker, daemon.socket) as anvil:
                await hand_in(link, "same")
                await until(lambda: anvil.about.running)
                await hand_in(link, "same", submitter="bob", prompt="a hill of bob's")
                await until(lambda: len(anvil.about.running) == 2)
                cancels = await link.js.key_value(CANCELS)
                await cancels.put(cancel_key("bob", "same"), json.dumps(["bob", "same"]).encode())
                await hand_in(link, "same-picture", submitter="bob", prompt="a hill, again")
                daemon.worker.hold()
                ann, bob = await result_of(link, "same"), await result_of(link, "same-picture", submitter="bob")
                assert (ann.state, bob.state) == ("done", "done")
                await hand_in(link, "taken", prompt="one")
                await hand_in(link, "taken", submitter="bob", prompt="another")
                one, other = await result_of(link, "taken"), await result_of(link, "taken", submitter="bob")
        assert one.result is not None
        assert other.result is not None
        assert (one.result.prompt, other.result.prompt) == ("one", "another")
        assert {one.result.job_id, other.result.job_id} == {"taken"}
        await link.js.purge_stream(WORK)

    at(broker, work)


def test_a_shared_folder_that_cannot_be_written_makes_its_node_rest(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing, "_PAUSE", 0.05)
    (tmp_path / "shared").write_text("a file, where a folder should be")

    async def work(link: FarmLink) -> None:
        with fake_daemon() as one, fake_daemon() as other:
            async with node(broker, one.socket, "first", shared=tmp_path / "shared") as first:
                await hand_in(link, "placed")
                await until(lambda: first.about.problem)
                async with node(broker, other.socket, "second"):
                    assert (await result_of(link, "placed")).node == "second"

    at(broker, work)


def test_what_is_cancelled_before_and_while_it_is_painted_ends_so(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        cancels = await link.js.key_value(CANCELS)
        with fake_daemon() as daemon:
            daemon.worker.hold("denoise")
            async with node(broker, daemon.socket, depth=1) as anvil:
                await hand_in(link, "running")
                await until(lambda: anvil.about.running)
                await hand_in(link, "waiting")
                for name in ("waiting", "running"):
                    await cancels.put(cancel_key("ann", name), json.dumps(["ann", name]).encode())
                async with AsyncClient(daemon.socket) as client:
                    await client.jobs_wait("running")
                daemon.worker.hold()
                ends = [await result_of(link, name) for name in ("running", "waiting")]
                assert [end.state for end in ends] == ["cancelled", "cancelled"]
        assert await is_empty(link)

    at(broker, work)


async def painted_by(client: AsyncClient) -> set[str]:
    return {job.job_id for job in (await client.jobs_list(states=["running"])).jobs}


def test_a_high_job_waits_for_one_render_of_another_at_most(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        with fake_daemon() as daemon:
            daemon.worker.hold("denoise")
            async with node(broker, daemon.socket) as anvil:
                for name in ("first", "second"):
                    await hand_in(link, name)
                await until(lambda: len(anvil.about.running) == 2)
                await hand_in(link, "urgent", priority="high")
                await until(lambda: ("ann", "urgent") in anvil.about.running)
                await hand_in(link, "third")
                async with AsyncClient(daemon.socket) as client, asyncio.timeout(20):
                    while "urgent" not in {job.job_id for job in (await client.jobs_list()).jobs}:
                        pass
                    before = await painted_by(client)
                    daemon.worker.go(2)  # it waits before its step, and behind it
                    while not (painted := await painted_by(client) - before):
                        pass
                daemon.worker.hold()
                assert painted == {"urgent"}
                assert {(await result_of(link, name)).state for name in ("urgent", "second", "third")} == {"done"}

    at(broker, work)


def test_a_job_of_another_program_waits_for_a_node_that_agrees(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        with fake_daemon() as daemon:
            async with node(broker, daemon.socket):
                job = await hand_in(link, "of-tomorrow", version="9.9.9")
                await hand_in(link, "of-today")
                await result_of(link, "of-today")
        found = await link.js.get_last_msg(WORK, work_subject(job.partition, "ann", "of-tomorrow"))
        assert found.data is not None
        await link.js.purge_stream(WORK)

    at(broker, work)


def test_a_node_that_leaves_at_once_gives_its_job_to_another_without_a_lease(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        with fake_daemon() as slow, fake_daemon() as quick:
            slow.worker.hold("denoise")
            async with farm_link(broker, name="leaver") as own, AsyncClient(slow.socket, away_timeout=0) as client:
                leaver = FarmNode(own, client, NodeSettings(name="leaver"))
                task = asyncio.create_task(leaver.run())
                await hand_in(link, "left-behind")
                await until(lambda: leaver.about.running)
                task.cancel()
                await asyncio.wait([task])
            async with node(broker, quick.socket, "stayer"):
                result = await result_of(link, "left-behind")
            assert (result.state, result.node, result.deliveries) == ("done", "stayer", 2)

    at(broker, work)


def test_a_base_is_held_when_it_is_asked_for_and_a_node_drains_when_told(broker: str) -> None:
    async def work(link: FarmLink) -> None:
        with fake_daemon() as daemon:
            async with node(broker, daemon.socket) as anvil:
                await until(lambda: anvil.about.info().beat > 1)
                reply = await link.nc.request(warm_subject("standin"), b"standin", timeout=10)
                assert msgspec.json.decode(reply.data, type=BaseInfo).variant == "standin"
                await link.nc.request(drain_subject("anvil"), b"", timeout=10)
                assert anvil.about.is_draining

    at(broker, work)


def test_a_node_whose_daemon_is_gone_rests_and_gives_its_job_to_another(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing, "_PAUSE", 0.05)

    async def work(link: FarmLink) -> None:
        with fake_daemon() as other, fake_daemon() as gone:
            gone.worker.hold("denoise")
            async with AsyncExitStack() as stack:
                first = await stack.enter_async_context(node(broker, gone.socket, "first"))
                await hand_in(link, "moved")
                await until(lambda: first.about.running)
                await stack.enter_async_context(node(broker, other.socket, "second"))
                await asyncio.to_thread(gone.__exit__, None, None, None)
                result = await result_of(link, "moved")
                assert (result.state, result.node) == ("done", "second")
                assert first.about.info().state == "away"
                assert "daemon" in first.about.problem

    at(broker, work)
