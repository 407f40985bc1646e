"""A client and a daemon whose environments differ: where they meet, and what is told where they do not."""

import os
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from click.testing import CliRunner

from kilnmark.client import Client, DaemonUnavailable, dial
from kilnmark.client.cli.commands.asking import stop
from kilnmark.client.cli.commands.serve import serve
from kilnmark.client.dial import Places, looked_at, socket_path
from kilnmark.client.errors import UntrustedSocket
from kilnmark.protocol.wire.address import SocketPlace
from tests.daemon.conftest import FakeDaemon


@pytest.fixture
def meant(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes clients look at some paths instead of those of this machine."""

    def look_at(*paths: str) -> None:
        places = tuple(SocketPlace(PurePosixPath(path), "a test says so") for path in paths)
        monkeypatch.setattr(dial, "socket_places", lambda *_, **__: places)

    return look_at


def test_a_client_finds_the_daemon_at_the_second_place_and_says_where(meant: Any, tmp_path: Path) -> None:
    with FakeDaemon() as daemon:
        meant(str(tmp_path / "none.sock"), str(daemon.socket))
        with Client() as client:
            assert client.socket == str(tmp_path / "none.sock")
            assert client.ping().pid == os.getpid()
            assert client.socket == str(daemon.socket)
            assert [each.error for each in client.render_many([])] == []
        assert socket_path(None) == str(daemon.socket)


def test_a_daemon_at_the_second_place_is_told_to_leave_and_seen_to_have_left(meant: Any, tmp_path: Path) -> None:
    with FakeDaemon() as daemon:
        meant(str(tmp_path / "none.sock"), str(daemon.socket))
        done = CliRunner().invoke(stop, ["--timeout", "30"])
        assert (done.exit_code, done.output) == (0, "stopped\n")


def test_a_client_that_was_made_before_its_daemon_finds_it_too(meant: Any, tmp_path: Path) -> None:
    meant(str(tmp_path / "none.sock"), str(tmp_path / "neither.sock"))
    with Client(connect_timeout=1) as client:
        with pytest.raises(DaemonUnavailable):
            client.ping()
        with FakeDaemon() as daemon:
            (tmp_path / "neither.sock").symlink_to(str(daemon.socket))
            assert client.ping().pid == os.getpid()


def test_where_nobody_listens_each_place_is_told_with_its_reason(meant: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    first, second, third = (str(tmp_path / name) for name in ("a.sock", "open/b.sock", "c.sock"))
    meant(first, second, third)
    with pytest.raises(DaemonUnavailable) as caught:
        Places(None).try_to_connect()
    assert [path for path, _ in caught.value.others] == [second, third]
    assert str(caught.value).startswith(f"no daemon at {first}: there is no socket, nor at {second} (")
    assert "others may write to it" in str(caught.value)
    assert f"), nor at {third}; start one" in str(caught.value)


def test_the_first_place_is_never_passed_over_for_being_another_users(meant: Any, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with FakeDaemon() as daemon:
        meant(str(tmp_path / "open" / "a.sock"), str(daemon.socket))
        with pytest.raises(UntrustedSocket):
            Places(None).try_to_connect()


def test_a_socket_that_was_named_is_the_only_one(meant: Any, tmp_path: Path) -> None:
    with FakeDaemon() as daemon:
        meant(str(daemon.socket))
        with pytest.raises(DaemonUnavailable) as caught:
            Places(tmp_path / "own.sock").try_to_connect()
        assert caught.value.others == ()
        assert looked_at(str(daemon.socket)) is None


def test_a_second_daemon_is_told_of_the_one_that_clients_may_find_instead(
    meant: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[object] = []
    monkeypatch.setattr("os.execv", lambda *command: begun.append(command))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("KILNMARK_SOCKET", raising=False)
    with FakeDaemon() as daemon:
        meant(str(tmp_path / "kilnmark" / "daemon.sock"), str(daemon.socket))
        told = CliRunner().invoke(serve, [])
        named = CliRunner().invoke(serve, ["--socket", str(tmp_path / "own.sock")])
    assert f"a daemon of yours listens at {daemon.socket} already" in told.stderr
    assert "note:" not in named.stderr
    assert len(begun) == 2
