"""Folders of files that nodes of one machine share: held by whoever reads there, and taken away from nobody who does.

A hold is a lock of the system on the folder itself, so that it holds for every program and ends with it. What is taken
away is renamed first: whoever is about to hold it finds nothing there, and makes it anew.
"""

import asyncio
import errno
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

from kilnmark.farm.errors import FarmNotUsable
from kilnmark.keymaps.files.outputs import SPARE

__all__ = ["check_room", "check_written", "free_bytes", "held", "places_in", "removed", "size_of"]

_AGAIN = 0.01
"""Seconds until a folder is tried again that somebody takes away in this moment."""

_UNLOCKED = (errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS)


@asynccontextmanager
async def held(places: Sequence[Path]) -> AsyncIterator[None]:
    """Folders that are there until the block ends.

    Raises:
        FarmNotUsable: One cannot be made, or not be held.
    """
    with ExitStack() as stack:
        for place in dict.fromkeys(places):
            stack.callback(os.close, await _held(place))
        yield


def places_in(folder: Path) -> Iterator[Path]:
    """All there are, with what is left of those that somebody was ended in taking away."""
    with suppress(OSError):
        yield from (place for place in folder.iterdir() if place.is_dir())


def removed(place: Path) -> bool:
    """Take a folder away. Returns whether it went: not where anybody holds it."""
    going = place.with_name(f".{secrets.token_hex(8)}.going")
    try:
        file = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_there(place, file):
            return False
        place.rename(going)
    except OSError:
        return False
    finally:
        os.close(file)
    shutil.rmtree(going, ignore_errors=True)
    return True


def check_written(folder: Path) -> None:
    """See whether a folder can be written to, however little there is room for.

    Raises:
        FarmNotUsable: It cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as error:
        raise _unusable(folder, error) from error


def check_room(folder: Path, size: int) -> None:
    """See whether a file of so many bytes would find room, and some beside it.

    Raises:
        FarmNotUsable: It would not.
        OSError: The folder is gone.
    """
    if (free := free_bytes(folder)) < size + SPARE:
        reason = f"{free >> 20} MB are free, and {(size + SPARE) >> 20} MB are needed; free some"
        raise FarmNotUsable(str(folder), reason)


def size_of(place: Path) -> int:
    """Bytes of the files in a folder."""
    with suppress(OSError):
        return sum(path.stat().st_size for path in place.iterdir())
    return 0


def free_bytes(folder: Path) -> int:
    """What can be written there. Raises OSError where the folder is gone."""
    return shutil.disk_usage(folder).free


async def _held(place: Path) -> int:
    try:
        while True:
            if (file := _hold(place)) is not None:
                return file
            await asyncio.sleep(_AGAIN)
    except OSError as error:
        raise _unusable(place.parent, error) from error


def _hold(place: Path) -> int | None:
    """None: somebody takes it away in this moment."""
    place.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    except BaseException:
        os.close(file)
        raise
    if _is_there(place, file):
        return file
    os.close(file)
    return None


def _is_there(place: Path, file: int) -> bool:
    """Whether an open folder still has its name."""
    with suppress(OSError):
        return os.path.samestat(place.stat(), os.fstat(file))
    return False


def _unusable(folder: Path, error: OSError) -> FarmNotUsable:
    if error.errno in _UNLOCKED:
        return FarmNotUsable(str(folder), "its disk has no locks; give --content on a disk of this machine")
    return FarmNotUsable(str(folder), f"cannot be written ({error.strerror or error})")
