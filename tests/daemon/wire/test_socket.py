"""The socket's path and who owns it."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kilnmark.daemon.wire.socket import Listener, SocketHeld, UnfitSocketPath
from tests.daemon.conftest import Daemon


def test_the_socket_and_its_directory_are_for_its_owner_only(home: Path) -> None:
    with Listener(home / "run" / "daemon.sock"):
        assert stat.S_IMODE((home / "run" / "daemon.sock").stat().st_mode) == 0o600
        assert stat.S_IMODE((home / "run").stat().st_mode) == 0o700


def test_the_umask_is_left_alone_which_other_threads_have_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0)
    try:
        monkeypatch.setattr(os, "umask", None)
        with Listener(home / "daemon.sock"):
            assert stat.S_IMODE((home / "daemon.sock").stat().st_mode) == 0o600
    finally:
        monkeypatch.undo()
        assert os.umask(before) == 0


def test_a_second_listener_is_refused_and_the_first_keeps_its_path(home: Path) -> None:
    with Listener(home / "daemon.sock") as first:
        with pytest.raises(SocketHeld, match=str(os.getpid())):
            Listener(home / "daemon.sock")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(first.path))


def test_the_path_is_free_again_after_close(home: Path) -> None:
    Listener(home / "daemon.sock").close()
    assert not (home / "daemon.sock").exists()
    Listener(home / "daemon.sock").close()


def test_a_stale_socket_is_replaced(home: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(home / "daemon.sock"))
    with Listener(home / "daemon.sock") as listener, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(listener.path))


def test_a_living_socket_without_our_lock_is_left_alone(home: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(home / "daemon.sock"))
        other.listen()
        with pytest.raises(SocketHeld, match="does not hold its lock"):
            Listener(home / "daemon.sock")
        assert (home / "daemon.sock").is_socket()


def test_something_that_is_no_socket_is_left_alone(home: Path) -> None:
    (home / "daemon.sock").write_text("mine")
    with pytest.raises(UnfitSocketPath, match="no socket"):
        Listener(home / "daemon.sock")
    assert (home / "daemon.sock").read_text() == "mine"


def test_only_our_own_socket_is_unlinked(home: Path) -> None:
    listener = Listener(home / "daemon.sock")
    (home / "daemon.sock").unlink()
    (home / "daemon.sock").write_text("somebody else's")
    listener.close()
    assert (home / "daemon.sock").read_text() == "somebody else's"


def test_a_path_of_103_bytes_is_taken_and_one_more_is_not(home: Path) -> None:
    room = 103 - len(os.fsencode(home)) - 1
    Listener(home / ("x" * room)).close()
    with pytest.raises(UnfitSocketPath, match="103 bytes"):
        Listener(home / ("x" * (room + 1)))


def test_a_directory_that_others_can_enter_is_taken_and_the_socket_still_keeps_them_out(home: Path) -> None:
    home.chmod(0o755)
    with Listener(home / "daemon.sock"):
        assert stat.S_IMODE((home / "daemon.sock").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
def test_a_directory_that_others_can_write_to_is_refused(home: Path, mode: int) -> None:
    """One that is everybody's on purpose, as /tmp, is not told to be closed to them."""
    home.chmod(mode)
    with pytest.raises(UnfitSocketPath, match="choose a directory that only you can write to") as refused:
        Listener(home / "daemon.sock")
    assert ("chmod 700" in str(refused.value)) == (mode != 0o1777)
    assert list(home.iterdir()) == []


def test_a_directory_above_that_others_can_write_to_is_refused_unless_it_is_sticky(home: Path) -> None:
    (home / "open" / "run").mkdir(mode=0o700, parents=True)
    (home / "open").chmod(0o777)
    with pytest.raises(UnfitSocketPath, match=f"{home / 'open'} has mode 0777"):
        Listener(home / "open" / "run" / "daemon.sock")
    (home / "open").chmod(0o1777)
    Listener(home / "open" / "run" / "daemon.sock").close()


def test_every_directory_that_is_made_is_for_its_owner_only(home: Path) -> None:
    Listener(home / "a" / "b" / "daemon.sock").close()
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (home / "a", home / "a" / "b")] == [0o700] * 2


def test_a_directory_that_is_a_link_is_refused(home: Path) -> None:
    (home / "real").mkdir(mode=0o700)
    (home / "link").symlink_to(home / "real")
    with pytest.raises(UnfitSocketPath, match="link"):
        Listener(home / "link" / "daemon.sock")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a directory of another user")
def test_a_directory_of_another_user_is_refused(home: Path) -> None:
    (home / "theirs").mkdir(mode=0o700)
    os.chown(home / "theirs", 12345, -1)
    with pytest.raises(UnfitSocketPath, match="user 12345"):
        Listener(home / "theirs" / "daemon.sock")


@contextmanager
def open_to_everybody(daemon: Daemon) -> Iterator[None]:
    """The socket and its directory, as a careless owner might leave them."""
    daemon.home.chmod(0o711)
    daemon.socket.chmod(0o666)
    try:
        yield
    finally:
        daemon.socket.chmod(0o600)
        daemon.home.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_who_gets_through_to_the_socket_is_hung_up_on(painter: Daemon) -> None:
    script = (
        "import os, socket, sys; os.setuid(12345); c = socket.socket(socket.AF_UNIX); c.settimeout(20);"
        "c.connect(sys.argv[1]); sys.exit(len(c.recv(1)))"
    )
    with open_to_everybody(painter):
        done = subprocess.run([sys.executable, "-c", script, str(painter.socket)], timeout=60, check=False)
    assert done.returncode == 0
    assert "belongs to user 12345" in painter.log


def test_a_second_daemon_exits_75_and_the_first_goes_on(painter: Daemon) -> None:
    settings = {"socket": str(painter.socket), "output_dir": str(painter.pictures)}
    second = subprocess.run(
        [sys.executable, "-m", "kilnmark.daemon", json.dumps(settings)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 75
    assert second.stderr.count("\n") == 1
    assert str(painter.process.pid) in second.stderr
    with painter.wire() as wire:
        assert wire.result("ping")["pid"] == painter.process.pid


def test_a_process_that_outlives_us_does_not_keep_the_lock(home: Path) -> None:
    listener = Listener(home / "daemon.sock")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as child:
        listener.close()
        Listener(home / "daemon.sock").close()
        child.communicate(timeout=20)


def can_wait(path: Path, wanted: int) -> int:
    """How many of so many connections at once the socket lets wait until they are taken."""
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(wanted)]
    try:
        for each in waiting:
            each.setblocking(False)
        return sum(each.connect_ex(str(path)) == 0 for each in waiting)
    finally:
        for each in waiting:
            each.close()


needs_long_backlog = pytest.mark.skipif(
    sys.platform != "linux" or int(Path("/proc/sys/net/core/somaxconn").read_text()) < 1000,
    reason="this system lets fewer than 1,000 wait",
)


@needs_long_backlog
def test_a_burst_of_a_thousand_connections_waits_to_be_taken(home: Path) -> None:
    with Listener(home / "daemon.sock") as listener:
        assert can_wait(listener.path, 1000) == 1000


@needs_long_backlog
def test_a_burst_of_a_thousand_connections_waits_for_a_daemon_that_is_busy(painter: Daemon) -> None:
    os.kill(painter.process.pid, signal.SIGSTOP)
    try:
        assert can_wait(painter.socket, 1000) == 1000
    finally:
        os.kill(painter.process.pid, signal.SIGCONT)
