"""What is run, in which order: by programs of the managers' names that note it."""

import plistlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kilnmark.client.cli.service.errors import (
    FileIsTheirs,
    ManagerFailed,
    NoServiceManager,
    ServiceNotInstalled,
    SettingsRefused,
    SocketInUse,
    SocketUnfit,
)
from kilnmark.client.cli.service.launchd import Launchd
from kilnmark.client.cli.service.manager import Manager
from kilnmark.client.cli.service.plan import ServicePlan
from kilnmark.client.cli.service.service import install, manager_of, restart, uninstall
from kilnmark.client.cli.service.systemd import Systemd
from tests.client.cli.service.conftest import Planned, surroundings
from tests.client.cli.service.recording import Recorder

ABSENT = "LoadState=not-found\nActiveState=inactive\nSubState=dead\nMainPID=0\n"
RUNNING = "LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=77\nNRestarts=2\nStatusText=ready; a=b\n"
PRINTED = """gui/501/kilnmark.daemon = {
\tactive count = 1
\tstate = running

\tpid = 77
\truns = 3
\tsockets = {
\t\tstate = x
\t}
}
"""
SYSTEMCTL = "systemctl --user"
UNITS = "kilnmark.service kilnmark.socket"


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder(tmp_path / "bin", "systemctl", "loginctl", "launchctl")
    recorder.answer(f"{SYSTEMCTL} show kilnmark.service", text=ABSENT)
    for domain in ("gui", "user"):
        recorder.answer(f"launchctl print {domain}/501/kilnmark.daemon", status=113, error="Could not find service")
    monkeypatch.setenv("PATH", recorder.path)
    return recorder


@pytest.fixture
def systemd(tmp_path: Path, recorder: Recorder) -> Manager:
    assert recorder
    return Systemd({}, home=tmp_path, user="ada")


@pytest.fixture
def launchd(tmp_path: Path, recorder: Recorder) -> Manager:
    assert recorder
    return Launchd(home=tmp_path, uid=501)


@pytest.fixture
def plan(planned: Planned) -> ServicePlan:
    return planned({}, socket="d.sock", drain_timeout="0")


def changes(recorder: Recorder) -> list[str]:
    """What was run that changes something."""
    asking = ("show", "print ", "show-user")
    taken = [line.removeprefix("launchctl ").removeprefix(f"{SYSTEMCTL} ") for line in recorder.taken()]
    return [line for line in taken if not line.startswith((*asking, "loginctl"))]


def became(placed: object) -> list[str]:
    assert isinstance(placed, list)
    return [each.became for each in placed]


def test_systemd_takes_both_units_in_and_begins_the_socket_first(
    systemd: Manager, plan: ServicePlan, recorder: Recorder
) -> None:
    assert became(install(systemd, plan, force=False)) == ["written", "written"]
    assert changes(recorder) == [
        "daemon-reload", f"reset-failed {UNITS}", f"enable {UNITS}", "start kilnmark.socket kilnmark.service",
    ]  # fmt: skip
    assert plan.folder.stat().st_mode & 0o777 == 0o700


def test_done_again_a_daemon_that_runs_is_left_alone_and_a_changed_one_makes_room(
    systemd: Manager, plan: ServicePlan, planned: Planned, recorder: Recorder
) -> None:
    install(systemd, plan, force=False)
    recorder.answer(f"{SYSTEMCTL} show kilnmark.service", text=RUNNING)
    changes(recorder)
    assert became(install(systemd, plan, force=False)) == ["unchanged", "unchanged"]
    assert f"stop {UNITS}" not in changes(recorder)
    assert became(install(systemd, planned({}, socket="e.sock"), force=False)) == ["written anew", "written anew"]
    assert changes(recorder)[:2] == ["daemon-reload", f"stop {UNITS}"]


def test_a_unit_that_was_edited_or_is_not_ours_stays_unless_it_is_forced(
    systemd: Manager, plan: ServicePlan, recorder: Recorder
) -> None:
    install(systemd, plan, force=False)
    service, sock = systemd.paths
    service.write_text(service.read_text() + "# mine\n")
    sock.unlink()
    sock.symlink_to("/dev/null")
    changes(recorder)
    with pytest.raises(FileIsTheirs, match="edited since"):
        install(systemd, plan, force=False)
    with pytest.raises(FileIsTheirs, match="edited since"):
        uninstall(systemd, force=False)
    assert (changes(recorder), service.read_text().endswith("# mine\n")) == ([], True)
    assert became(install(systemd, plan, force=True)) == ["written anew", "written anew"]
    assert not sock.is_symlink()


