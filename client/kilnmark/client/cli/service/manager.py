"""What is asked of a service manager, whichever it is, and which one serves this user.

What each writes and runs stands in `systemd` and `launchd`; in what order things are done, in `service`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kilnmark.client.cli.service.plan import ServicePlan
from kilnmark.client.cli.service.programs import Step
from kilnmark.client.cli.service.sealed import SealedFile

__all__ = ["Manager", "ServiceState"]


@dataclass(frozen=True)
class ServiceState:
    """The service as its manager sees it.

    Attributes:
        known: The manager has it, running or not.
        state: In the manager's own words, such as `active (running)`.
        is_running: There is a daemon.
        is_bound: The manager itself holds the socket, so that a client starts the daemon.
        pid: Of the daemon; None: there is none.
        restarts: How often the manager started it again by itself; None: it does not tell.
        says: What the daemon told it last, a line; None: nothing.
    """

    known: bool = False
    state: str = "not installed"
    is_running: bool = False
    is_bound: bool = False
    pid: int | None = None
    restarts: int | None = None
    says: str | None = None


class Manager(Protocol):
    """systemd or launchd, as it serves one user.

    Attributes:
        name: `systemd` or `launchd`.
        paths: Where the files of the service are, if it is installed.
        links: Which links to them the manager makes.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def paths(self) -> Sequence[Path]: ...  # noqa: D102
    @property
    def links(self) -> Sequence[Path]: ...  # noqa: D102

    def probe(self) -> None:
        """Raises NoServiceManager where it does not serve this user."""

    def files(self, plan: ServicePlan) -> Sequence[SealedFile]:
        """What is to stand in those places."""

    def command(self) -> Sequence[str]:
        """The words of the service's command as it is installed; none where that is not known, as with a drop-in."""

    def folders(self, plan: ServicePlan) -> Sequence[Path]:
        """What has to be there before it is begun, for its owner alone."""

    def state(self) -> ServiceState:
        """How the service is now."""

    def begin(self, state: ServiceState, *, is_changed: bool, drain: float) -> Sequence[Step]:
        """Let it run from now on and after each start of the machine; a daemon that runs by the same files stays.

        Args:
            state: How it is now.
            is_changed: A file of it was written anew.
            drain: Seconds that one which runs may take to end.
        """

    def end(self) -> Sequence[Step]:
        """Let it run no more, now or later, before its files are removed."""

    def forget(self) -> Sequence[Step]:
        """After they are."""

    def again(self) -> Sequence[Step]:
        """End the daemon and start it anew."""

    def shown(self) -> Sequence[str]:
        """The command that shows the service in the manager's own words."""

    def log(self, lines: int, *, follow: bool) -> Sequence[str]:
        """The command that shows what the daemon said."""

    def notes(self) -> Sequence[str]:
        """What the user should know of the machine as it is, each a sentence."""
