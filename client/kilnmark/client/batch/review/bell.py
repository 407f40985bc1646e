"""What has changed in a folder that is reviewed, told to every page that looks on: at once what this server did itself,
within a second what others wrote.

Nothing is read for it but times and sizes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from kilnmark.client.batch.picks.file import PicksFiles
from kilnmark.client.batch.run.journal import JOURNAL
from kilnmark.client.batch.run.manifest import MANIFEST

__all__ = ["PAUSE", "Bell"]

PAUSE: Final = 0.7
"""Seconds from one look at the folder to the next."""

_BEAT = 20
"""Looks after which something is sent although nothing has changed, so that whoever went away is noticed."""


class Bell:
    """Follows a folder while somebody looks on.

    Args:
        folder: Of the batch.
        files: Where decisions lie.
    """

    def __init__(self, folder: Path, files: PicksFiles) -> None:
        self._pictures = (folder / MANIFEST, folder / JOURNAL)
        self._files = files
        self._queues: set[asyncio.Queue[bytes]] = set()

    def version(self) -> str:
        """Another one as soon as there may be other pictures."""
        return "/".join(_mark(path) for path in self._pictures)

    def ring(self, event: str, data: str = "") -> None:
        """Tell every page.

        Args:
            event: `picks`, where decisions are others; `said`, with a sentence for people.
        """
        for queue in self._queues:
            queue.put_nowait(_event(event, data))

    async def events(self) -> AsyncIterator[bytes]:
        """Server-sent events: `hello` with the version at once, then `picks`, `pictures` and `said`."""
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._queues.add(queue)
        try:
            pictures, picks = self.version(), self._files.changed()
            yield _event("hello", pictures)
            looks = 0
            while True:
                with suppress(TimeoutError):
                    yield await asyncio.wait_for(queue.get(), PAUSE)
                looks += 1
                before = pictures, picks
                pictures, picks = self.version(), self._files.changed()
                if pictures != before[0]:
                    yield _event("pictures", pictures)
                if picks != before[1]:
                    yield _event("picks", "")
                elif looks % _BEAT == 0:
                    yield b": still here\n\n"
        finally:
            self._queues.discard(queue)


def _event(name: str, data: str) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))


def _mark(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"
