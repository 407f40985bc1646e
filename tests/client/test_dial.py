"""Connecting to a socket that many connect to at once."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from kilnmark.client import AsyncClient, Client, ConnectTimeout, DaemonUnavailable, UntrustedSocket
from kilnmark.client.dial import is_served, pause_before, try_to_connect
from kilnmark.protocol.wire import jsonrpc
from kilnmark.protocol.wire.address import LOCK_SUFFIX
from kilnmark.protocol.wire.replies import PingResult
from tests.client.conftest import full_backlog

BURST = 1000
STRANGER = 12345
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
PONG = PingResult(version="1", pid=os.getpid(), uptime_s=0.0)


async def answer_pings(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while line := await reader.readline():
            writer.write(jsonrpc.result(str(msgspec.json.decode(line)["id"]).encode(), PONG) + b"\n")
            await writer.drain()
    writer.close()


@contextmanager
def answering(folder: Path, *, backlog: int) -> Iterator[Path]:
    """A peer, on a thread of its own, that answers pings and lets so few wait."""
    path = folder / "tiny.sock"
    ready, loop, over = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with await asyncio.start_unix_server(answer_pings, path, backlog=backlog):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield path
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(60)
        loop.close()


def test_a_thousand_tasks_at_once_are_all_answered_beyond_a_backlog_of_one(folder: Path) -> None:
    async def ping(path: Path) -> int:
        async with AsyncClient(path, connect_timeout=60.0, reply_timeout=60.0) as client:
            return (await client.ping()).pid

    async def burst(path: Path) -> list[int]:
        return await asyncio.gather(*(ping(path) for _ in range(BURST)))

    with answering(folder, backlog=1) as path:
        assert asyncio.run(burst(path)) == [os.getpid()] * BURST


def test_a_thousand_blocking_callers_are_all_answered_beyond_a_backlog_of_one(folder: Path) -> None:
    def ping(path: Path) -> int:
        with Client(path, connect_timeout=60.0, reply_timeout=60.0) as client:
            return client.ping().pid

    with answering(folder, backlog=1) as path, ThreadPoolExecutor(100) as pool:
        assert list(pool.map(ping, [path] * BURST)) == [os.getpid()] * BURST


@pytest.mark.parametrize("attempt", [2, 3, 10, 10_000])
def test_callers_come_back_apart_and_within_a_bound(attempt: int) -> None:
    bound = min(0.02 * 2 ** min(attempt - 2, 20), 0.5)
    pauses = [pause_before(attempt, None) for _ in range(200)]
    assert 0 <= min(pauses) < bound / 4
    assert bound * 3 / 4 < max(pauses) <= bound
    assert len(set(pauses)) > 100


def test_no_pause_is_longer_than_what_is_left() -> None:
    assert max(pause_before(10, 0.001) for _ in range(100)) <= 0.001


@needs_root
@pytest.mark.parametrize("what", ["folder", "socket"])
def test_what_belongs_to_another_user_is_not_even_connected_to(folder: Path, what: str) -> None:
    path = folder / "squatted" / "daemon.sock"
    path.parent.mkdir(mode=0o755)
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(path))
        theirs.listen()
        theirs.setblocking(False)
        os.chown(path.parent if what == "folder" else path, STRANGER, -1)
        with Client(path) as client, pytest.raises(UntrustedSocket, match=f"belongs to user {STRANGER}") as caught:
            client.ping()
        with pytest.raises(BlockingIOError):
            theirs.accept()
    assert not caught.value.retryable
    assert "--socket" in str(caught.value)


LISTEN = (
    "import os, socket; os.setuid({}); s = socket.socket(fileno=0); s.listen();"
    "print(flush=True); print(s.accept()[0].recv(9))"
)


@needs_root
def test_another_user_who_listens_at_our_own_path_is_sent_nothing(folder: Path) -> None:
    path = folder / "daemon.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        command = [sys.executable, "-IS", "-c", LISTEN.format(STRANGER)]
        with subprocess.Popen(command, stdin=bound.fileno(), stdout=subprocess.PIPE) as impostor:
            assert impostor.stdout is not None
            impostor.stdout.readline()
            with Client(path) as client, pytest.raises(UntrustedSocket, match=f"user {STRANGER} listens there"):
                client.ping()
            assert impostor.stdout.read() == b"b''\n"


def served_by(folder: Path, process: str) -> Path:
    """A socket that refuses, as one whose backlog is full does on macOS, and the lock file of its daemon."""
    path = folder / "refusing.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    Path(f"{path}{LOCK_SUFFIX}").write_text(process)
    return path


def test_on_macos_a_refusal_by_a_living_daemon_is_a_full_backlog(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    path = served_by(folder, f"{os.getpid()}\n")
    assert try_to_connect(str(path)) is None
    with Client(path, connect_timeout=0.1) as client, pytest.raises(ConnectTimeout):
        client.ping()


@pytest.mark.parametrize("process", ["", "no number", str(2**22 + 1), "9" * 40])
def test_on_macos_a_refusal_without_a_living_daemon_is_a_socket_left_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch, process: str
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    path = served_by(folder, process)
    assert not is_served(str(path))
    with pytest.raises(DaemonUnavailable, match="left over"):
        try_to_connect(str(path))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full backlog refuses")
def test_on_linux_a_refusal_is_a_socket_left_over_whoever_lives(folder: Path) -> None:
    with pytest.raises(DaemonUnavailable, match="left over"):
        try_to_connect(str(served_by(folder, str(os.getpid()))))
    with full_backlog(folder) as path:
        assert try_to_connect(str(path)) is None
