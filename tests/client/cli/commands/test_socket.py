"""The `socket` command, beside a daemon and where there is none."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec

from kilnmark.client.cli.commands.socket import SocketDocument
from kilnmark.protocol.exits import ExitCode
from tests.client.conftest import FakeDaemon

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def test_the_socket_of_a_daemon_is_shown_with_its_reason(run: Run, daemon: FakeDaemon) -> None:
    shown = run("socket")
    assert shown.returncode == ExitCode.DONE
    assert shown.stdout.splitlines()[0] == f"* {daemon.socket}"
    assert shown.stdout.splitlines()[1].endswith("says so: a daemon listens")
    assert run("socket", "--path").stdout == f"{daemon.socket}\n"


def test_where_there_is_none_each_place_says_why_and_the_exit_code_too(run: Run, tmp_path: Path) -> None:
    named = str(tmp_path / "none.sock")
    shown = run("socket", "--socket", named, "--json")
    document = msgspec.json.decode(shown.stdout, type=SocketDocument)
    assert (shown.returncode, document.socket, document.served) == (ExitCode.NO_DAEMON, named, False)
    assert [(place.why, place.problem) for place in document.places] == [("--socket says so", "there is no socket")]
    assert "would listen at" in run("socket", "--socket", named).stdout
