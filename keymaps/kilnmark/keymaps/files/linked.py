"""A second name for a file that is there, in place of a copy: no byte is written, and both last until both are removed.

Only where nobody can tell it from a copy that was just made: on one disk, and readable by the same people.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from kilnmark.keymaps.files.atomic import sync_folder
from kilnmark.keymaps.files.roots import AnyPath

__all__ = ["linked_whole"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def linked_whole(source: AnyPath, goal: AnyPath) -> bool:
    """Let a file take the place of `goal`, whatever is there, under both names.

    The file gets the mode that a new one would have in the goal's folder, where only its owner can enter the folder
    that it is in: nobody else can then read it there all the same.

    Args:
        source: A regular file of this user's, synced.
        goal: Where to. Its folder must be there, and nobody else writes there.

    Returns:
        False where it cannot be shared, as on another disk: it is to be copied. `goal` is as it was then.

    Raises:
        OSError: `goal` cannot be written.
    """
    given, place = Path(source), Path(goal)
    temporary = place.with_name(f".{place.name}.partial")
    try:
        mode = _usual_mode(temporary)
        if not _is_linked(given, temporary, mode):
            return False
        temporary.replace(place)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)  # rename(2) leaves it where the goal was this very file already
    sync_folder(place.absolute().parent)
    return True


def _usual_mode(temporary: Path) -> int:
    """Of a file that is made there, as the umask has it."""
    temporary.unlink(missing_ok=True)
    with temporary.open("xb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    temporary.unlink()
    return mode


def _is_linked(given: Path, temporary: Path, mode: int) -> bool:
    try:
        found, folder = given.lstat(), given.parent.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            return False
        if stat.S_IMODE(found.st_mode) != mode:
            if folder.st_uid != os.geteuid() or folder.st_mode & _OTHERS:
                return False
            given.chmod(mode)
        os.link(given, temporary, follow_symlinks=False)
    except OSError:  # another disk, no links on it, too many of them; whatever it is, a copy tells
        return False
    return True
