"""How long pictures stay in the output folder: by age and by size, where the settings say so, and never one in use.

Only files that the daemon wrote are removed: their name and their record say so. What the picture cache and remembered
jobs know of one that is gone is looked at when it is asked for, and painted anew.
"""

import asyncio
import logging
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.pictures.cache import read_record
from kilnmark.protocol.settings import Settings

__all__ = ["GRACE", "INTERVAL", "RemovedPictures", "Retention"]

_log = logging.getLogger(__name__)

INTERVAL = 3600.0
"""Seconds between two sweeps; the first is at the start."""

GRACE = 3600.0
"""Seconds after which a finished picture may be removed at the earliest: whoever asked for it may be away, or still be
taking it."""

_NAME = re.compile(r"\d{17}-.+\.png")
"""What the worker calls pictures: their moment and their job."""


class RemovedPictures(NamedTuple):
    """What a sweep removed."""

    removed: int = 0
    nbytes: int = 0


@dataclass(frozen=True)
class _LyingPicture:
    path: Path
    written: float
    nbytes: int


class Retention:
    """Sweeps the output folder from `begin` to `end`.

    Args:
        settings: The folder, and how long and how much of it stays.
        clock: Tells the time.
        needed: From a moment of the wall clock to the files that stay: those that open jobs are made of, and those that
            were given out since.
    """

    def __init__(self, settings: Settings, clock: Clock, needed: Callable[[float], Iterable[str]]) -> None:
        self._folder = settings.output_dir
        self._seconds = settings.pictures_kept_for
        self._limit = settings.pictures_bytes
        self._clock = clock
        self._needed = needed
        self._sweeping: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Sweep now and then from now on; not at all where the settings keep everything."""
        if self._seconds or self._limit:
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep_on())

    def end(self) -> None:
        """Sweep no more."""
        if self._sweeping is not None:
            self._sweeping.cancel()

    async def _sweep_on(self) -> None:
        while True:
            needed = list(self._needed(self._clock.wall() - GRACE))
            swept = await asyncio.to_thread(self.sweep, needed)
            if swept.removed:
                bounds = f"pictures_kept_for {self._seconds:g} s, pictures_bytes {self._limit}"
                _log.info("%d pictures with %d bytes were removed from %s (%s)", *swept, self._folder, bounds)
            await asyncio.sleep(INTERVAL)

    def sweep(self, needed: Collection[str]) -> RemovedPictures:
        """Remove what is too old, then the oldest of what is too much.

        Args:
            needed: Files that stay whatever their age.
        """
        now, stay = self._clock.wall(), {os.path.realpath(path) for path in needed}
        found = sorted(self._ours(), key=lambda each: each.written)
        total = sum(each.nbytes for each in found)
        count = nbytes = 0
        for each in found:
            is_old = 0 < self._seconds < now - each.written
            if not is_old and not 0 < self._limit < total - nbytes:
                continue
            if now - each.written < GRACE or os.path.realpath(each.path) in stay:
                continue
            if _is_removed(each.path):
                count, nbytes = count + 1, nbytes + each.nbytes
        return RemovedPictures(count, nbytes)

    def _ours(self) -> Iterator[_LyingPicture]:
        """Pictures by their names. One that has another name too, as in a batch's folder, takes no room here."""
        try:
            entries = [entry for entry in os.scandir(self._folder) if _NAME.fullmatch(entry.name)]
        except OSError as error:
            _log.warning("%s cannot be looked through: %s", self._folder, error)
            return
        for entry in entries:
            try:
                seen = entry.stat(follow_symlinks=False)
            except OSError:  # somebody else removed it
                continue
            if stat.S_ISREG(seen.st_mode) and seen.st_uid == os.geteuid():
                yield _LyingPicture(Path(entry.path), seen.st_mtime, seen.st_size if seen.st_nlink == 1 else 0)


def _is_removed(path: Path) -> bool:
    """Whether it was one of the daemon's, and is gone now."""
    try:
        if read_record(path) is None:
            return False
        path.unlink()
    except OSError as error:
        _log.warning("the picture %s could not be removed: %s", path, error)
        return False
    return True
