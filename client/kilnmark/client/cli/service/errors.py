"""Why a service could not be had, begun, changed or asked after."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from kilnmark.client.cli.seat import SeatProblem
from kilnmark.protocol.errors import KilnmarkError

__all__ = [
    "FileIsTheirs",
    "ManagerFailed",
    "NoServiceManager",
    "ServiceNotInstalled",
    "ServiceProblem",
    "SettingsRefused",
    "SocketInUse",
    "SocketUnfit",
    "UnfitForService",
]


class ServiceProblem(KilnmarkError):
    """The root of what can go wrong with a service."""


class NoServiceManager(ServiceProblem):
    """Neither systemd nor launchd serves this user.

    Args:
        reason: What was looked for, and what was found.
        mend: What to do about it.
    """

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason, mend)
        self.reason = reason
        self.mend = mend

    def __str__(self) -> str:
        return f"no service manager serves you here: {self.reason}; {self.mend}"


class FileIsTheirs(ServiceProblem):
    """A file of the service stands there with words that this program did not write.

    Args:
        path: Where.
        was_ours: It was written by this program, and edited since.
    """

    def __init__(self, path: Path, *, was_ours: bool) -> None:
        super().__init__(path, was_ours)
        self.path = path
        self.was_ours = was_ours

    def __str__(self) -> str:
        how = "was edited since it was written" if self.was_ours else "was not written by `kilnmark service`"
        return (
            f"{self.path} {how}, so it was left as it is; `kilnmark service install --print` shows what would stand "
            "there, and --force takes its place"
        )


class ServiceNotInstalled(ServiceProblem):
    """There is no service to do this with."""

    def __str__(self) -> str:
        return "the service is not installed; `kilnmark service install` does that"


class ManagerFailed(ServiceProblem):
    """The service manager did not do what it was told.

    Args:
        command: What was run.
        said: What it said about it.
    """

    def __init__(self, command: Sequence[str], said: str) -> None:
        super().__init__(tuple(command), said)
        self.command = command
        self.said = said

    def __str__(self) -> str:
        return f"`{shlex.join(self.command)}` failed: {self.said}; `kilnmark service logs` may tell more"


class SettingsRefused(ServiceProblem):
    """The settings that the service would be started with are wrong.

    Args:
        problem: What is wrong, and where.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"nothing was restarted, since the daemon would not start: {self.problem}"


class SocketInUse(ServiceProblem):
    """A daemon that is no service serves the socket already.

    Args:
        path: The socket.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"a daemon that is no service serves {self.path} already; end it with `kilnmark stop`, then install again"
        )


class SocketUnfit(ServiceProblem):
    """No daemon could have its socket there; a manager would take away what stands there, or bind what nobody serves.

    Args:
        path: Where.
        problem: What is wrong with it, and what to do.
    """

    def __init__(self, path: Path, problem: SeatProblem) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"nothing was installed, since no socket can be at {self.path}: {self.problem.found}; {self.problem.mend}"
        )


class UnfitForService(ServiceProblem):
    """A value that no file of a service can hold.

    Args:
        what: Which one.
        value: As it is.
        why: What is wrong with such values.
    """

    def __init__(self, what: str, value: str, why: str = "what cannot be seen") -> None:
        super().__init__(what, value, why)
        self.what = what
        self.value = value
        self.why = why

    def __str__(self) -> str:
        return f"{self.what} is {self.value!r}, and no service is given {self.why}; choose another"
