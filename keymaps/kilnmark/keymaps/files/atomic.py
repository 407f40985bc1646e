"""A file that is there whole or not at all, and survives a power cut: written beside its place, synced, then renamed.

Every room that leaves a file for somebody else writes it here. What stands in the file is not known here.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from kilnmark.keymaps.files.roots import AnyPath

__all__ = ["TEMPORARY", "sync_folder", "written_whole"]

TEMPORARY = r"\.[0-9a-f]{16}\.partial"
"""What a file is called, as a pattern, until it is whole; those that somebody writes alone are called otherwise."""

_LINKS_UNKNOWN = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
"""What file systems without hard links answer."""


@contextmanager
def written_whole(
    goal: AnyPath, *, replace: bool = True, alone: bool = False, mode: int | None = None
) -> Iterator[BinaryIO]:
    """Open a file whose bytes take the place of `goal` when the block has ended; an error leaves `goal` as it is.

    Args:
        goal: Where to. Its folder must be there.
        replace: Take the place of a file that is there; otherwise a file that came into being meanwhile stays.
        alone: Nobody else writes there: the temporary name is a fixed one, so that whatever a crash left under it is
            taken away and not left for ever.
        mode: Of the file, whatever the umask; None: as the umask has it.

    Yields:
        The file, to be written and read, in a temporary place in the same folder: `name` says where.

    Raises:
        FileExistsError: `goal` is there, and is not to be replaced.
        OSError: It cannot be written. Nothing is left behind.
    """
    place = Path(goal)
    temporary = place.with_name(f".{place.name}.partial" if alone else f".{secrets.token_hex(8)}.partial")
    if alone:
        temporary.unlink(missing_ok=True)
    with temporary.open("x+b") as file:
        try:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
            _put(temporary, place, replace=replace)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    sync_folder(place.absolute().parent)


def sync_folder(folder: AnyPath) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put(temporary: Path, place: Path, *, replace: bool) -> None:
    if replace:
        temporary.replace(place)
        return
    try:
        os.link(temporary, place)
    except OSError as error:
        if error.errno not in _LINKS_UNKNOWN:
            raise
        if os.path.lexists(place):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place)) from error
        temporary.replace(place)
    else:
        temporary.unlink()
