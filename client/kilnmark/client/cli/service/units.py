"""The units of systemd, in its words: `systemd.unit(5)`, `systemd.service(5)`, `systemd.socket(5)`, `systemd.exec(5)`.

Both are for the manager of one user. Only such restrictions stand here as that manager can impose without a mount
namespace of its own, which many systems refuse to users, and as leave alone what a GPU needs: its device files, memory
that is written and run (kernels are compiled as they are needed), and the caches in the user's home.
"""

import shlex
from collections.abc import Sequence
from importlib.metadata import version

from kilnmark.client.cli.service.plan import ServicePlan
from kilnmark.client.cli.service.sealed import SEAL, seal

__all__ = ["SERVICE", "SOCKET", "command_of", "quoted", "service_unit", "socket_unit"]

SERVICE = "kilnmark.service"
SOCKET = "kilnmark.socket"

WATCHDOG = 60
"""Seconds of silence after which systemd ends the daemon. The loop answers in milliseconds; a worker that hangs has
deadlines of its own."""

STOP_MARGIN = 60
"""Seconds beyond the drain in which worker, journal and clients are seen off."""

_HEAD = """\
# Written by `kilnmark service install` of version {version}, which also takes it away again.
# Put changes into a drop-in (`systemctl --user edit {unit}`), or say settings and install again.
# {seal}
"""

_SERVICE = """\
{head}
[Unit]
Description=kilnmark, which keeps a FLUX model warm and paints with it
Requires={socket}
After={socket}
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
# It says that it is ready once its journal is read, and that it is well while its loop and its worker are.
Type=notify
NotifyAccess=main
# The colon keeps systemd from replacing dollars.
ExecStart=:{command}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory={folder}
{variables}Restart=on-failure
RestartSec=2
# A setting that is wrong stays wrong.
RestartPreventExitStatus=2
TimeoutStartSec=180
TimeoutStopSec={stop}
WatchdogSec={watchdog}
# The daemon alone is told to end, and ends its worker; whatever is left after it is killed.
KillMode=mixed
# The daemon outlives a worker that memory ran out for.
OOMPolicy=continue
LimitNOFILE=65536
# A core would be as large as the model.
LimitCORE=0
SyslogIdentifier=kilnmark

UMask=0077
{restrictions}
[Install]
WantedBy=default.target
"""

_RESTRICTIONS = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @module @mount @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
"""

_UNRESTRICTED = """\
# No restrictions: each of them forbids to gain privileges, and {opener} here,
# which makes the device files of a card after the machine was started, has to.
"""

_SOCKET = """\
{head}
[Unit]
Description=the socket of kilnmark

[Socket]
ListenStream={path}
SocketMode=0600
DirectoryMode=0700
FileDescriptorName=kilnmark
Backlog=4096
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
"""


def service_unit(plan: ServicePlan, opener: str | None = None) -> str:
    """The unit of the daemon, sealed.

    Args:
        plan: What it runs.
        opener: A program that the daemon's libraries may have to run with root's rights before there is a device;
            None: there is none.
    """
    variables = "".join(f"Environment={quoted(f'{name}={value}')}\n" for name, value in plan.variables.items())
    text = _SERVICE.format(
        head=_head(SERVICE),
        socket=SOCKET,
        command=" ".join(quoted(word) for word in plan.command),
        folder=specified(str(plan.folder)),
        variables=variables,
        stop=int(plan.drain) + STOP_MARGIN,
        watchdog=WATCHDOG,
        restrictions=_RESTRICTIONS if opener is None else _UNRESTRICTED.format(opener=opener),
    )
    return seal(text)


def socket_unit(plan: ServicePlan) -> str:
    """The unit of its socket, sealed."""
    return seal(_SOCKET.format(head=_head(SOCKET), path=specified(str(plan.socket))))


def command_of(unit: str) -> Sequence[str]:
    """The words of the command in a unit that this module wrote; none where there is no such line."""
    for line in unit.splitlines():
        if line.startswith(_EXEC):
            try:
                return [word.replace("%%", "%") for word in shlex.split(line.removeprefix(_EXEC))]
            except ValueError:
                return ()
    return ()


def quoted(word: str) -> str:
    """One word of a line that systemd cuts into words, as it is and nothing else."""
    text = specified(word.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{text}"' if not word or set(word) & set(" '\";\\#") else text


def specified(text: str) -> str:
    """The same with nothing in it that systemd would put something else in the place of."""
    return text.replace("%", "%%")


_EXEC = "ExecStart=:"


def _head(unit: str) -> str:
    return _HEAD.format(version=version("kilnmark"), unit=unit, seal=SEAL)
