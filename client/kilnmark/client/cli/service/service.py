"""What `kilnmark service` does, in which order: look whose files are there, write, and let the manager act.

Nothing that somebody else wrote or edited is touched without being told to; what is done twice is done once.
"""

import os
import pwd
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kilnmark.client.cli.seat import problem_of
from kilnmark.client.cli.service.errors import (
    FileIsTheirs,
    NoServiceManager,
    ServiceNotInstalled,
    SettingsRefused,
    SocketInUse,
    SocketUnfit,
)
from kilnmark.client.cli.service.launchd import Launchd
from kilnmark.client.cli.service.manager import Manager, ServiceState
from kilnmark.client.cli.service.plan import ServicePlan
from kilnmark.client.cli.service.programs import Step, asked, take
from kilnmark.client.cli.service.sealed import FileState, SealedFile, state_of
from kilnmark.client.cli.service.systemd import Systemd
from kilnmark.client.cli.settings.gather import Surroundings
from kilnmark.client.cli.settings.sources import PREFIX

__all__ = ["Placed", "install", "manager_of", "require_installed", "restart", "uninstall"]


@dataclass(frozen=True)
class Placed:
    """One file, and what became of it."""

    path: Path
    became: str


def manager_of(around: Surroundings, *, must_be_there: bool = True) -> Manager:
    """The service manager of this system.

    Args:
        must_be_there: Refuse where its program is missing, rather than tell what it would be given.

    Raises:
        NoServiceManager: there is neither.
    """
    is_mac = around.platform == "darwin"
    program = "launchctl" if is_mac else "systemctl"
    if must_be_there and shutil.which(program, path=around.env.get("PATH")) is None:
        raise NoServiceManager(
            f"there is no {program}",
            "let what this system has instead (OpenRC, runit, s6, supervisord, cron's @reboot) run "
            "`kilnmark serve` as you, and start it again where it ends with another status than 0",
        )
    if is_mac:
        return Launchd(home=around.home, uid=around.uid)
    return Systemd(around.env, home=around.home, user=_user(around.uid))


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a user without a name
        return str(uid)


def install(manager: Manager, plan: ServicePlan, *, force: bool) -> Sequence[Placed]:
    """Write the files and begin the service.

    Raises:
        NoServiceManager: it serves nobody here.
        FileIsTheirs: a file is somebody's own, and `force` is not given.
        SocketUnfit: no daemon could have its socket there.
        SocketInUse: another daemon is at the socket.
        ManagerFailed: it did not do its part.
    """
    manager.probe()
    files = manager.files(plan)
    _refuse_theirs([file.path for file in files], force=force)
    if (problem := problem_of(plan.socket)) is not None:
        raise SocketUnfit(plan.socket, problem)
    state = manager.state()
    if not state.is_bound and not state.is_running and _is_listened_at(plan.socket):
        raise SocketInUse(plan.socket)
    placed = [_place(file) for file in files]
    for folder in manager.folders(plan):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_changed = any(each.became != "unchanged" for each in placed)
    _take_all(manager.begin(state, is_changed=is_changed, drain=plan.drain))
    return placed


def uninstall(manager: Manager, *, force: bool) -> Sequence[Placed]:
    """End the service and remove its files; where there is none, nothing is done. What it kept and painted stays.

    Raises:
        NoServiceManager, FileIsTheirs, ManagerFailed: as for `install`.
    """
    there = [path for path in manager.paths if state_of(path) != "absent"]
    if not there:
        return []
    manager.probe()
    _refuse_theirs(there, force=force)
    _take_all(manager.end())
    for path in (*there, *(link for link in manager.links if link.is_symlink())):
        path.unlink()
    _take_all(manager.forget())
    return [Placed(path, "removed") for path in there]


def restart(manager: Manager) -> ServiceState:
    """End the daemon and start it anew; how the service is then.

    Raises:
        NoServiceManager, ManagerFailed: as for `install`.
        ServiceNotInstalled: there is none.
        SettingsRefused: the daemon would not start; the one that runs goes on.
    """
    require_installed(manager)
    manager.probe()
    _check_settings(manager.command())
    _take_all(manager.again())
    return manager.state()


def _check_settings(command: Sequence[str]) -> None:
    """What the service would be started with is read first, so that a daemon which runs does not end for nothing."""
    if not command:
        return
    env = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    done = asked([*command, "--only-settings"], env)
    if done.returncode != 0:
        raise SettingsRefused(done.stderr.rpartition("Error: ")[2].strip() or f"it ended with {done.returncode}")


def require_installed(manager: Manager) -> None:
    """Raises ServiceNotInstalled where a file of it is absent."""
    if any(state_of(path) == "absent" for path in manager.paths):
        raise ServiceNotInstalled


def _is_listened_at(path: Path) -> bool:
    """A manager takes the path from whoever listens there, who would lose its clients."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True


def _refuse_theirs(paths: Sequence[Path], *, force: bool) -> None:
    for path in paths:
        state: FileState = state_of(path)
        if state in ("edited", "foreign") and not force:
            raise FileIsTheirs(path, was_ours=state == "edited")


def _place(file: SealedFile) -> Placed:
    if file.is_there():
        return Placed(file.path, "unchanged")
    became = "written" if state_of(file.path) == "absent" else "written anew"
    file.write()
    return Placed(file.path, became)


def _take_all(steps: Sequence[Step]) -> None:
    for step in steps:
        take(step)
