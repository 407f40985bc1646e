"""The service as a real systemd has it: begun, asked after, lost and begun again, stopped, woken, removed."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client.cli.service.private_systemd import PATIENCE, PrivateSystemd, reason_against
from tests.client.here import KILNMARK

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's"),
]

ODD = 'pictures "of" %h $HOME ü'


@pytest.fixture(scope="module")
def systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateSystemd]:
    amiss = reason_against()
    assert amiss is None, f"no systemd of our own: {amiss}"
    with PrivateSystemd(tmp_path_factory.mktemp("home")) as systemd:
        yield systemd


def document(systemd: PrivateSystemd, *arguments: str, ends: int = 0) -> dict[str, Any]:
    done = systemd.run(KILNMARK, *arguments, "--json")
    assert done.returncode == ends, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline


def test_the_whole_life_of_a_service(systemd: PrivateSystemd) -> None:
    installs(systemd)
    is_begun_again_when_it_is_killed(systemd)
    reads_its_settings_again(systemd)
    is_restarted_with_its_socket_kept(systemd)
    is_woken_by_a_client_after_a_stop(systemd)
    tells_its_log(systemd)
    is_ended_and_begun_again_when_its_loop_stands_still(systemd)
    keeps_what_was_edited_and_leaves_nothing_in_the_end(systemd)


def installs(systemd: PrivateSystemd) -> None:
    """Systemd waits until the daemon says that it is ready, and gives it the words of its command as they are."""
    told = document(systemd, "service", "install", "--output-dir", ODD, "--drain-timeout", "0")
    assert [file["state"] for file in told["files"]] == ["written", "written"]
    status = document(systemd, "service", "status")
    assert (status["running"], status["state"]) == (True, "active (running)")
    daemon = document(systemd, "status")
    assert (daemon["pid"], daemon["output_dir"]) == (status["pid"], f"{systemd.home}/{ODD}")
    assert daemon["lora_roots"][0] == f"{systemd.home}/.local/share/kilnmark"
    again = document(systemd, "service", "install", "--output-dir", ODD, "--drain-timeout", "0")
    assert [file["state"] for file in again["files"]] == ["unchanged", "unchanged"]
    assert document(systemd, "ping")["pid"] == status["pid"]
    assert systemd.run("systemctl", "--user", "is-enabled", "kilnmark.service").stdout == "enabled\n"
    until(lambda: systemd.shown("StatusText") == "ready; 0 under way; 0 waiting")
    assert systemd.shown("WatchdogUSec") == "1min"
    until(lambda: systemd.shown("WatchdogTimestampMonotonic") not in ("", "0"))


def is_begun_again_when_it_is_killed(systemd: PrivateSystemd) -> None:
    pid = int(systemd.shown("MainPID"))
    os.kill(pid, signal.SIGKILL)
    assert document(systemd, "ping")["pid"] != pid
    until(lambda: document(systemd, "service", "status")["restarts"] == 1)


def reads_its_settings_again(systemd: PrivateSystemd) -> None:
    until(lambda: systemd.shown("ActiveState") == "active")
    assert systemd.run("systemctl", "--user", "reload", "kilnmark.service").returncode == 0
    until(lambda: systemd.shown("ActiveState") == "active")


def is_restarted_with_its_socket_kept(systemd: PrivateSystemd) -> None:
    before = document(systemd, "ping")["pid"]
    socket = Path("/proc", str(before), "root", "run/user/0/kilnmark/daemon.sock").stat().st_ino
    after = document(systemd, "service", "restart")["pid"]
    assert after != before
    assert Path("/proc", str(after), "root", "run/user/0/kilnmark/daemon.sock").stat().st_ino == socket


def is_woken_by_a_client_after_a_stop(systemd: PrivateSystemd) -> None:
    assert systemd.run(KILNMARK, "stop", "--timeout", "20").stdout == "stopped\n"
    until(lambda: systemd.shown("ActiveState") == "inactive")
    assert document(systemd, "service", "status", ends=69)["waits"]
    assert document(systemd, "ping")["pid"] == int(systemd.shown("MainPID"))


def tells_its_log(systemd: PrivateSystemd) -> None:
    until(lambda: any("listening on" in line for line in document(systemd, "service", "logs")["lines"]))
    assert len(document(systemd, "service", "logs", "--lines", "2")["lines"]) == 2


def is_ended_and_begun_again_when_its_loop_stands_still(systemd: PrivateSystemd) -> None:
    drop_in = systemd.home / ".config/systemd/user/kilnmark.service.d/watchdog.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nWatchdogSec=5\n")
    systemd.run("systemctl", "--user", "daemon-reload")
    pid = document(systemd, "service", "restart")["pid"]
    assert str(drop_in.parent) in document(systemd, "service", "status")["notes"][0]
    document(systemd, "warm-up")
    assert int(systemd.shown("MainPID")) == pid
    os.kill(pid, signal.SIGSTOP)
    assert document(systemd, "ping")["pid"] != pid
    drop_in.unlink()
    drop_in.parent.rmdir()
    systemd.run("systemctl", "--user", "daemon-reload")


def keeps_what_was_edited_and_leaves_nothing_in_the_end(systemd: PrivateSystemd) -> None:
    unit = systemd.home / ".config/systemd/user/kilnmark.service"
    unit.write_text(unit.read_text() + "# mine\n")
    for command in ("install", "uninstall"):
        assert "was edited" in document(systemd, "service", command, ends=1)["error"]["message"]
    assert [file["state"] for file in document(systemd, "service", "status")["files"]] == ["edited", "ours"]
    document(systemd, "service", "uninstall", "--force")
    assert document(systemd, "service", "status", ends=69)["state"] == "not installed"
    assert [path for path in unit.parent.rglob("*") if path.is_symlink() or path.is_file()] == []
    assert document(systemd, "service", "uninstall")["files"] == []
