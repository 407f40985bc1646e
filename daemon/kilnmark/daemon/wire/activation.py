"""Sockets that a service manager bound before it started this process: systemd's (`sd_listen_fds(3)`) and launchd's
(`launch_activate_socket(3)`).

A manager that holds the socket lets clients connect while there is no daemon yet, or none any more. Which path is to
be served is not decided here.
"""

import ctypes
import os
import socket
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path

__all__ = ["LAUNCHD_NAME", "handed_over"]

FIRST_HANDLE = 3
"""`SD_LISTEN_FDS_START`."""

LAUNCHD_NAME = "kilnmark"
"""What the socket is called under `Sockets` in the property list of a launchd agent."""

_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def handed_over(path: Path) -> socket.socket | None:
    """The listening socket of this very path that the process was started with; None where there is none.

    Others that were handed over are left alone, for whoever they are meant for.
    """
    for handle in [*_systemd_handles(os.environ), *_launchd_handles()]:
        try:
            given = socket.socket(fileno=handle)
        except OSError:
            continue
        if _listens_at(given, path):
            given.set_inheritable(False)
            given.settimeout(0)
            return given
        given.detach()
    return None


def _listens_at(given: socket.socket, path: Path) -> bool:
    is_stream = given.family == socket.AF_UNIX and given.type == socket.SOCK_STREAM
    if not is_stream or not given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return False
    name: str = given.getsockname()
    return os.path.realpath(name) == os.path.realpath(path)


def _systemd_handles(variables: MutableMapping[str, str]) -> Sequence[int]:
    """Those for this process. The variables are taken away, so that no child takes them for its own."""
    pid, count, _ = (variables.get(name, "") for name in _VARIABLES)
    if not (pid.isascii() and pid.isdecimal() and count.isascii() and count.isdecimal()) or int(pid) != os.getpid():
        return ()
    for name in _VARIABLES:
        variables.pop(name, None)
    return range(FIRST_HANDLE, FIRST_HANDLE + min(int(count), 64))


def _launchd_handles() -> Sequence[int]:
    """Those of the agent's property list; none where launchd did not start this process, or handed them out before."""
    if sys.platform != "darwin":
        return ()
    handles, count = ctypes.POINTER(ctypes.c_int)(), ctypes.c_size_t()
    library = ctypes.CDLL(None)
    if library.launch_activate_socket(LAUNCHD_NAME.encode(), ctypes.byref(handles), ctypes.byref(count)) != 0:
        return ()
    found = [int(handles[i]) for i in range(count.value)]
    library.free(handles)
    return found
