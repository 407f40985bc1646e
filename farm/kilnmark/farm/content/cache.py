"""Files that a node has fetched, kept below one folder under a budget: the longest unused leave, never one in use.

What was verified once is trusted as long as nobody has written to it since; the daemon hashes every adapter once more
when it reads it, and its report is held to what the job says.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kilnmark.farm.content.local import file_sha256
from kilnmark.farm.content.places import check_room, check_written, free_bytes, held, places_in, removed, size_of
from kilnmark.farm.content.store import ContentStore
from kilnmark.farm.documents import ContentFile, FarmJob
from kilnmark.keymaps.files.outputs import SPARE

__all__ = ["ContentCache", "HeldContent"]


@dataclass(frozen=True)
class HeldContent:
    """The files of one job on this machine.

    Attributes:
        adapters: The adapter files, in stack order.
        start: The picture that it starts from; None: none.
        references: Those that it refers to.
        fetched_bytes: What had to be fetched for it.
    """

    adapters: tuple[Path, ...]
    start: Path | None
    references: tuple[Path, ...]
    fetched_bytes: int


class ContentCache:
    """Below one folder, a folder for each adapter or picture.

    Args:
        folder: Of adapters; the daemon has to be allowed to read there.
        pictures: The same of pictures.
        budget: Bytes that stay when nothing is in use.
    """

    def __init__(self, folder: Path, pictures: Path, budget: int) -> None:
        self._folders = (folder, pictures)
        self._budget = budget
        self._missed: dict[Path, int] = {}
        self._verified: dict[Path, tuple[int, int, int]] = {}
        self._busy: dict[Path, asyncio.Lock] = {}

    @asynccontextmanager
    async def holding(self, store: ContentStore, job: FarmJob) -> AsyncIterator[HeldContent]:
        """The files of a job, which stay until the block ends.

        Raises:
            ContentUnusable: One cannot be had as it was handed in.
            FarmError: There is no room, or the broker does not answer.
        """
        adapters, pictures = self._folders
        given = [each for each in (job.start, *job.references) if each is not None]
        places = [pictures / each.sha256 for each in given]
        async with held([*(adapters / each.sha256 for each in job.adapters), *places]):
            fetched, paths = 0, []
            for adapter in job.adapters:
                place = adapters / adapter.sha256
                fetched += await self._have(store, place, adapter.files)
                paths.append(place / adapter.files[0].name)
            for place, each in zip(places, given, strict=True):
                fetched += await self._have(store, place, [each])
            named = [place / each.name for place, each in zip(places, given, strict=True)]
            start = named.pop(0) if job.start is not None else None
            yield HeldContent(tuple(paths), start, tuple(named), fetched)
        await asyncio.to_thread(self.tidy)

    def tidy(self) -> None:
        """Bring what is kept under the budget, and take away what became of nothing."""
        found = sorted((_last_used(place), size_of(place), place) for place in self._places())
        total = sum(size for _, size, _ in found)
        for _, size, place in found:
            if (total > self._budget or not size or place.name.startswith(".")) and removed(place):
                total -= size

    def check(self) -> None:
        """See whether what found no room, or could not be written, would find some now.

        Raises:
            FarmNotUsable: It would not.
        """
        for folder in self._folders:
            check_written(folder)
            self._have_room(folder, self._missed.get(folder, 0))

    def _have_room(self, folder: Path, size: int) -> None:
        """Have room for a file of so many bytes, though others leave for it that are not in use.

        Raises:
            FarmNotUsable: There is none.
        """
        found = sorted((_last_used(place), place) for place in places_in(folder))
        while free_bytes(folder) < size + SPARE and found:
            removed(found.pop(0)[1])
        self._missed[folder] = size
        check_room(folder, size)
        self._missed[folder] = 0

    async def _have(self, store: ContentStore, place: Path, files: Sequence[ContentFile]) -> int:
        """Have these files in a folder that is held. Returns the bytes that were fetched."""
        fetched = 0
        async with self._busy.setdefault(place, asyncio.Lock()):
            for content in files:
                path = place / content.name
                if not await asyncio.to_thread(self._is_good, path, content):
                    await asyncio.to_thread(self._have_room, place.parent, content.size)
                    await store.fetch(content, path)
                    self._verified[path] = _stamp(path)
                    fetched += content.size
            await asyncio.to_thread(_touch, place)
        return fetched

    def _is_good(self, path: Path, content: ContentFile) -> bool:
        """Whether the file is there with the bytes that its hash says; read once, and again when it was written to."""
        try:
            stamp = _stamp(path)
        except OSError:
            return False
        if self._verified.get(path) != stamp:
            if file_sha256(path) != (content.sha256, content.size):
                return False
            self._verified[path] = stamp
        return True

    def _places(self) -> Iterator[Path]:
        for folder in self._folders:
            yield from places_in(folder)


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _touch(place: Path) -> None:
    with suppress(OSError):
        place.touch()


def _last_used(place: Path) -> float:
    with suppress(OSError):
        return place.stat().st_mtime
    return 0.0
