"""What pages that look on are told, and that nobody watches for nobody."""

import asyncio
from contextlib import aclosing

import pytest

from kilnmark.client.aio import AsyncClient
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker
from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.protocol.wire.watching import JobChange, Preview
from kilnmark.web.link import DaemonLink
from kilnmark.web.panel.follow import CHANGED, JobFollower


def change(event: str, step: int = 0) -> JobChange:
    job = JobInfo(job_id="one", state="running", step=step, steps=4)
    return JobChange(progress_token=1, job=job, event=event, stage=f"denoise {step}/4")  # type: ignore[arg-type]  # a word of the test's


def test_a_page_is_told_of_steps_previews_and_changes_and_no_preview_outlives_its_job() -> None:
    async def run() -> list[bytes]:
        follower = JobFollower(DaemonLink("/nowhere/daemon.sock"))
        async with aclosing(follower.events()) as events:  # type: ignore[type-var]  # an async generator
            told = [await anext(events)]
            follower.take(change("step", 1))
            follower.take(Preview(progress_token=1, job_id="one", step=2, steps=4, jpeg=b"jpeg"))
            seen = follower.preview_of("one")
            assert seen is not None
            assert seen.jpeg == b"jpeg"
            told += [await anext(events), await anext(events)]
            follower.take(change("ended"))
            assert follower.preview_of("one") is None
            while (event := await anext(events)) != CHANGED:
                told.append(event)
        return told

    told = asyncio.run(asyncio.wait_for(run(), 20))
    assert told[0].startswith(b"retry: ")
    assert told[1] == b'event: step\ndata: {"job_id":"one","step":1,"steps":4,"stage":"denoise 1/4","preview":null}\n\n'
    assert told[2].endswith(b'"step":2,"steps":4,"stage":"denoise 1/4","preview":2}\n\n')
    assert told[3:] == []


def test_a_page_that_reads_nothing_is_told_that_something_changed_and_holds_no_more() -> None:
    async def run() -> int:
        follower = JobFollower(DaemonLink("/nowhere/daemon.sock"))
        async with aclosing(follower.events()) as events:  # type: ignore[type-var]  # an async generator
            await anext(events)
            for step in range(10_000):
                follower.take(change("step", step))
            assert await anext(events) == CHANGED
            kept = 0
            while b'"step":9999' not in await anext(events):
                kept += 1
        return kept

    assert asyncio.run(asyncio.wait_for(run(), 20)) < 100


def test_it_tells_of_what_is_open_when_it_begins_and_watches_for_nobody() -> None:
    async def run(daemon: InProcessDaemon, worker: FakeWorker) -> None:
        link = DaemonLink(str(daemon.socket), lambda socket: AsyncClient(socket, away_timeout=0.0))
        follower = JobFollower(link)
        painted = asyncio.create_task(link.client.render("a fox", width=64, height=64, steps=2))
        while not (await link.client.jobs_list(states=["running"])).jobs:
            pass
        async with aclosing(follower.events()) as events:  # type: ignore[type-var]  # an async generator
            await anext(events)
            while await anext(events) != CHANGED:
                pass
            worker.hold()
            await painted
            while await anext(events) != CHANGED:
                pass
        assert not follower._pages
        assert follower._watching is None
        await link.end()

    worker = FakeWorker()
    with InProcessDaemon(worker) as daemon:
        worker.hold("denoise")
        asyncio.run(asyncio.wait_for(run(daemon, worker), 20))


def test_a_defect_costs_pages_what_they_missed_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(daemon: InProcessDaemon) -> None:
        link = DaemonLink(str(daemon.socket), lambda socket: AsyncClient(socket, away_timeout=0.0))
        follower, taken, again, told = JobFollower(link), JobFollower.take, asyncio.Event(), asyncio.Event()

        def take(self: JobFollower, note: JobChange | Preview) -> None:
            if not again.is_set():
                again.set()
                raise RuntimeError("a defect")
            taken(self, note)
            told.set()

        monkeypatch.setattr(JobFollower, "take", take)
        async with aclosing(follower.events()) as events:  # type: ignore[type-var]  # an async generator
            await anext(events)
            while not told.is_set():
                await link.client.render("a fox", width=64, height=64, steps=2)
        await link.end()

    with InProcessDaemon() as daemon:
        asyncio.run(asyncio.wait_for(run(daemon), 20))
