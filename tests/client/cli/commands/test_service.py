"""`kilnmark service`, with a manager's programs that note what they are told."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.client.cli.service.recording import Recorder
from tests.client.here import run_here

Run = Callable[..., subprocess.CompletedProcess[str]]

ABSENT = "LoadState=not-found\nActiveState=inactive\nSubState=dead\nMainPID=0\n"
RUNNING = (
    "LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=77\nNRestarts=2\nStatusText=ready; 1 under way\n"
)
WAITING = "LoadState=loaded\nActiveState=inactive\nSubState=dead\nMainPID=0\nNRestarts=0\nStatusText=\n"


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    recorder = Recorder(tmp_path / "bin", "systemctl", "journalctl", "loginctl")
    shows(recorder, ABSENT, ABSENT)
    return recorder


def shows(recorder: Recorder, service: str, sock: str) -> None:
    recorder.answer("systemctl --user show kilnmark.service", text=service)
    recorder.answer("systemctl --user show kilnmark.socket", text=sock)


@pytest.fixture
def service(tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `kilnmark service ...` in a home of its own, as on Linux."""
    for name in os.environ:
        if name.startswith(("KILNMARK_", "XDG_", "HF_", "OTEL_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr("sys.platform", "linux")

    def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return run_here("service", *arguments, env={"HOME": str(tmp_path), "PATH": recorder.path, **env})

    return run


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_installing_tells_what_was_carried_and_what_was_not(tmp_path: Path, service: Run) -> None:
    secret = {"HF_TOKEN": "hf_secret", "OTEL_EXPORTER_OTLP_HEADERS": "key=secret"}
    done = service("install", "--queue-limit", "9", KILNMARK_SOCKET=f"{tmp_path}/d.sock", HF_HOME="/models", **secret)
    assert (done.returncode, done.stderr) == (0, "")
    rows = {tuple(line.split(None, 1)) for line in done.stdout.splitlines()}
    assert {
        ("written", f"{tmp_path}/.config/systemd/user/kilnmark.service"),
        ("setting", "--queue-limit, from --queue-limit"),
        ("setting", "--socket, from $KILNMARK_SOCKET"),
        ("variable", "HF_HOME"),
    } <= rows
    assert "hf auth login" in done.stdout
    assert "OTEL_EXPORTER_OTLP_HEADERS" in done.stdout
    assert "secret" not in done.stdout.replace("hold a secret", "")
    again = told(service("install", "--queue-limit", "9", "--json", KILNMARK_SOCKET=f"{tmp_path}/d.sock"))
    assert [file["state"] for file in again["files"]] == ["written anew", "unchanged"]
    assert again["settings"] == {"--socket": "$KILNMARK_SOCKET", "--queue-limit": "--queue-limit"}


def test_printing_changes_nothing_and_wants_no_manager(tmp_path: Path, service: Run, recorder: Recorder) -> None:
    done = service("install", "--print", "--variant", "schnell", PATH=str(tmp_path))
    assert done.returncode == 0
    assert "ListenStream=" in done.stdout
    assert "--variant schnell" in done.stdout
    assert done.stdout.endswith("systemctl --user start kilnmark.socket kilnmark.service\n")
    document = told(service("install", "--print", "--json"))
    assert [Path(file["path"]).name for file in document["files"]] == ["kilnmark.service", "kilnmark.socket"]
    assert told(service("uninstall", "--print", "--json"))["commands"][0].startswith("systemctl --user stop")
    unit = tmp_path / ".config/systemd/user/kilnmark.service"
    assert f"# {unit} would be removed\nsystemctl" in service("uninstall", "--print").stdout.replace(
        f"# {unit.with_suffix('.socket')} would be removed\n", ""
    )
    assert told(service("restart", "--print", "--json"))["commands"][-1] == "systemctl --user restart kilnmark.service"
    assert service("status", "--print").stdout == "systemctl --user status kilnmark.service kilnmark.socket\n"
    assert service("logs", "--print").stdout.startswith("journalctl --lines=50 ")
    assert not any(" start" in line or " stop" in line for line in recorder.taken())
    assert not (tmp_path / ".config").exists()


def test_a_wrong_setting_is_told_before_anything_is_written(tmp_path: Path, service: Run, recorder: Recorder) -> None:
    done = service("install", "--queue-limit", "0", "--json")
    assert (done.returncode, told(done)["error"]["kind"]) == (2, "usage")
    assert (recorder.taken(), (tmp_path / ".config").exists()) == ([], False)


def test_status_tells_how_it_is_and_ends_with_69_where_nothing_runs(service: Run, recorder: Recorder) -> None:
    done = service("status")
    assert done.returncode == 69
    assert "not installed, by systemd" in done.stdout
    assert "`kilnmark service install` writes it" in done.stdout
    service("install")
    shows(recorder, RUNNING, RUNNING)
    done = service("status")
    assert done.returncode == 0
    for words in ("active (running), by systemd", "process 77", "ready; 1 under way", "as it was written"):
        assert words in done.stdout
    shows(recorder, WAITING, RUNNING)
    done = service("status", "--json")
    assert (done.returncode, told(done)["waits"], told(done)["running"]) == (69, True, False)
    assert "a client that comes starts it" in service("status").stdout


def test_logs_are_the_managers_with_our_own_streams(service: Run, recorder: Recorder) -> None:
    assert service("logs").returncode == 1
    service("install")
    recorder.answer("journalctl --lines=2", text="one\ntwo\n")
    assert told(service("logs", "--lines", "2", "--json"))["lines"] == ["one", "two"]
    assert service("logs", "--follow").returncode == 0
    assert any("--follow" in line for line in recorder.taken())
    recorder.answer("journalctl --lines=3", status=1, error="No such file")
    assert service("logs", "--lines", "3").returncode == 1
    assert "No such file" in told(service("logs", "--lines", "3", "--json"))["error"]["message"]
    assert service("logs", "--follow", "--json").returncode == 2


def test_removing_and_restarting_tell_what_they_did(tmp_path: Path, service: Run, recorder: Recorder) -> None:
    assert service("uninstall").stdout == "the service is not installed\n"
    assert service("restart").returncode == 1
    service("install")
    shows(recorder, RUNNING, RUNNING)
    assert told(service("restart", "--json"))["pid"] == 77
    assert service("uninstall").stdout.splitlines() == [
        f"removed {tmp_path}/.config/systemd/user/kilnmark.service",
        f"removed {tmp_path}/.config/systemd/user/kilnmark.socket",
    ]


@pytest.mark.parametrize("command", ["install", "uninstall", "status", "restart", "logs"])
def test_without_a_manager_it_says_what_else_there_is(tmp_path: Path, service: Run, command: str) -> None:
    done = service(command, "--json", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "supervisord" in told(done)["error"]["message"]


def test_a_mac_is_served_by_launchd(
    tmp_path: Path, service: Run, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    Recorder(recorder.folder, "launchctl", "tail")
    recorder.answer("launchctl print gui/0/kilnmark.daemon", status=113)
    recorder.answer(f"launchctl print gui/{os.getuid()}/kilnmark.daemon", status=113)
    document = told(service("install", "--json", TMPDIR=str(tmp_path)))
    assert document["manager"] == "launchd"
    assert document["socket"] == f"{tmp_path}/kilnmark/daemon.sock"
    assert Path(document["files"][0]["path"]) == tmp_path / "Library/LaunchAgents/kilnmark.daemon.plist"
    assert service("logs", "--lines", "7").returncode == 0
    assert recorder.taken()[-1] == f"tail -n 7 {tmp_path}/Library/Logs/kilnmark/daemon.log"
