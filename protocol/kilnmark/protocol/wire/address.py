"""Where the daemon listens when nobody says otherwise, and where clients look for it: one rule, asked by both ends."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from kilnmark.protocol.xdg import xdg_folder

__all__ = ["LOCK_SUFFIX", "MAX_SOCKET_PATH", "SocketPlace", "default_socket_path", "socket_places"]

_FOLDER, _NAME = "kilnmark", "daemon.sock"

MAX_SOCKET_PATH = 103
"""Bytes a Unix socket's path may have on every system we serve (macOS has 104 with the closing zero)."""


LOCK_SUFFIX = ".lock"
"""Behind the socket's path: the file that its daemon locks for as long as it lives, with its process number in it."""


class SocketPlace(NamedTuple):
    """One path where a daemon may listen, and why there."""

    path: PurePosixPath
    why: str


def default_socket_path(env: Mapping[str, str], *, platform: str, uid: int) -> PurePosixPath:
    """Where a daemon listens: the first of `socket_places`, whose arguments these are."""
    return socket_places(env, platform=platform, uid=uid)[0].path


def socket_places(env: Mapping[str, str], *, platform: str, uid: int) -> tuple[SocketPlace, ...]:
    """Where a client looks for a daemon, in this order; the first is where a daemon of the same environment listens.

    `$KILNMARK_SOCKET`, and nowhere else. Without it `$XDG_RUNTIME_DIR/kilnmark/daemon.sock`, on macOS
    `$TMPDIR/kilnmark/daemon.sock`, and the places of daemons whose environment lacks what this one has or has what it
    lacks, as one that cron started: on Linux `/run/user/<uid>/kilnmark/daemon.sock`, and everywhere
    `/tmp/kilnmark-<uid>/daemon.sock`, where a daemon listens when no variable says more.

    Args:
        env: The environment's variables; an empty value counts as unset, and so does a relative `XDG_RUNTIME_DIR`. `~/`
            before the path of a socket stands for `$HOME`.
        platform: As `sys.platform` names it.
        uid: The user's number.
    """
    if named := env.get("KILNMARK_SOCKET"):
        return (SocketPlace(_at_home(named, env), "$KILNMARK_SOCKET says so"),)
    plain = PurePosixPath(f"/tmp/kilnmark-{uid}") / _NAME  # noqa: S108 - private by its mode, checked at bind
    if (runtime := xdg_folder(env, "XDG_RUNTIME_DIR")) is not None:
        first = SocketPlace(runtime / _FOLDER / _NAME, "your runtime folder, $XDG_RUNTIME_DIR")
    elif platform == "darwin" and (temporary := env.get("TMPDIR")):
        first = SocketPlace(PurePosixPath(temporary) / _FOLDER / _NAME, "your folder for temporary files, $TMPDIR")
    else:
        first = SocketPlace(plain, "no variable says more")
    others = [SocketPlace(plain, "daemons without a runtime folder of their own are there")]
    if platform == "linux":
        of_logins = PurePosixPath(f"/run/user/{uid}") / _FOLDER / _NAME
        others.insert(0, SocketPlace(of_logins, "the runtime folder of your logins"))
    return (first, *(place for place in others if place.path != first.path))


def _at_home(path: str, env: Mapping[str, str]) -> PurePosixPath:
    home = env.get("HOME")
    return PurePosixPath(home, path[2:]) if home and path.startswith("~/") else PurePosixPath(path)
