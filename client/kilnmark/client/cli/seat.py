"""Whether a daemon could have its socket at a path: asked before anybody is told to make one there.

Only looked at, never changed. The daemon looks for itself when it binds; the client, when it connects, in `dial`.
"""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from kilnmark.keymaps.files.owners import way_in_for_others
from kilnmark.protocol.wire.address import MAX_SOCKET_PATH

__all__ = ["ELSEWHERE", "SeatProblem", "problem_of"]

ELSEWHERE = "name a socket in a folder of your own, with --socket or $KILNMARK_SOCKET, for daemon and clients"


class SeatProblem(NamedTuple):
    """What is wrong with a path, as a clause, and what to do about it."""

    found: str
    mend: str


def problem_of(path: Path) -> SeatProblem | None:
    """Why no daemon can have its socket there; None where one can."""
    if (length := len(os.fsencode(path))) > MAX_SOCKET_PATH:
        found = f"it has {length} bytes, and a socket's path may have {MAX_SOCKET_PATH}"
        return SeatProblem(found, "name a shorter one with --socket or $KILNMARK_SOCKET")
    if (problem := _folder_problem(path.parent)) is not None:
        return SeatProblem(*problem)
    if os.path.lexists(path) and not stat.S_ISSOCK(path.lstat().st_mode):
        return SeatProblem("it is there, and no socket", "move it away, or name another with --socket")
    return None


def _folder_problem(folder: Path) -> tuple[str, str] | None:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if (way_in := way_in_for_others(there)) is not None:
        return f"{way_in}, so another user may stand in its place", ELSEWHERE
    if not there.is_dir():
        return f"{there} is no folder", ELSEWHERE
    if there == folder:
        found = folder.stat()
        if found.st_uid != os.geteuid():
            return f"{folder} belongs to user {found.st_uid}", ELSEWHERE
        if found.st_mode & 0o022:
            return f"{folder} has mode {stat.S_IMODE(found.st_mode):04o}", ELSEWHERE
    if not os.access(there, os.W_OK | os.X_OK):
        return f"nothing can be made in {there}", ELSEWHERE
    return None
