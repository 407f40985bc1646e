"""Files on their way to the broker and from it: given up when nothing of them moves, and never for being slow."""

import asyncio
import hashlib
from contextlib import suppress
from typing import BinaryIO, Self

from kilnmark.farm.content.local import LocalFile
from kilnmark.farm.errors import FarmNotUsable

__all__ = ["Moving", "ReceivedFile", "SentFile"]

_QUIET = 20.0
"""Seconds in which something of a file has to move: longer than the broker is waited for with one piece of it."""


class Moving:
    """A time-out that begins anew with everything that moves; it is entered once, where the file is awaited.

    Raises:
        TimeoutError: Nothing moved for too long.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout = asyncio.timeout(_QUIET)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._timeout.__aexit__(*raised)  # type: ignore[arg-type]

    def tell(self) -> None:
        """Something moved; from any thread."""
        self._loop.call_soon_threadsafe(self._renew)

    def _renew(self) -> None:
        with suppress(RuntimeError):  # it is over
            self._timeout.reschedule(self._loop.time() + _QUIET)


class SentFile:
    """A file that is read to its end only where it is the one that was looked at."""

    def __init__(self, file: BinaryIO, local: LocalFile, moving: Moving) -> None:
        self._file = file
        self._local = local
        self._moving = moving
        self._read = hashlib.sha256()

    def readinto(self, buffer: bytearray) -> int:
        """Read on. Raises FarmNotUsable at the end of another."""
        count = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self._moving.tell()
        self._read.update(memoryview(buffer)[:count])
        if not count and self._read.hexdigest() != self._local.content.sha256:
            raise FarmNotUsable(str(self._local.path), "was written to while it was handed in; hand it in again")
        return int(count)


class ReceivedFile:
    """A file that is written as it comes."""

    def __init__(self, file: BinaryIO, moving: Moving) -> None:
        self._file = file
        self._moving = moving

    def write(self, data: bytes) -> int:
        """Write on."""
        self._moving.tell()
        return self._file.write(data)
