"""Files that a node has fetched, kept below one folder under a budget: the longest unused leave, never one in use.

What was verified once is trusted as long as nobody has written to it since; the daemon hashes every adapter once more
when it reads it, and its report is held to what the job says.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kilnmark.farm.content.local import file_sha256
from kilnmark.farm.content.store import ContentStore
from kilnmark.farm.documents import ContentFile, FarmJob
from kilnmark.farm.errors import FarmNotUsable

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
        self._used: Counter[Path] = Counter()
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
        with self._in_use([adapters / each.sha256 for each in job.adapters]):
            fetched, paths = 0, []
            for adapter in job.adapters:
                place = adapters / adapter.sha256
                fetched += await self._have(store, place, adapter.files)
                paths.append(place / adapter.files[0].name)
            given = [each for each in (job.start, *job.references) if each is not None]
            places = [pictures / each.sha256 for each in given]
            with self._in_use(places):
                for place, each in zip(places, given, strict=True):
                    fetched += await self._have(store, place, [each])
                named = [place / each.name for place, each in zip(places, given, strict=True)]
                start = named.pop(0) if job.start is not None else None
                yield HeldContent(tuple(paths), start, tuple(named), fetched)
        await asyncio.to_thread(self.tidy)

    def tidy(self) -> None:
        """Bring what is kept under the budget."""
        found = sorted(((_last_used(place), _size(place), place) for place in self._places()), key=lambda each: each[0])
        total = sum(size for _, size, _ in found)
        for _, size, place in found:
            if total <= self._budget:
                return
            if not self._used[place]:
                shutil.rmtree(place, ignore_errors=True)
                total -= size

    @contextmanager
    def _in_use(self, places: Sequence[Path]) -> Iterator[None]:
        self._used.update(places)
        try:
            yield
        finally:
            self._used.subtract(places)

    async def _have(self, store: ContentStore, place: Path, files: Sequence[ContentFile]) -> int:
        """Have these files and no others in a folder. Returns the bytes that were fetched."""
        fetched = 0
        async with self._busy.setdefault(place, asyncio.Lock()):
            try:
                await asyncio.to_thread(place.mkdir, parents=True, exist_ok=True)
            except OSError as error:
                raise FarmNotUsable(str(place.parent), f"cannot be written ({error.strerror or error})") from error
            for content in files:
                path = place / content.name
                if not await asyncio.to_thread(self._is_good, path, content):
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
            with suppress(OSError):
                yield from (place for place in folder.iterdir() if place.is_dir())


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


def _size(place: Path) -> int:
    with suppress(OSError):
        return sum(path.stat().st_size for path in place.iterdir())
    return 0
