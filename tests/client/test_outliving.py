"""Clients outlive the daemon: what it had not answered is asked again, of the one that comes after it."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from kilnmark.client import (
    AsyncClient,
    BadReply,
    Cancelled,
    Client,
    ConnectionLost,
    DaemonUnavailable,
    JobIdTaken,
    Rendered,
    RenderResult,
    RenderTimeout,
    ReplyTimeout,
    connection,
)
from kilnmark.client.request import RenderRequest
from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.worker.fake import FakeWorker
from tests.client.conftest import peer_that_says

SMALL: dict[str, Any] = {"width": 64, "height": 64, "steps": 1, "seed": 7}
T = TypeVar("T")


def blocking_render(path: Path, **options: Any) -> RenderResult:
    with Client(path) as client:
        return client.render("a kiln", **SMALL, **options)


def asyncio_render(path: Path, **options: Any) -> RenderResult:
    async def main() -> RenderResult:
        async with AsyncClient(path) as client:
            return await client.render("a kiln", **SMALL, **options)

    return asyncio.run(main())


@contextmanager
def meanwhile(call: Callable[[], T]) -> Iterator["Future[T]"]:
    """A call on a thread of its own, which has ended when the block has."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(call)


def wait_for_jobs(daemon: InProcessDaemon, count: int) -> list[str]:
    """Their ids, once so many are open."""
    with Client(daemon.socket) as client:
        while len(jobs := client.status().jobs) < count:
            select.select([], [], [], 0.002)
    return [job.job_id for job in jobs]


@pytest.mark.parametrize("render", [blocking_render, asyncio_render])
@pytest.mark.parametrize("named", [{}, {"job_id": "mine"}])
def test_a_render_whose_daemon_is_restarted_comes_back_as_the_same_job(
    folder: Path, render: Callable[..., RenderResult], named: dict[str, str]
) -> None:
    path = folder / "daemon.sock"
    with InProcessDaemon(socket=path) as first:
        first.worker.hold("denoise")
        with meanwhile(lambda: render(path, **named)) as future:
            (job_id,) = wait_for_jobs(first, 1)
            first.shut_down()
            first.wait_until_ended()
            with InProcessDaemon(socket=path) as second:
                assert future.result(60).job_id == job_id
                with Client(second.socket) as client:
                    assert client.status().rendered == 1
    assert job_id == named.get("job_id", job_id)


def many(path: Path, count: int) -> list[Rendered]:
    requests: list[RenderRequest] = [{"prompt": f"kiln {i}", **SMALL} for i in range(count)]  # type: ignore[typeddict-item]
    with Client(path) as client:
        return list(client.render_many(requests, concurrency=4))


def test_many_renders_lose_none_over_three_restarts(folder: Path) -> None:
    path = folder / "daemon.sock"
    with InProcessDaemon(socket=path) as first:
        first.worker.hold("denoise")
        future_pool = ThreadPoolExecutor(1)
        future = future_pool.submit(many, path, 12)
        wait_for_jobs(first, 4)
    for _ in range(2):
        with InProcessDaemon(socket=path) as next_one:
            next_one.worker.hold("denoise")
            wait_for_jobs(next_one, 4)
            next_one.worker.go(1)
    with InProcessDaemon(socket=path):
        made = future.result(60)
    future_pool.shutdown()
    assert [each.error for each in made] == [None] * 12


def test_a_daemon_that_stays_away_is_given_up_when_the_time_is_over(folder: Path) -> None:
    path = folder / "daemon.sock"
    client = Client(path, away_timeout=0.1)
    with InProcessDaemon(socket=path):
        client.ping()
    with pytest.raises(DaemonUnavailable, match="there is no socket"):
        client.ping()
    client.close()


def test_a_daemon_that_is_not_there_yet_is_waited_for_where_that_is_asked_for(folder: Path) -> None:
    path = folder / "daemon.sock"
    with Client(path) as hasty, pytest.raises(DaemonUnavailable):
        hasty.ping()
    with Client(path, start_timeout=20.0) as client, meanwhile(client.ping) as future, InProcessDaemon(socket=path):
        assert future.result(60).pid == os.getpid()


def test_a_client_for_whom_there_is_no_room_comes_back_later() -> None:
    with InProcessDaemon(connection_limit=1) as daemon, Client(daemon.socket) as first:
        first.ping()
        with Client(daemon.socket) as second, meanwhile(second.ping) as future:
            with pytest.raises(TimeoutError):
                future.result(0.05)
            first.close()
            assert future.result(60).pid == os.getpid()


def test_a_shutdown_is_never_sent_twice(folder: Path) -> None:
    with peer_that_says(folder, b"") as path, Client(path) as client, pytest.raises(ConnectionLost):
        client.shutdown()


def test_one_client_serves_eight_threads(folder: Path) -> None:
    with InProcessDaemon(socket=folder / "daemon.sock") as daemon, Client(daemon.socket) as client:
        begin = threading.Barrier(8)

        def ask(thread: int) -> int:
            begin.wait(60)
            for _ in range(25):
                assert client.ping().pid == os.getpid()
            return client.render(f"kiln {thread}", **SMALL).seed

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(ask, range(8))) == [7] * 8