def test_uninstalling_stops_removes_and_forgets_and_done_again_is_nothing(
    systemd: Manager, plan: ServicePlan, recorder: Recorder
) -> None:
    install(systemd, plan, force=False)
    changes(recorder)
    assert became(uninstall(systemd, force=False)) == ["removed", "removed"]
    assert changes(recorder) == [
        "stop kilnmark.service", "stop kilnmark.socket", f"disable {UNITS}", "daemon-reload", f"reset-failed {UNITS}",
    ]  # fmt: skip
    assert not any(path.exists() for path in systemd.paths)
    assert (uninstall(systemd, force=False), recorder.taken()) == ([], [])
    assert plan.folder.is_dir()


def test_what_is_left_of_a_service_can_be_uninstalled(systemd: Manager, plan: ServicePlan, recorder: Recorder) -> None:
    service, sock = systemd.paths
    install(systemd, plan, force=False)
    link = sock.parent / "sockets.target.wants" / sock.name
    link.parent.mkdir()
    link.symlink_to(sock)
    sock.unlink()
    recorder.answer(f"{SYSTEMCTL} stop kilnmark.socket", status=5, error="not loaded")
    changes(recorder)
    assert became(uninstall(systemd, force=False)) == ["removed"]
    assert changes(recorder)[:3] == ["stop kilnmark.service", "stop kilnmark.socket", "disable kilnmark.service"]
    assert not link.is_symlink()
    sock.symlink_to("/dev/null")
    recorder.answer(f"{SYSTEMCTL} stop kilnmark.socket")
    assert became(uninstall(systemd, force=True)) == ["removed"]
    assert changes(recorder)[:3] == ["stop kilnmark.service", "stop kilnmark.socket", "daemon-reload"]
    assert not service.exists()


def test_restarting_leaves_the_socket_and_wants_a_service(
    systemd: Manager, plan: ServicePlan, recorder: Recorder
) -> None:
    with pytest.raises(ServiceNotInstalled):
        restart(systemd)
    install(systemd, plan, force=False)
    recorder.answer(f"{SYSTEMCTL} show kilnmark.service", text=RUNNING)
    changes(recorder)
    state = restart(systemd)
    assert changes(recorder)[-1] == "restart kilnmark.service"
    assert (state.pid, state.restarts, state.is_running, state.says) == (77, 2, True, "ready; a=b")


def test_a_daemon_that_runs_does_not_end_for_settings_that_are_wrong(
    systemd: Manager, planned: Planned, recorder: Recorder, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("queue_limit = 3\n")
    install(systemd, planned({"KILNMARK_CONFIG": str(file)}, socket="d.sock"), force=False)
    changes(recorder)
    file.write_text("queue_limit = 0\n")
    with pytest.raises(SettingsRefused, match=r"mine.toml:1: queue_limit: 0 is not"):
        restart(systemd)
    assert changes(recorder) == []
    file.write_text("queue_limit = 4\n")
    restart(systemd)
    assert changes(recorder)[-1] == "restart kilnmark.service"


def test_a_step_that_fails_is_told_with_what_was_said(systemd: Manager, plan: ServicePlan, recorder: Recorder) -> None:
    recorder.answer(f"{SYSTEMCTL} start", status=1, error="Job for kilnmark.service failed\nbecause of ...\n")
    with pytest.raises(ManagerFailed, match=r"failed: Job for kilnmark\.service failed because of"):
        install(systemd, plan, force=False)


def test_where_systemd_runs_nothing_for_the_user_nothing_is_written(
    systemd: Manager, plan: ServicePlan, recorder: Recorder
) -> None:
    recorder.answer(
        f"{SYSTEMCTL} show --property=Version", status=1, error="Failed to connect to bus: No medium found\n"
    )
    with pytest.raises(NoServiceManager, match=r"No medium found.*enable-linger ada"):
        install(systemd, plan, force=False)
    assert not any(path.exists() for path in systemd.paths)


@pytest.fixture
def listened(plan: ServicePlan) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(plan.socket))
        daemon.listen()
        yield daemon


@pytest.mark.parametrize("stands", ["a file", "a link to nothing", "a folder"])
def test_what_stands_at_a_socket_is_not_given_to_a_manager_that_would_take_it_away(
    systemd: Manager, plan: ServicePlan, stands: str
) -> None:
    match stands:
        case "a file":
            plan.socket.write_text("a thesis")
        case "a link to nothing":
            plan.socket.symlink_to("nothing")
        case _:
            plan.socket.mkdir()
    with pytest.raises(SocketUnfit, match="it is there, and no socket; move it away"):
        install(systemd, plan, force=True)
    assert not any(path.exists() for path in systemd.paths)


