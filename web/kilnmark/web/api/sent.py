"""Pictures that programs send: put where the daemon reads them, and taken away again.

Each lies once, under the hash of its bytes, below the daemon's output folder. What nobody has sent for a day goes, and
of more than the bound what was sent longest ago; never one that a request is still made of.
"""

import asyncio
import hashlib
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from kilnmark.keymaps.files.atomic import written_whole
from kilnmark.keymaps.files.outputs import is_unspoilt
from kilnmark.protocol.wire.errors import PictureRefused

__all__ = ["FOLDER", "KEPT_FOR", "SentPictures"]

FOLDER: Final = "given"
"""Its name below the output folder."""

KEPT_FOR: Final = 86_400.0
"""Seconds that a picture stays after it was sent last."""

MOST_BYTES: Final = 1 << 30
"""Of all of them together, but for those that requests are made of."""

_BEGINS: Final = ((b"\x89PNG\r\n\x1a\n", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"RIFF", ".webp"))


class SentPictures:
    """Those of one web process.

    Args:
        most_bytes: That stay, all of them together.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._in_hand: Counter[str] = Counter()
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def kept(self, root: Path, pictures: Sequence[bytes]) -> AsyncIterator[list[str]]:
        """The paths of pictures, which are there at least until the block ends.

        Args:
            root: The daemon's output folder.
            pictures: The bytes of their files.

        Raises:
            PictureRefused: One is none of the kinds that are read.
        """
        if not pictures:
            yield []
            return
        names = await asyncio.to_thread(_names_of, pictures)
        self._in_hand.update(names)
        try:
            async with self._one_at_a_time:
                await asyncio.to_thread(self._put, root / FOLDER, dict(zip(names, pictures, strict=True)))
            yield [str(root / FOLDER / name) for name in names]
        finally:
            self._in_hand -= Counter(names)

    def _put(self, folder: Path, pictures: dict[str, bytes]) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in pictures.items():
            path = folder / name
            if is_unspoilt(path, path.stem):
                os.utime(path)
                continue
            with written_whole(path, mode=0o600) as file:
                file.write(data)
        _tidy(folder, set(self._in_hand), self._most)


def _names_of(pictures: Sequence[bytes]) -> list[str]:
    found = []
    for i, data in enumerate(pictures):
        ending = next((ending for begin, ending in _BEGINS if data.startswith(begin)), None)
        if ending is None:
            raise PictureRefused(f"it is neither PNG nor JPEG nor WebP - at `$.params.image[{i}]`")
        found.append(hashlib.sha256(data).hexdigest() + ending)
    return found


def _tidy(folder: Path, stay: Collection[str], most: int) -> None:
    """Remove what is too old, then the oldest of what is too much; another process may do the same."""
    now, room = time.time(), most
    for path, seen in sorted(_lying(folder), key=lambda each: -each[1].st_mtime):
        if path.name in stay:
            continue
        room -= seen.st_size
        if room < 0 or now - seen.st_mtime > KEPT_FOR:
            path.unlink(missing_ok=True)


def _lying(folder: Path) -> list[tuple[Path, os.stat_result]]:
    found = []
    for path in folder.iterdir():
        try:
            found.append((path, path.lstat()))
        except FileNotFoundError:  # somebody else removed it
            continue
    return found
