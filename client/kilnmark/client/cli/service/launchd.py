"""launchd, as it serves one user: `launchctl`, and `tail` for a log that it does not keep itself."""

import re
from collections.abc import Sequence
from pathlib import Path

from kilnmark.client.cli.service.agent import LABEL, STOP_MARGIN, agent, command_of
from kilnmark.client.cli.service.errors import NoServiceManager
from kilnmark.client.cli.service.manager import ServiceState
from kilnmark.client.cli.service.plan import ServicePlan
from kilnmark.client.cli.service.programs import Step, asked
from kilnmark.client.cli.service.sealed import SealedFile

__all__ = ["Launchd"]


class Launchd:
    """The manager of this user's agents.

    Args:
        home: The user's home.
        uid: The user's number.
    """

    name = "launchd"

    def __init__(self, *, home: Path, uid: int) -> None:
        self._plist = home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
        self._log = home / "Library" / "Logs" / "kilnmark" / "daemon.log"
        self._domains = (f"gui/{uid}", f"user/{uid}")
        self._domain = self._domains[0]

    @property
    def paths(self) -> Sequence[Path]:
        """Of the agent's property list."""
        return (self._plist,)

    @property
    def links(self) -> Sequence[Path]:
        """None: launchd looks into the folder."""
        return ()

    def probe(self) -> None:
        """Take the domain of the user's desktop, else the one without (over ssh).

        Raises:
            NoServiceManager: there is neither.
        """
        for domain in self._domains:
            done = asked(_launchctl("print", domain))
            if done.returncode == 0:
                self._domain = domain
                return
        raise NoServiceManager(
            f"launchd has neither {' nor '.join(self._domains)} ({' '.join(done.stderr.split())})",
            "log in at the machine, or by ssh as yourself",
        )

    def files(self, plan: ServicePlan) -> Sequence[SealedFile]:
        """The property list."""
        return (SealedFile(self._plist, agent(plan, self._log)),)

    def command(self) -> Sequence[str]:
        """Of the property list."""
        return command_of(self._plist.read_bytes())

    def folders(self, plan: ServicePlan) -> Sequence[Path]:
        """None of them is made by launchd."""
        return (plan.folder, plan.socket.parent, self._log.parent)

    def state(self) -> ServiceState:
        """As launchd prints it, which is for people and has no other form."""
        done = asked(_launchctl("print", self._target))
        if done.returncode != 0:
            return ServiceState()
        state = _fact(done.stdout, "state") or "unknown"
        pid = _fact(done.stdout, "pid")
        runs = _fact(done.stdout, "runs")
        return ServiceState(
            known=True,
            state=state,
            is_running=state == "running",
            is_bound=True,
            pid=int(pid) if pid else None,
            restarts=max(int(runs) - 1, 0) if runs else None,
        )

    def begin(self, state: ServiceState, *, is_changed: bool, drain: float) -> Sequence[Step]:
        """An agent that launchd has already is taken in anew only where its file is another."""
        if state.known and not is_changed:
            return [Step(_launchctl("kickstart", self._target))]
        steps = [Step(_launchctl("bootout", self._target), may_fail=True)] if state.known else []
        patience = drain + STOP_MARGIN if state.known else 0.0
        return [
            *steps,
            Step(_launchctl("enable", self._target)),
            Step(_launchctl("bootstrap", self._domain, str(self._plist)), patience=patience),
        ]

    def end(self) -> Sequence[Step]:
        """One that launchd does not have is ended already."""
        return [Step(_launchctl("bootout", self._target), may_fail=True)]

    def forget(self) -> Sequence[Step]:
        """Nothing is left."""
        return []

    def again(self) -> Sequence[Step]:
        """What it paints just now is painted again by the next one."""
        return [Step(_launchctl("kickstart", "-k", self._target))]

    def shown(self) -> Sequence[str]:
        """The agent."""
        return _launchctl("print", self._target)

    def log(self, lines: int, *, follow: bool) -> Sequence[str]:
        """Of the file that launchd writes the daemon's words into."""
        return ["tail", "-n", str(lines), *(["-F"] if follow else []), str(self._log)]

    def notes(self) -> Sequence[str]:
        """An agent of a desktop runs as long as its user is logged in."""
        return ["it runs while you are logged in"]

    @property
    def _target(self) -> str:
        return f"{self._domain}/{LABEL}"


def _launchctl(*words: str) -> tuple[str, ...]:
    return ("launchctl", *words)


def _fact(printed: str, name: str) -> str | None:
    """The value of one line, `name = value`, of the service itself, which stands before those of its parts."""
    found = re.search(rf"^\s*{name} = (.+)$", printed, re.MULTILINE)
    return None if found is None else found[1].strip()
