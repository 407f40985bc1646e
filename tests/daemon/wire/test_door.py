"""Clients can come in, whatever happens to the socket's file and to the process's descriptors."""

import asyncio
import os
import resource
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kilnmark.daemon.in_process import InProcessDaemon
from kilnmark.daemon.wire import door
from kilnmark.daemon.wire.socket import Listener, SocketHeld, UnfitSocketPath
from tests.daemon.conftest import PATIENCE, Wire

LOCK = "daemon.sock.lock"


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "LOOK_INTERVAL", 0.01)


@contextmanager
def served(home: Path) -> Iterator[InProcessDaemon]:
    with InProcessDaemon(socket=home / "daemon.sock") as daemon:
        yield daemon


def is_answered(path: Path) -> bool:
    """Whether a new client is, once there is a socket that listens, which clients wait for in the same way."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with Wire(path) as wire:
                return "pid" in wire.result("ping")
        except (FileNotFoundError, ConnectionRefusedError):
            assert time.monotonic() < deadline


def gone(home: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (home / name).unlink()


@contextmanager
def ended_by(kind: type[Exception], words: str) -> Iterator[None]:
    with pytest.raises(kind, match=words):
        yield


@contextmanager
def held_still(daemon: InProcessDaemon) -> Iterator[None]:
    """The daemon's loop does nothing meanwhile."""
    begun, over = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        over.wait(PATIENCE)

    loop = daemon._loop
    assert loop is not None
    loop.call_soon_threadsafe(wait)
    assert begun.wait(PATIENCE)
    yield
    over.set()


@pytest.mark.parametrize("names", [("daemon.sock",), ("daemon.sock", LOCK)])
def test_a_socket_that_was_removed_is_bound_again(
    home: Path, names: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with served(home) as daemon, Wire(daemon.socket) as early:
        gone(home, names)
        assert is_answered(daemon.socket)
        assert "pid" in early.result("ping")
        with pytest.raises(SocketHeld, match=str(os.getpid())):
            Listener(daemon.socket)
    assert "its socket was removed, and is there again" in caplog.text
    assert not daemon.socket.exists()


def test_a_folder_that_was_removed_is_made_again(home: Path) -> None:
    (home / "run").mkdir(mode=0o700)
    with InProcessDaemon(socket=home / "run" / "daemon.sock") as daemon:
        shutil.rmtree(home / "run")
        assert is_answered(daemon.socket)
        assert (home / "run").stat().st_mode & 0o777 == 0o700


def test_a_lock_that_was_removed_is_taken_again(home: Path) -> None:
    with Listener(home / "daemon.sock") as listener:
        (home / LOCK).unlink()
        assert not listener.is_intact()
        assert listener.restore() == "its lock was removed"
        assert listener.is_intact()
        with pytest.raises(SocketHeld, match=str(os.getpid())):
            Listener(home / "daemon.sock")


def test_a_daemon_whose_path_another_one_took_ends_and_says_so(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with ended_by(SocketHeld, "another daemon"), served(home) as daemon:
        with held_still(daemon):
            gone(home, ("daemon.sock", LOCK))
            other = Listener(home / "daemon.sock")
        with other:
            daemon.wait_until_ended()
    assert "nobody can reach this daemon any more" in caplog.text


def test_what_was_put_in_the_place_of_the_socket_is_left_alone_and_ends_the_daemon(home: Path) -> None:
    with ended_by(UnfitSocketPath, "no socket"), served(home) as daemon:
        (home / "mine").write_text("mine")
        (home / "mine").replace(daemon.socket)
        daemon.wait_until_ended()
    assert daemon.socket.read_text() == "mine"


class Echo(asyncio.Protocol):
    """Says one byte to whoever comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"!")


@contextmanager
def descriptors_exhausted(spare: int) -> Iterator[Callable[[], None]]:
    """So few can still be opened by this process; yields what lets them be had again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    taken: list[int] = []
    with suppress(OSError):
        while True:
            taken.append(os.dup(0))
    for _ in range(spare):
        os.close(taken.pop())

    def relieve() -> None:
        while taken:
            os.close(taken.pop())

    try:
        yield relieve
    finally:
        relieve()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def greeted(client: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 1), 10)


def test_clients_still_come_in_when_descriptors_run_out_and_the_rest_wait_until_there_are_some(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(door, "PAUSE", 0.01)

    async def scene(listener: Listener) -> None:
        entrance = door.Door(listener, Echo, lambda error: pytest.fail(str(error)))
        clients = [socket.socket(socket.AF_UNIX) for _ in range(door.RESERVE + 2)]
        for client in clients:
            client.setblocking(False)
        entrance.open()
        with descriptors_exhausted(spare=0) as relieve:
            for client in clients:
                client.connect(str(listener.path))
            assert [await greeted(client) for client in clients[: door.RESERVE]] == [b"!"] * door.RESERVE
            with pytest.raises(BlockingIOError):
                clients[-1].recv(1)
            relieve()
            assert [await greeted(client) for client in clients[door.RESERVE :]] == [b"!"] * 2
        for client in clients:
            client.close()
        entrance.close()

    with Listener(home / "daemon.sock") as listener:
        asyncio.run(scene(listener))
    assert caplog.text.count("no descriptors are left") == 1
