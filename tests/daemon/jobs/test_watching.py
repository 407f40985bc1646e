"""Who watches is told of every job, and of steps as far as they can be read; a reader that is away costs no memory."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from opentelemetry.trace import NoOpTracer

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.jobs import watching as room
from kilnmark.daemon.jobs.audience import Arrival, Audience
from kilnmark.daemon.jobs.pauses import Pauses
from kilnmark.daemon.jobs.view import JobsView
from kilnmark.daemon.jobs.watching import JobsWatch, News, PreviewNews, Watching
from kilnmark.daemon.journal.keeper import NoJournal
from kilnmark.daemon.spans import RenderTrace
from kilnmark.daemon.watched import ROOM, watch_jobs
from kilnmark.daemon.wire.exchange import Exchange
from kilnmark.daemon.worker.worker import Worker
from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.call import CallMeta
from kilnmark.protocol.wire.errors import QueueFull
from kilnmark.protocol.wire.job_requests import WatchParams
from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.protocol.wire.watching import JobNews
from kilnmark.protocol.wire.work import Stepped
from tests.daemon.jobs.queues import Asked

EVENTS: tuple[JobNews, ...] = ("accepted", "begun", "step", "ended")


def news(event: JobNews, job_id: str = "a", step: int = 0) -> News:
    return News(JobInfo(job_id=job_id, state="running", step=step, accepted="t"), event, "", "t")


def events(watch: JobsWatch) -> list[tuple[str, str, int]]:
    return [(one.job.job_id, one.event, one.job.step) for one in watch.take() if isinstance(one, News)]


def test_of_steps_and_pictures_the_latest_waits_and_none_outlives_its_job() -> None:
    watch = JobsWatch(previews=True)
    for one in (
        news("accepted"),
        news("begun"),
        news("step", step=1),
        PreviewNews("a", 1, 4, b"1"),
        news("step", step=2),
    ):
        watch.put(one)
    assert events(watch) == [("a", "accepted", 0), ("a", "begun", 0), ("a", "step", 2)]
    assert watch.lost == 1
    for one in (news("step", step=3), PreviewNews("a", 3, 4, b"3"), news("ended")):
        watch.put(one)
    assert events(watch) == [("a", "ended", 0)]
    assert watch.lost == 3


def test_of_a_slow_readers_jobs_the_ends_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CROWDED", 10)
    watch = JobsWatch(previews=False)
    for number in range(40):
        for event in EVENTS:
            watch.put(news(event, f"j{number}"))
    told = events(watch)
    assert len(told) < 60
    assert [job for job, event, _ in told if event == "ended"] == [f"j{number}" for number in range(40)]


def test_a_reader_that_stays_away_is_told_so_and_kept_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST", 20)
    watch = JobsWatch(previews=False)
    for number in range(100):
        watch.put(news("ended", f"j{number}"))
    assert watch.over.is_set()
    assert not watch._waiting
    with pytest.raises(QueueFull, match=r"ask jobs\.list"):
        watch.take()


def arrive(audience: Audience, asked: Asked, job_id: str) -> None:
    """A job comes that has nothing to wait for."""
    facts = asked.added(job_id).facts
    audience.enter(Arrival(facts, RenderTrace(NoOpTracer(), CallMeta(), facts.command, facts.command.variant)))


def watched(course: Callable[[Asked, Audience, list[int]], None]) -> list[str]:
    """What is sent to somebody who watches a queue, by what happened; the course says how much is unread."""

    async def run() -> list[str]:
        asked, unread, sent, audience = Asked(), [0], list[bytes](), Audience(Clock())
        worker = Worker.__new__(Worker)  # nobody asks it anything here
        watching = Watching(JobsView(asked.queue.state, Pauses(), audience, worker))
        audience.on_news = watching.happened
        call = jsonrpc.Call(id=b"1", method="jobs.watch", params=b"{}")
        exchange = Exchange(call, sent.append, 60.0, unread=lambda: unread[0])
        params = WatchParams(meta=CallMeta(progress_token=7))
        task = asyncio.create_task(watch_jobs(watching, NoJournal(), params, exchange))
        await asyncio.sleep(0)
        assert watching.count == 1
        course(asked, audience, unread)
        for _ in range(10):
            await asyncio.sleep(0)
        kept = list(sent)
        watching.end()
        result = await task
        assert result.told == len(sent)
        assert watching.count == 0
        del sent[: len(kept)]
        return [*_told(kept), "|", *_told(sent)]

    return asyncio.run(run())


def _told(sent: list[bytes]) -> list[str]:
    messages = [msgspec.json.decode(each) for each in sent]
    assert {each["params"]["progressToken"] for each in messages} <= {7}
    return [f"{each['params']['job']['job_id']} {each['params']['event']}" for each in messages]


def test_nothing_is_told_while_too_much_is_unread_and_all_that_is_left_at_the_end() -> None:
    def course(asked: Asked, audience: Audience, unread: list[int]) -> None:
        unread[0] = ROOM + 1
        arrive(audience, asked, "a")

    assert watched(course) == ["|", "a accepted"]


def test_steps_are_told_at_once_and_then_ten_times_a_second() -> None:
    def course(asked: Asked, audience: Audience, _: list[int]) -> None:
        arrive(audience, asked, "a")
        audience.begin(asked.taken().jobs)
        for step in range(1, 4):
            audience.step(["a"], Stepped(job_id="a", stage="denoise", step=step, steps=4))

    assert watched(course) == ["a accepted", "a begun", "a step", "|"]
