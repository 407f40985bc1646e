"""systemd, as it serves one user: `systemctl --user` and `journalctl`."""

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from kilnmark.client.cli.service.errors import NoServiceManager
from kilnmark.client.cli.service.manager import ServiceState
from kilnmark.client.cli.service.plan import ServicePlan
from kilnmark.client.cli.service.programs import Step, asked
from kilnmark.client.cli.service.sealed import SealedFile, state_of
from kilnmark.client.cli.service.units import SERVICE, SOCKET, command_of, service_unit, socket_unit
from kilnmark.protocol.xdg import xdg_folder

__all__ = ["Systemd", "device_opener"]

_SHOWN = "LoadState,ActiveState,SubState,MainPID,NRestarts,StatusText"


class Systemd:
    """The manager of this user's units.

    Args:
        env: The variables.
        home: The user's home.
        user: The user's name.
    """

    name = "systemd"

    def __init__(self, env: Mapping[str, str], *, home: Path, user: str) -> None:
        configuration = xdg_folder(env, "XDG_CONFIG_HOME")
        self._units = Path(configuration or home / ".config") / "systemd" / "user"
        self._user = user

    @property
    def paths(self) -> Sequence[Path]:
        """Of both units."""
        return (self._units / SERVICE, self._units / SOCKET)

    @property
    def links(self) -> Sequence[Path]:
        """By which both are begun; systemd takes them away with the files."""
        return (self._units / "default.target.wants" / SERVICE, self._units / "sockets.target.wants" / SOCKET)

    def probe(self) -> None:
        """Raises NoServiceManager where no manager of this user's runs."""
        done = asked(_systemctl("show", "--property=Version"))
        if done.returncode != 0:
            raise NoServiceManager(
                f"systemd is here, and runs nothing for you ({' '.join(done.stderr.split())})",
                f"log in as {self._user} by a session of its own (not by su or sudo), or run "
                f"`sudo loginctl enable-linger {self._user}` and set XDG_RUNTIME_DIR to /run/user/{os.getuid()}",
            )

    def files(self, plan: ServicePlan) -> Sequence[SealedFile]:
        """Both units."""
        service, socket = self.paths
        return (SealedFile(service, service_unit(plan, device_opener())), SealedFile(socket, socket_unit(plan)))

    def command(self) -> Sequence[str]:
        """Of the unit, unless a drop-in may say otherwise."""
        if any(_drop_ins(path).is_dir() for path in self.paths):
            return ()
        return command_of(self.paths[0].read_text(encoding="utf-8"))

    def folders(self, plan: ServicePlan) -> Sequence[Path]:
        """Where the daemon is started; that of the socket systemd makes."""
        return (plan.folder,)

    def state(self) -> ServiceState:
        """As both units are."""
        service = _shown(SERVICE)
        pid = int(service.get("MainPID") or 0) or None
        restarts = service.get("NRestarts", "")
        if service.get("LoadState") in (None, "", "not-found"):
            return ServiceState()
        return ServiceState(
            known=True,
            state=f"{service.get('ActiveState', 'unknown')} ({service.get('SubState', 'unknown')})",
            is_running=service.get("ActiveState") in ("active", "reloading"),
            is_bound=_shown(SOCKET).get("ActiveState") == "active",
            pid=pid,
            restarts=int(restarts) if restarts.isdecimal() else None,
            says=service.get("StatusText") or None,
        )

    def begin(self, state: ServiceState, *, is_changed: bool, drain: float) -> Sequence[Step]:  # noqa: ARG002 - systemd waits by itself
        """A socket is not bound anew while its service runs, so that one that is changed ends first."""
        steps = [Step(_systemctl("daemon-reload"))]
        if is_changed and (state.is_bound or state.is_running or state.pid):
            steps.append(Step(_systemctl("stop", SERVICE, SOCKET)))
        return [
            *steps,
            Step(_systemctl("reset-failed", SERVICE, SOCKET), may_fail=True),
            Step(_systemctl("enable", SERVICE, SOCKET)),
            Step(_systemctl("start", SOCKET, SERVICE)),
        ]

    def end(self) -> Sequence[Step]:
        """A unit may run without its file; one that is a link was masked, and cannot be disabled."""
        states = {path: state_of(path) for path in self.paths}
        stop = [Step(_systemctl("stop", path.name), may_fail=state == "absent") for path, state in states.items()]
        own = [path.name for path, state in states.items() if state != "absent" and not path.is_symlink()]
        return [*stop, Step(_systemctl("disable", *own))] if own else stop

    def forget(self) -> Sequence[Step]:
        """Nothing is left of what they failed with."""
        return [Step(_systemctl("daemon-reload")), Step(_systemctl("reset-failed", SERVICE, SOCKET), may_fail=True)]

    def again(self) -> Sequence[Step]:
        """The socket stays, so that clients who come meanwhile wait."""
        return [
            Step(_systemctl("reset-failed", SERVICE, SOCKET), may_fail=True),
            Step(_systemctl("start", SOCKET)),
            Step(_systemctl("restart", SERVICE)),
        ]

    def shown(self) -> Sequence[str]:
        """Both units."""
        return _systemctl("status", SERVICE, SOCKET)

    def log(self, lines: int, *, follow: bool) -> Sequence[str]:
        """Of the unit, of its manager about it, and of the daemon itself, in whichever of the journals they are."""
        more = ["--follow"] if follow else ["--no-pager"]
        own = f"_UID={os.getuid()}"
        unit = [own, f"_SYSTEMD_USER_UNIT={SERVICE}", "+", own, f"USER_UNIT={SERVICE}"]
        return ["journalctl", f"--lines={lines}", *more, *unit, "+", own, "SYSLOG_IDENTIFIER=kilnmark"]

    def notes(self) -> Sequence[str]:
        """Whether it goes on when the user logs out, and what else has a say in its units."""
        notes = [f"{folder} has a say, too" for folder in map(_drop_ins, self.paths) if folder.is_dir()]
        if shutil.which("loginctl") is None:
            return notes
        done = asked(["loginctl", "show-user", self._user, "--property=Linger", "--value"])
        if done.returncode == 0 and done.stdout.strip() == "no":
            notes.append(f"it ends when you log out; `loginctl enable-linger {self._user}` lets it go on")
        return notes


def device_opener() -> str | None:
    """The program by which NVIDIA's library makes the device files of a card where they are absent, as root; None where
    there is none that may: there they are made otherwise, or there is no such card.
    """
    for name in ("nvidia-modprobe", "/usr/bin/nvidia-modprobe"):
        if (found := shutil.which(name)) is not None and os.stat(found).st_mode & stat.S_ISUID:  # noqa: PTH116
            return found
    return None


def _drop_ins(unit: Path) -> Path:
    return unit.with_name(f"{unit.name}.d")


def _systemctl(*words: str) -> tuple[str, ...]:
    return ("systemctl", "--user", *words)


def _shown(unit: str) -> dict[str, str]:
    """The properties of a unit; those of one that is not there say so."""
    done = asked(_systemctl("show", unit, f"--property={_SHOWN}"))
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
