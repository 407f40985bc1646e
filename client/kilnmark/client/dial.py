"""Where the daemon's socket is, and how one attempt to connect to it ends; the flavours do the waiting.

A full backlog shows at once as "try again" on a Unix socket that does not block, and as a false success in event
loops, so nobody but this module connects.
"""

import os
import socket
import sys
from pathlib import Path

from kilnmark.client.errors import DaemonUnavailable
from kilnmark.protocol.wire.address import MAX_SOCKET_PATH, default_socket_path

__all__ = ["RETRY_AFTER", "has_hung_up", "socket_path", "try_to_connect"]

RETRY_AFTER = 0.02
"""Seconds between two attempts while the daemon's backlog is full."""

_REASONS: dict[type[Exception], str] = {
    FileNotFoundError: "there is no socket",
    NotADirectoryError: "a part of the path is no folder",
    ConnectionRefusedError: "the socket is left over from a daemon that is gone",
    PermissionError: "the socket belongs to another user",
}


def socket_path(named: str | os.PathLike[str] | None) -> str:
    """The socket to use: as named, else where the daemon listens when nobody says otherwise. Absolute."""
    if named is not None:
        return str(Path(named).absolute())
    return str(default_socket_path(os.environ, platform=sys.platform, uid=os.getuid()))


def try_to_connect(path: str) -> socket.socket | None:
    """Connect without waiting; None while the daemon's backlog is full.

    Returns:
        A connected socket that does not block.

    Raises:
        DaemonUnavailable: nobody listens there, or the path cannot be a socket's.
    """
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise DaemonUnavailable(path, f"the path is longer than the {MAX_SOCKET_PATH} bytes a socket may have")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        sock.connect(path)
    except BlockingIOError:
        sock.close()
        return None
    except (OSError, ValueError) as error:
        sock.close()
        raise DaemonUnavailable(path, _REASONS.get(type(error), str(error))) from error
    except BaseException:
        sock.close()
        raise
    return sock


def has_hung_up(sock: socket.socket) -> bool:
    """Whether a connected socket is of no more use: closed here, or by a daemon that was restarted meanwhile.

    Asked before a request is sent, so that none is lost on a connection that nobody reads. Leaves the socket not
    blocking.
    """
    if sock.fileno() < 0:
        return True
    sock.settimeout(0)
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
