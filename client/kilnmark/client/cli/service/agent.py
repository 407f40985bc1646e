"""The property list of a launchd agent, in the words of `launchd.plist(5)`."""

import plistlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from kilnmark.client.cli.service.plan import ServicePlan
from kilnmark.client.cli.service.sealed import SEAL, seal

__all__ = ["LABEL", "STOP_MARGIN", "agent", "command_of"]

LABEL = "kilnmark.daemon"

SOCKET_NAME = "kilnmark"
"""What the daemon asks launchd for."""

STOP_MARGIN = 60
"""Seconds beyond the drain in which worker, journal and clients are seen off."""

_COMMENT = """\
<!-- Written by `kilnmark service install` of version {version}, which also takes it away again.
     Say settings and install again to change it.
     {seal} -->
"""


def agent(plan: ServicePlan, log: Path) -> str:
    """The property list, sealed.

    Args:
        log: Where the daemon's words go, which launchd keeps nowhere by itself.
    """
    told = plistlib.dumps(_keys(plan, log), sort_keys=False).decode()
    head, mark, rest = told.partition("<plist ")
    return seal(head + _COMMENT.format(version=version("kilnmark"), seal=SEAL) + mark + rest)


def command_of(told: bytes) -> Sequence[str]:
    """The words of the command in a property list; none where they cannot be read."""
    try:
        words = plistlib.loads(told)["ProgramArguments"]
    except (plistlib.InvalidFileException, ExpatError, KeyError, TypeError, ValueError):
        return ()
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else ()


def _keys(plan: ServicePlan, log: Path) -> dict[str, Any]:
    """An agent that is painted with is no background work, which launchd would hold back; it may open many files, and
    leaves no core as large as its model.
    """
    return {
        "Label": LABEL,
        "ProgramArguments": list(plan.command),
        "EnvironmentVariables": dict(plan.variables),
        "WorkingDirectory": str(plan.folder),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ExitTimeOut": int(plan.drain) + STOP_MARGIN,
        "ProcessType": "Interactive",
        "Umask": 0o077,
        "SoftResourceLimits": {"NumberOfFiles": 8192, "Core": 0},
        "HardResourceLimits": {"Core": 0},
        "StandardOutPath": str(log),
        "StandardErrorPath": str(log),
        "Sockets": {
            SOCKET_NAME: {
                "SockFamily": "Unix",
                "SockType": "stream",
                "SockPathName": str(plan.socket),
                "SockPathMode": 0o600,
            }
        },
    }