FORK = """
import asyncio, os, sys
from kilnmark.client import AsyncClient, Client, ForkedClient

def in_child(call):
    if (child := os.fork()) == 0:
        try:
            call()
        except ForkedClient as error:
            os.write(1, f"{error}\\n".encode())
        os._exit(0)
    os.waitpid(child, 0)

client, unused = Client(sys.argv[1]), Client(sys.argv[1])
client.ping()
in_child(client.ping)
in_child(unused.ping)
in_child(client.close)
client.ping()

async def main():
    async with AsyncClient(sys.argv[1]) as client:
        await client.ping()
        in_child(lambda: client.ping().send(None))
        await client.ping()

asyncio.run(main())
client.close()
unused.close()
"""


def test_a_client_on_both_sides_of_a_fork_is_refused_in_the_child_and_goes_on_in_the_parent(folder: Path) -> None:
    with InProcessDaemon(socket=folder / "daemon.sock") as daemon:
        command = [sys.executable, "-W", "ignore", "-c", FORK, str(daemon.socket)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout.splitlines()
    assert len(told) == 2
    assert all("make a client of its own after the fork" in line for line in told)


def test_a_line_without_an_end_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LINE_LIMIT", 1 << 16)
    with (
        peer_that_says(folder, b"x" * (1 << 17)) as path,
        Client(path) as client,
        pytest.raises(BadReply, match="longer than 65536 bytes"),
    ):
        client.ping()


def answers(client: Client) -> bool:
    """Within its bound, which on a busy machine may be too short once."""
    try:
        return bool(client.ping().pid)
    except ReplyTimeout:
        return False


def test_the_bound_of_a_call_holds_while_its_daemon_is_away(folder: Path) -> None:
    path = folder / "daemon.sock"
    with Client(path, reply_timeout=0.1, render_timeout=0.1) as client:
        with InProcessDaemon(socket=path):
            while not answers(client):
                pass
        with pytest.raises(ReplyTimeout):
            client.ping()
        with pytest.raises(RenderTimeout):
            client.render("a kiln")


@pytest.mark.parametrize("render", [blocking_render, asyncio_render])
def test_a_job_that_was_cancelled_while_its_caller_was_away_is_not_painted_again(
    folder: Path, render: Callable[..., RenderResult]
) -> None:
    path, journal = folder / "daemon.sock", folder / "jobs.sqlite"
    with InProcessDaemon(socket=path, journal=journal) as first:
        first.worker.hold("denoise")
        with meanwhile(lambda: render(path, job_id="mine")) as future:
            wait_for_jobs(first, 1)
            first.shut_down()
            first.wait_until_ended()
            worker = FakeWorker()
            worker.hold("denoise")
            elsewhere = folder / "other.sock"
            with InProcessDaemon(worker, socket=elsewhere, journal=journal), Client(elsewhere) as other:
                assert other.cancel("mine").cancelled
            with InProcessDaemon(socket=path, journal=journal) as third:
                with pytest.raises(Cancelled):
                    future.result(60)
                with Client(third.socket) as client:
                    assert client.status().rendered == 0


def blocking_left(path: Path, begun: Callable[[], None]) -> tuple[str, ...]:
    """What a client could not cancel whose daemon went away for ever, and whose caller left."""
    with Client(path, away_timeout=None) as client:
        stream = client.render_stream("a kiln", **SMALL)
        next(stream)
        begun()
        with pytest.raises(KeyboardInterrupt), interrupted_soon():
            for _ in stream:
                pass
        return client.uncancelled


def asyncio_left(path: Path, begun: Callable[[], None]) -> tuple[str, ...]:
    async def main() -> tuple[str, ...]:
        async with AsyncClient(path, away_timeout=None) as client:
            stream = client.render_stream("a kiln", **SMALL)
            await anext(stream)
            await asyncio.to_thread(begun)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    async for _ in stream:
                        pass
            return client.uncancelled

    return asyncio.run(main())


@contextmanager
def interrupted_soon() -> Iterator[None]:
    """Ctrl-C while the block waits."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("left", [blocking_left, asyncio_left])
def test_a_caller_who_leaves_while_the_daemon_is_away_is_told_what_was_not_cancelled_and_nobody_paints_it(
    folder: Path, left: Callable[[Path, Callable[[], None]], tuple[str, ...]]
) -> None:
    path, journal = folder / "daemon.sock", folder / "jobs.sqlite"
    with InProcessDaemon(socket=path, journal=journal) as first:
        first.worker.hold("denoise")
        jobs: list[str] = []

        def begun() -> None:
            jobs.extend(wait_for_jobs(first, 1))
            first.shut_down()
            first.wait_until_ended()

        assert left(path, begun) == tuple(jobs)
    with InProcessDaemon(socket=path, journal=journal, return_timeout=0) as second, Client(second.socket) as client:
        ended = client.jobs_wait(jobs[0], 20)
        assert ended.error is not None
        assert (ended.job.state, ended.error.retryable) == ("cancelled", True)
        assert client.status().rendered == 0
        assert client.uncancelled == ()


def test_what_is_given_up_at_a_daemon_that_is_there_is_told_to_it_alone(folder: Path) -> None:
    with InProcessDaemon(socket=folder / "daemon.sock") as daemon, Client(daemon.socket) as client:
        daemon.worker.hold("denoise")
        stream = client.render_stream("a kiln", **SMALL)
        next(stream)
        stream.close()
        daemon.worker.hold()
        client.render("one", job_id="a", **SMALL)
        with pytest.raises(JobIdTaken):
            client.render("two", job_id="a", **SMALL)
        assert client.uncancelled == ()