@pytest.mark.usefixtures("listened")
def test_a_daemon_that_is_no_service_keeps_its_socket(systemd: Manager, plan: ServicePlan, recorder: Recorder) -> None:
    with pytest.raises(SocketInUse, match="kilnmark stop"):
        install(systemd, plan, force=False)
    assert not any(path.exists() for path in systemd.paths)
    recorder.answer(f"{SYSTEMCTL} show kilnmark.service", text=RUNNING)
    assert became(install(systemd, plan, force=False)) == ["written", "written"]


def test_notes_tell_of_logging_out_and_of_drop_ins(systemd: Manager, recorder: Recorder) -> None:
    recorder.answer("loginctl show-user ada --property=Linger --value", text="no\n")
    folder = systemd.paths[0].with_name("kilnmark.service.d")
    folder.mkdir(parents=True)
    told = systemd.notes()
    assert str(folder) in told[0]
    assert "loginctl enable-linger ada" in told[1]
    recorder.answer("loginctl show-user ada --property=Linger --value", text="yes\n")
    assert len(systemd.notes()) == 1


def test_launchd_is_given_the_agent_and_every_folder_that_it_will_not_make(
    launchd: Manager, plan: ServicePlan, recorder: Recorder, tmp_path: Path
) -> None:
    assert became(install(launchd, plan, force=False)) == ["written"]
    plist = tmp_path / "Library/LaunchAgents/kilnmark.daemon.plist"
    assert changes(recorder) == ["enable gui/501/kilnmark.daemon", f"bootstrap gui/501 {plist}"]
    told = plistlib.loads(plist.read_bytes())
    assert Path(told["StandardErrorPath"]).parent.is_dir()
    assert Path(told["WorkingDirectory"]).is_dir()
    assert Path(told["Sockets"]["kilnmark"]["SockPathName"]).parent.is_dir()


def test_launchd_keeps_an_agent_that_is_the_same_and_changes_one_that_is_not(
    launchd: Manager, plan: ServicePlan, planned: Planned, recorder: Recorder
) -> None:
    install(launchd, plan, force=False)
    recorder.answer("launchctl print gui/501/kilnmark.daemon", text=PRINTED)
    changes(recorder)
    install(launchd, plan, force=False)
    assert changes(recorder) == ["kickstart gui/501/kilnmark.daemon"]
    install(launchd, planned({}, socket="e.sock"), force=False)
    assert [line.split()[0] for line in changes(recorder)] == ["bootout", "enable", "bootstrap"]


def test_launchd_without_a_desktop_serves_the_user_all_the_same(
    launchd: Manager, plan: ServicePlan, recorder: Recorder
) -> None:
    recorder.answer("launchctl print gui/501", status=125, error="Domain does not support specified action\n")
    install(launchd, plan, force=False)
    assert changes(recorder)[0] == "enable user/501/kilnmark.daemon"
    recorder.answer("launchctl print user/501", status=125, error="no such domain\n")
    with pytest.raises(NoServiceManager, match="neither gui/501 nor user/501"):
        restart(launchd)


def test_launchd_tells_how_it_is_and_ends_it(launchd: Manager, plan: ServicePlan, recorder: Recorder) -> None:
    assert launchd.state().state == "not installed"
    install(launchd, plan, force=False)
    recorder.answer("launchctl print gui/501/kilnmark.daemon", text=PRINTED)
    state = restart(launchd)
    assert (state.is_running, state.pid, state.restarts, state.state) == (True, 77, 2, "running")
    assert changes(recorder)[-1] == "kickstart -k gui/501/kilnmark.daemon"
    assert became(uninstall(launchd, force=False)) == ["removed"]
    assert changes(recorder) == ["bootout gui/501/kilnmark.daemon"]


def test_each_system_has_its_own_manager_and_one_without_is_told_what_to_do(tmp_path: Path, recorder: Recorder) -> None:
    env = {"PATH": recorder.path}
    assert manager_of(surroundings(tmp_path, env)).name == "systemd"
    assert manager_of(surroundings(tmp_path, env, "darwin")).name == "launchd"
    for platform, program in (("linux", "systemctl"), ("darwin", "launchctl")):
        bare = surroundings(tmp_path, {"PATH": str(tmp_path)}, platform)
        with pytest.raises(NoServiceManager, match=rf"no {program}.*kilnmark serve"):
            manager_of(bare)
        assert manager_of(bare, must_be_there=False).paths
