"""Pictures in a folder that nodes and submitters share: put there whole, and taken away as at the broker."""

import os
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from kilnmark.farm.content.local import LocalFile
from kilnmark.farm.names import token_of
from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.linked import linked_whole

__all__ = ["clear_shared", "share", "shared_place"]

_DAY = 86400.0
"""Seconds that a picture stays beyond its result, which is written behind it."""


def shared_place(folder: Path, submitter: str, sha256: str) -> Path:
    """Where a picture lies in a folder that nodes and submitters share."""
    return folder / token_of(submitter) / f"{sha256}.png"


def share(picture: LocalFile, place: Path) -> None:
    """Put a picture there, in the place of what lies there. Raises OSError where it finds no room."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if not linked_whole(picture.path, place):
        with picture.path.open("rb") as given, written_whole(place) as taken:
            shutil.copyfileobj(given, taken)


def clear_shared(folder: Path, submitter: str, kept: float) -> int:
    """Take a submitter's pictures away whose results are gone, by the clock of the folder's disk.

    Args:
        kept: Seconds for which results stay.

    Returns:
        How many went.

    Raises:
        OSError: Nothing can be written there.
    """
    place = folder / token_of(submitter)
    with os.scandir(place) as entries:
        files = [Path(entry) for entry in entries if entry.is_file(follow_symlinks=False)]
    before = _now(place) - kept - _DAY
    return sum(_is_old(path, before) and _taken_away(path, before) for path in files)


def _now(place: Path) -> float:
    with tempfile.TemporaryFile(dir=place) as file:
        return os.fstat(file.fileno()).st_mtime


def _is_old(path: Path, before: float) -> bool:
    with suppress(FileNotFoundError):
        found = path.stat()
        return max(found.st_mtime, found.st_ctime) < before
    return False


def _taken_away(path: Path, before: float) -> bool:
    """Not where a node has put the same there in this moment."""
    going = path.with_name(f".{secrets.token_hex(8)}.partial")
    with suppress(FileNotFoundError):
        path.rename(going)
        is_old = going.stat().st_mtime < before
        if not is_old:
            going.replace(path)
        going.unlink(missing_ok=True)
        return is_old
    return False
