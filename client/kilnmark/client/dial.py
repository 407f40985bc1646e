"""Where the daemon's socket is, how one attempt to connect to it ends, and when the next is; the flavours wait.

A full backlog shows at once as "try again" on a Unix socket that does not block (Linux), or like a socket that nobody
listens at (macOS), and as a false success in event loops, so nobody but this module connects.
"""

import os
import random
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from kilnmark.client.errors import ClientError, DaemonUnavailable, UntrustedSocket
from kilnmark.client.home import expanded
from kilnmark.keymaps.files.owners import is_trusted, peer_uid, way_in_for_others
from kilnmark.protocol.wire.address import LOCK_SUFFIX, MAX_SOCKET_PATH, socket_places
from kilnmark.protocol.wire.errors import RequestError

__all__ = [
    "Absence",
    "AtItsPlace",
    "Places",
    "has_hung_up",
    "is_served",
    "looked_at",
    "pause_before",
    "socket_path",
    "try_to_connect",
]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
"""Seconds before the second attempt, at most; doubled up to the longest."""

_REASONS: dict[type[Exception], str] = {
    FileNotFoundError: "there is no socket",
    NotADirectoryError: "a part of the path is no folder",
    ConnectionRefusedError: "the socket is left over from a daemon that is gone",
    PermissionError: "the socket belongs to another user",
}


class Places:
    """Where a client looks for its daemon: at the socket that was named, else at each place where one may be.

    Args:
        named: The socket to use, whatever else there is; None: none was named.

    Attributes:
        named: As it was given, absolute, its `~` as the home that it stands for.
        path: Where the daemon was found last; the first place before that. Absolute.
    """

    def __init__(self, named: str | os.PathLike[str] | None) -> None:
        self.named = None if named is None else str(Path(expanded(named)).absolute())
        self._paths = _paths() if self.named is None else [self.named]
        self.path = self._paths[0]

    def try_to_connect(self) -> socket.socket | None:
        """Connect without waiting, at the first place where a daemon is; None while its backlog is full.

        Raises:
            DaemonUnavailable: nobody listens anywhere.
            UntrustedSocket: another user does at the first place, or could. The other places are passed over then.
        """
        missed: list[DaemonUnavailable | UntrustedSocket] = []
        for path in self._paths:
            try:
                sock = try_to_connect(path)
            except (DaemonUnavailable, UntrustedSocket) as error:
                if isinstance(error, UntrustedSocket) and not missed:
                    raise
                missed.append(error)
            else:
                self.path = path
                return sock
        others = [(error.path, error.reason) for error in missed[1:]]
        raise DaemonUnavailable(missed[0].path, missed[0].reason, others) from missed[0]


class AtItsPlace:
    """A client, as far as its daemon's place goes; `_places` is its own to make."""

    _places: Places

    @property
    def socket(self) -> str:
        """The daemon's socket, where it was found last; before that, where it is looked for first."""
        return self._places.path


def _paths() -> list[str]:
    return [str(place.path) for place in socket_places(os.environ, platform=sys.platform, uid=os.getuid())]


def socket_path(named: str | os.PathLike[str] | None) -> str:
    """The socket to use: as named, else the first place where a daemon listens now, else the first of all. Absolute."""
    places = Places(named)
    if named is None and (served := next((path for path in _paths() if looked_at(path) is None), None)):
        return served
    return places.path


def looked_at(path: str) -> str | None:
    """Why no daemon can be asked at a place, as a clause; None where one can. Nothing is said to it."""
    try:
        if (sock := try_to_connect(path)) is not None:
            sock.close()
    except (DaemonUnavailable, UntrustedSocket) as error:
        return error.reason
    return None


def pause_before(attempt: int, left: float | None) -> float:
    """Seconds to wait before an attempt to connect, after the last one failed.

    Drawn evenly from zero to a bound that doubles: a thousand callers that failed together come back apart
    ("full jitter", Exponential Backoff And Jitter, AWS Architecture Blog, 2015).

    Args:
        attempt: Which attempt is next; the second is 2.
        left: Seconds of the connect time-out that are left; None: no bound.
    """
    bound = min(_FIRST_PAUSE * 2.0 ** min(attempt - 2, 16), _LONGEST_PAUSE)
    pause = random.uniform(0, bound)  # noqa: S311 - spreads callers, guards nothing
    return pause if left is None else min(pause, left)


class Absence:
    """A daemon that is not to be had for the moment, and for how long it is asked for again.

    Args:
        limit: In seconds; None means no bound.
    """

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self._since: float | None = None
        self._attempt = 1

    def pause(self, error: ClientError | RequestError) -> float:
        """Seconds to wait before it is asked again.

        Args:
            error: How its absence showed.

        Raises:
            KilnmarkError: That error, once the limit is reached.
        """
        now = time.monotonic()
        self._since = since = now if self._since is None else self._since
        left = None if self.limit is None else since + self.limit - now
        if left is not None and left <= 0:
            raise error
        self._attempt += 1
        return pause_before(self._attempt, left)

    def end(self) -> None:
        """It is back."""
        self._since, self._attempt = None, 1


def try_to_connect(path: str) -> socket.socket | None:
    """Connect without waiting; None while the daemon's backlog is full.

    Returns:
        A connected socket that does not block.

    Raises:
        DaemonUnavailable: nobody listens there, or the path cannot be a socket's.
        UntrustedSocket: another user listens there, or could put a socket of theirs there.
    """
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise DaemonUnavailable(path, f"the path is longer than the {MAX_SOCKET_PATH} bytes a socket may have")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _check_way(path)
        sock.settimeout(0)
        sock.connect(path)
        _check_peer(path, sock)
    except BlockingIOError:
        sock.close()
        return None
    except (OSError, ValueError) as error:
        sock.close()
        if isinstance(error, ConnectionRefusedError) and sys.platform == "darwin" and is_served(path):
            return None
        raise DaemonUnavailable(path, _REASONS.get(type(error), str(error))) from error
    except BaseException:
        sock.close()
        raise
    return sock


def _check_way(path: str) -> None:
    if (problem := way_in_for_others(path)) is not None:
        raise UntrustedSocket(path, problem)


def _check_peer(path: str, sock: socket.socket) -> None:
    """Whoever listens is who they were when they began to, so this holds for as long as the socket is connected."""
    if not is_trusted(uid := peer_uid(sock.fileno())):
        raise UntrustedSocket(path, f"user {uid} listens there")


def is_served(path: str) -> bool:
    """Whether the daemon that holds the path's lock file lives, as far as its process number tells.

    macOS refuses both a socket left over and one whose backlog is full; the first has no living daemon. A number that
    went to another process meanwhile costs the connect time-out, no more.
    """
    with suppress(OSError, ValueError, OverflowError):
        os.kill(int(Path(path + LOCK_SUFFIX).read_text().strip()), 0)
        return True
    return False


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
