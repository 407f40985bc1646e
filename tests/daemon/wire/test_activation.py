"""A socket that a service manager bound before the daemon was there."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.daemon.wire import activation
from kilnmark.daemon.wire.activation import handed_over
from kilnmark.daemon.wire.socket import Listener
from tests.daemon.conftest import Wire


@pytest.fixture
def bound(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """One that was handed to this process, and that its manager holds on to."""
    with socket.socket(socket.AF_UNIX) as manager:
        manager.bind(str(home / "daemon.sock"))
        manager.listen()
        monkeypatch.setattr(activation, "FIRST_HANDLE", os.dup(manager.fileno()))
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", "1")
        yield manager


def test_it_is_taken_over_and_left_to_its_manager(home: Path, bound: socket.socket) -> None:
    with Listener(home / "daemon.sock") as listener, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(home / "daemon.sock"))
        listener.socket.accept()[0].close()
        assert listener.is_intact()
        assert not listener.socket.get_inheritable()
    assert "LISTEN_PID" not in os.environ
    assert (home / "daemon.sock").is_socket()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(home / "daemon.sock"))
        bound.accept()[0].close()


@pytest.mark.usefixtures("bound")
def test_one_of_another_path_is_left_alone(home: Path) -> None:
    assert handed_over(home / "other.sock") is None
    os.close(activation.FIRST_HANDLE)


@pytest.mark.usefixtures("bound")
@pytest.mark.parametrize(
    ("name", "value"), [("LISTEN_PID", "1"), ("LISTEN_FDS", "x"), ("LISTEN_PID", ""), ("LISTEN_FDS", "0")]
)
def test_what_is_meant_for_another_process_or_says_nothing_is_left_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert handed_over(home / "daemon.sock") is None
    os.close(activation.FIRST_HANDLE)


START = """
import os, sys
handle = int(sys.argv[1])
os.dup2(handle, 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, "-m", "kilnmark.daemon", sys.argv[2]])
"""


def test_a_client_that_came_before_the_daemon_is_answered_and_the_socket_outlives_it(home: Path) -> None:
    path = home / "daemon.sock"
    settings = json.dumps({"socket": str(path), "output_dir": str(home / "pictures")})
    with socket.socket(socket.AF_UNIX) as manager:
        manager.bind(str(path))
        manager.listen()
        with Wire(path) as early:
            early.send("ping")
            command = [sys.executable, "-c", START, str(manager.fileno()), settings]
            with subprocess.Popen(command, pass_fds=[manager.fileno()], stderr=subprocess.DEVNULL) as daemon:
                assert early.read()["result"]["pid"] == daemon.pid
                daemon.send_signal(signal.SIGTERM)
                daemon.wait(60)
        assert path.is_socket()
