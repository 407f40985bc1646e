"""Where the daemon listens when nobody says otherwise: one rule, asked by both ends."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from kilnmark.protocol.xdg import xdg_folder

__all__ = ["LOCK_SUFFIX", "MAX_SOCKET_PATH", "default_socket_path"]

MAX_SOCKET_PATH = 103
"""Bytes a Unix socket's path may have on every system we serve (macOS has 104 with the closing zero)."""


LOCK_SUFFIX = ".lock"
"""Behind the socket's path: the file that its daemon locks for as long as it lives, with its process number in it."""


def default_socket_path(env: Mapping[str, str], *, platform: str, uid: int) -> PurePosixPath:
    """The socket's path.

    `$KILNMARK_SOCKET`, else `$XDG_RUNTIME_DIR/kilnmark/daemon.sock`, else on macOS `$TMPDIR/kilnmark/daemon.sock`,
    else `/tmp/kilnmark-<uid>/daemon.sock`.

    Args:
        env: The environment's variables; an empty value counts as unset, and so does a relative `XDG_RUNTIME_DIR`.
        platform: As `sys.platform` names it.
        uid: The user's number.
    """
    if named := env.get("KILNMARK_SOCKET"):
        return PurePosixPath(named)
    if (runtime := xdg_folder(env, "XDG_RUNTIME_DIR")) is not None:
        return runtime / "kilnmark" / "daemon.sock"
    if platform == "darwin" and (temporary := env.get("TMPDIR")):
        return PurePosixPath(temporary) / "kilnmark" / "daemon.sock"
    return PurePosixPath(f"/tmp/kilnmark-{uid}") / "daemon.sock"  # noqa: S108 - private by its mode, checked at bind
