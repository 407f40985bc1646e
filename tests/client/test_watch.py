"""Jobs as they pass, told to whoever watches, and what is told of them where they are listed."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import aclosing, closing
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from kilnmark.client import AsyncClient, Client, InvalidParams, JobChange, Preview, Verdict, aio_link
from kilnmark.client.testing import fake_daemon
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker, Script
from kilnmark.keymaps.zoo.write import make_adapter
from tests.daemon.conftest import Wire

SMALL: dict[str, Any] = {"width": 64, "height": 64, "steps": 2, "seed": 7, "cache": False}

Watched = AsyncGenerator[JobChange | Preview]
Course = Callable[[AsyncClient, Watched], Coroutine[None, None, None]]


@pytest.fixture
def daemon() -> Iterator[InProcessDaemon]:
    with fake_daemon() as serving:
        yield serving


def watching(daemon: InProcessDaemon, course: Course) -> None:
    """A course of things, while the job `held` is under way and somebody watches."""

    async def run() -> None:
        async with AsyncClient(daemon.socket) as client, asyncio.timeout(30):
            daemon.worker.hold("denoise")
            begun = asyncio.Event()
            mill = client.render("a mill", on_progress=lambda _: begun.set(), **SMALL, job_id="held")
            held = asyncio.create_task(mill)
            await begun.wait()
            async with aclosing(client.watch(previews=True)) as watch:
                first = await anext(watch)
                assert isinstance(first, JobChange)
                assert (first.job.job_id, first.event) == ("held", "known")
                await course(client, watch)
            daemon.worker.hold()
            await held

    asyncio.run(run())


async def until(watch: Watched, job_id: str, event: str) -> list[JobChange]:
    """What is told of a job, up to this."""
    found: list[JobChange] = []
    async for change in watch:
        if isinstance(change, JobChange) and change.job.job_id == job_id:
            found.append(change)
            if change.event == event:
                break
    return found


def test_a_job_is_told_of_from_its_acceptance_to_its_end(daemon: InProcessDaemon) -> None:
    async def course(client: AsyncClient, watch: Watched) -> None:
        fox = asyncio.create_task(client.render("a fox", **SMALL, job_id="fox"))
        [accepted] = await until(watch, "fox", "accepted")
        assert (accepted.job.state, accepted.stage, accepted.job.prompt) == ("queued", "", "a fox")
        daemon.worker.hold()
        begun, *steps, ended = await until(watch, "fox", "ended")
        assert (begun.event, begun.job.state) == ("begun", "running")
        assert {(step.event, step.job.state) for step in steps} <= {("step", "running")}
        assert (ended.job.state, ended.job.step, ended.job.image_path) == ("done", 2, (await fox).image_path)

    watching(daemon, course)


def test_a_step_that_lasts_is_told_with_its_stage(daemon: InProcessDaemon) -> None:
    async def course(_: AsyncClient, watch: Watched) -> None:
        daemon.worker.go()
        [step] = await until(watch, "held", "step")
        while step.stage != "denoise 1/2":
            [step] = await until(watch, "held", "step")
        assert step.job.step == 1

    watching(daemon, course)


def test_a_job_that_is_given_another_priority_is_told_of_and_painted_in_that_turn(daemon: InProcessDaemon) -> None:
    async def course(client: AsyncClient, watch: Watched) -> None:
        ids = ("one", "two", "three")
        tasks = [asyncio.create_task(client.render("a fox", **SMALL, job_id=each)) for each in ids]
        await until(watch, "three", "accepted")
        moved = await client.jobs_move("three", "high")
        assert (moved.moved, moved.priority) == (True, "high")
        [change] = await until(watch, "three", "moved")
        assert change.job.priority == "high"
        assert (await client.status()).queue.high == 1
        assert not (await client.jobs_move("held", "low")).moved
        daemon.worker.hold()
        begun: list[str] = []
        while len(begun) < len(ids):
            news = await anext(watch)
            begun += [news.job.job_id] if isinstance(news, JobChange) and news.event == "begun" else []
        await asyncio.gather(*tasks)
        assert begun == ["three", "one", "two"]

    watching(daemon, course)


def test_previews_are_made_while_somebody_watches_and_by_the_next_worker_too(daemon: InProcessDaemon) -> None:
    async def course(client: AsyncClient, watch: Watched) -> None:
        daemon.worker.hold()
        await until(watch, "held", "ended")
        daemon.worker.die()
        await client.render("a fox", **SMALL, job_id="fox")
        told: list[Preview] = []
        while len(told) < SMALL["steps"]:
            news = await anext(watch)
            told += [news] if isinstance(news, Preview) and news.job_id == "fox" else []
        assert [(each.step, each.steps) for each in told] == [(1, 2), (2, 2)]
        greys = [Image.open(BytesIO(each.jpeg)) for each in told]
        assert [(grey.format, grey.size, grey.getpixel((0, 0))) for grey in greys] == [
            ("JPEG", (8, 8), 128),
            ("JPEG", (8, 8), 255),
        ]

    watching(daemon, course)


def test_no_preview_is_made_where_the_daemon_is_to_make_none() -> None:
    async def course(_: AsyncClient, watch: Watched) -> None:
        blind.worker.hold()
        seen = [await anext(watch)]
        while not (isinstance(seen[-1], JobChange) and seen[-1].event == "ended"):
            seen.append(await anext(watch))
        assert not any(isinstance(each, Preview) for each in seen)

    with fake_daemon(previews="off") as blind:
        watching(blind, course)


def test_previews_reach_those_alone_who_asked_for_them(daemon: InProcessDaemon) -> None:
    async def course(client: AsyncClient, watch: Watched) -> None:
        served = daemon._daemon
        assert served is not None
        async with aclosing(client.watch()) as other:
            await anext(other)
            made = served.watching
            made.on_previews = wanted.append
            assert made.wants_previews
            assert daemon._loop is not None
            daemon._loop.call_soon_threadsafe(made.pictured, "held", 1, 2, b"\xff\xd8jpeg")
            preview = await anext(watch)
            assert isinstance(preview, Preview)
            assert (preview.job_id, preview.step, preview.steps, preview.jpeg) == ("held", 1, 2, b"\xff\xd8jpeg")
            daemon.worker.go()
            assert isinstance(await anext(other), JobChange)

    wanted: list[bool] = []
    watching(daemon, course)
    assert wanted == [False]


def test_a_watcher_that_is_busy_misses_steps_and_no_end(
    daemon: InProcessDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aio_link, "CROWDED", 2)

    async def course(client: AsyncClient, watch: Watched) -> None:
        made = daemon._daemon
        assert made is not None
        assert daemon._loop is not None
        for step in range(50):
            daemon._loop.call_soon_threadsafe(made.watching.pictured, f"job-{step}", 1, 2, b"jpeg")
        daemon.worker.hold()
        for name in ("one", "two", "three"):
            await client.render("a fox", **SMALL, job_id=name)
        news = await until(watch, "three", "ended")
        assert [change.event for change in news] == ["accepted", "begun", "ended"]

    watching(daemon, course)


def test_watching_ends_with_the_daemon(daemon: InProcessDaemon) -> None:
    with Client(daemon.socket) as client, closing(client.watch()) as watch:
        client.render("a fox", **SMALL, job_id="fox")
        daemon.worker.hold("denoise")
        with Client(daemon.socket) as other:
            render = other.render_stream("a mill", **SMALL, job_id="mill")
            next(render)
            known = next(watch)
            assert isinstance(known, JobChange)
            assert (known.job.job_id, known.event) == ("mill", "known")
            daemon.shut_down()
            ends = [each.job.state for each in watch if isinstance(each, JobChange) and each.event == "ended"]
    assert ends == ["failed"]


def test_nothing_is_told_without_a_progress_token(daemon: InProcessDaemon) -> None:
    with Wire(daemon.socket) as wire:
        assert wire.reply(wire.send("jobs.watch"))["error"]["code"] == InvalidParams.code


def test_the_end_of_a_job_is_told_on_hosts_alone_that_the_daemon_was_told() -> None:
    with fake_daemon(notify_hosts=("example.org",)) as daemon, Client(daemon.socket) as client:
        with pytest.raises(InvalidParams, match=r"other\.example is not allowed"):
            client.render("a fox", **SMALL, notify_url="https://other.example/told")
        client.render("a fox", **SMALL, notify_url="https://example.org/told", job_id="told")
        client.render("a mill", **SMALL)
        [job] = client.jobs_list(notify=True).jobs
        assert (job.job_id, job.notify_url) == ("told", "https://example.org/told")
    with fake_daemon() as daemon, Client(daemon.socket) as client, pytest.raises(InvalidParams, match="it allows none"):
        client.render("a fox", **SMALL, notify_url="https://example.org/told")


def test_jobs_are_found_by_what_was_asked_and_by_what_came_of_it() -> None:
    worker = FakeWorker(Script(verdicts={"ash": Verdict.NOOP, "ink": Verdict.PARTIAL}))
    with InProcessDaemon(worker) as daemon, Client(daemon.socket) as client:
        for name in ("ash", "ink", "oak"):
            path = make_adapter(daemon.loras / f"{name}.safetensors", rank=1, blocks=1)
            client.render(f"the {name} gate", **SMALL, lora_paths=[path], on_mismatch="warn", job_id=name)
        with pytest.raises(InvalidParams):
            client.jobs_list(since="yesterday")
        today, tomorrow = datetime.now(UTC).date(), datetime.now(UTC) + timedelta(days=1)

        def found(**asked: Any) -> set[str]:
            return {job.job_id for job in client.jobs_list(**asked).jobs}

        assert found() == {"ash", "ink", "oak"}
        assert found(adapter="ash") == found(verdict="noop") == found(text="ASH gate") == {"ash"}
        assert found(states=["failed"]) == found(genre="none") == found(tier="scene") == set()
        assert found(since=today, until=today + timedelta(days=1), variant="standin") == {"ash", "ink", "oak"}
        assert found(since=tomorrow) == found(until=date(2001, 1, 1)) == set()
        [ash] = client.jobs_list(verdict=Verdict.NOOP).jobs
        [badge] = ash.adapters
        assert (badge.name, badge.verdict, ash.dead, ash.partial) == ("ash", Verdict.NOOP, 1, 0)
        assert found(adapter=badge.sha256[:8]) >= {"ash"}
        [ink] = client.jobs_list(verdict="partial").jobs
        assert (ink.dead, ink.partial) == (0, 1)
        assert (ink.width, ink.height, ink.seed, ink.variant) == (64, 64, 7, "standin")
        page = client.jobs_page(limit=1, states=["done"])
        assert len(page.jobs) == 1
        assert len(client.jobs_page(page.next, states=["done"]).jobs) == 2
