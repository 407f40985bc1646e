"""What the `service` commands tell, as documents for programs. How they look to people is in `views/service`."""

import msgspec

__all__ = ["InstalledService", "LoggedService", "PlannedService", "ServiceDocument", "ServiceFile"]


class ServiceFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the service.

    Attributes:
        path: Where it is.
        state: What became of it (`written`, `written anew`, `unchanged`, `removed`), or whose it is (`ours`, `edited`,
            `foreign`, `absent`).
        text: What would stand there, where that was asked for.
    """

    path: str
    state: str | None = None
    text: str | None = None


class PlannedService(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done.

    Attributes:
        manager: `systemd` or `launchd`.
        files: What would be written, or removed.
        commands: What would be run, in order, on a machine where nothing of it was done before.
    """

    manager: str
    files: list[ServiceFile]
    commands: list[str]


class InstalledService(msgspec.Struct, frozen=True, kw_only=True):
    """What was done.

    Attributes:
        manager: `systemd` or `launchd`.
        files: What became of each; none: there was nothing to do.
        command: What the service runs.
        socket: Where it listens.
        settings: What its command says, with who said it here.
        variables: What it is given.
        secrets: Variables that are set here and that it is not given.
        notes: What to know of this machine.
    """

    manager: str
    files: list[ServiceFile]
    command: str = ""
    socket: str = ""
    settings: dict[str, str] = {}
    variables: list[str] = []
    secrets: list[str] = []
    notes: list[str] = []


class ServiceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How the service is.

    Attributes:
        manager: `systemd` or `launchd`.
        files: Whose each is.
        state: In the manager's own words.
        running: There is a daemon.
        waits: There is none, and the manager starts one when a client comes.
        pid: Of the daemon.
        restarts: How often the manager started it again by itself; None: it does not tell.
        says: What the daemon told its manager last.
        notes: What to know of this machine.
    """

    manager: str
    files: list[ServiceFile]
    state: str
    running: bool
    waits: bool
    pid: int | None
    restarts: int | None
    says: str | None
    notes: list[str] = []


class LoggedService(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon said, a line each, and the command that told it."""

    command: str
    lines: list[str]
