"""What has changed in a folder of runs, for pages that follow it: looked at once a second, however many look on.

Nothing is read for it but times and sizes, and who holds a run.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from kilnmark.client.batch.run.journal import JOURNAL
from kilnmark.client.batch.run.manifest import MANIFEST
from kilnmark.lab.judging.blind import VOTES
from kilnmark.lab.judging.report import JUDGEMENT
from kilnmark.lab.run.folder import STATE, is_held
from kilnmark.lab.run.found import is_document, looked_through
from kilnmark.lab.run.plan import PLAN
from kilnmark.lab.run.summary import SUMMARY
from kilnmark.protocol.content.picked import PICKS_FILE

__all__ = ["PAUSE", "FolderWatch"]

PAUSE: Final = 1.0
"""Seconds from one look to the next."""

_BEAT = 15
"""Looks after which something is sent although nothing has changed, so that whoever went away is noticed."""

_Marks = tuple[tuple[object, ...], ...]


class FolderWatch:
    """Follows a folder while somebody looks on.

    Args:
        root: The folder.
        wait: What passes the time from one look to the next; it ends with the server.
    """

    def __init__(self, root: Path, wait: Callable[[float], "asyncio.Future[None]"] | None = None) -> None:
        self._root = root
        self._wait = wait or (lambda seconds: asyncio.ensure_future(asyncio.sleep(seconds)))

    async def events(self) -> AsyncIterator[bytes]:
        """Server-sent events: `hello` at once, then `changed` whenever something has."""
        last = await asyncio.to_thread(self.marks)
        yield b"event: hello\ndata: \n\n"
        looks = 0
        while True:
            await self._wait(PAUSE)
            looks += 1
            now = await asyncio.to_thread(self.marks)
            if now != last:
                last = now
                yield b"event: changed\ndata: \n\n"
            elif looks % _BEAT == 0:
                yield b": still here\n\n"

    def marks(self) -> _Marks:
        """What is another as soon as something on a page is."""
        return tuple(_marks(self._root))


def _marks(root: Path) -> Iterator[tuple[object, ...]]:
    for folder, place, files in looked_through(root):
        if PLAN in files:
            judged = [path for name in (JUDGEMENT, VOTES) for path in sorted(folder.glob(f"report/*/{name}"))]
            names = [folder / name for name in (PLAN, STATE, SUMMARY)]
            yield place, is_held(folder), *map(_mark, (*names, *judged))
        elif MANIFEST in files:
            yield place, *(_mark(folder / name) for name in (MANIFEST, JOURNAL, PICKS_FILE))
        else:
            yield from ((place, name, _mark(folder / name)) for name in files if is_document(f"{place}/{name}"))


def _mark(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        status = path.stat()
        return status.st_mtime_ns, status.st_size
    return None
