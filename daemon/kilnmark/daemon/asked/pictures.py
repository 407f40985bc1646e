"""The pictures that a request is made of: found below the image roots, or kept as they came within it, and looked at.

What is accepted names each by its place and its content, so that the worker reads the very file that was meant, also
after a restart. What came within a request stays on disk for as long as an open job needs it. No pixel is decoded here.
"""

import asyncio
import hashlib
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.keymaps.files.outputs import OutputFolder, is_unspoilt
from kilnmark.keymaps.pictures.decoded import glimpsed
from kilnmark.keymaps.pictures.file import read_picture
from kilnmark.protocol.picture.given import NO_PICTURES, AskedPicture, GivenPicture, GivenPictures, InlinePicture
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import InvalidParams, PictureRefused, StorageFailed
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["AskedPictures", "PictureFiles", "sent_folder"]

_log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

AT_ONCE = 2
"""Files that are read at the same time, for all requests together: each is in memory whole."""

_START, _REFERENCES = "init_image", "reference_images"


@dataclass(frozen=True, slots=True)
class PictureFiles:
    """Where the pictures of a request are, and what is in them.

    Attributes:
        given: What is known of each.
        start: The real path of the one to start from; empty where there is none.
        references: Those of the others, in their order.
    """

    given: GivenPictures = NO_PICTURES
    start: str = ""
    references: tuple[str, ...] = ()


class AskedPictures:
    """Finds, keeps and looks at pictures for one daemon.

    Args:
        settings: Where they may be, and how large one may be that comes within a request.
        needed: Tells the commands of all open jobs.
    """

    def __init__(self, settings: Settings, needed: Callable[[], Iterable[RenderCommand]]) -> None:
        self._roots = settings.picture_roots
        self._folder = OutputFolder(sent_folder(settings))
        self._limit = settings.inline_bytes
        self._needed = needed
        self._in_hand: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pictures")

    @asynccontextmanager
    async def kept(self, params: RenderParams) -> AsyncIterator[RenderParams]:
        """The same request with a path for each picture that came within it; it is kept at least until the block ends.

        Raises:
            InvalidParams: One is larger than it may be.
            StorageFailed: One could not be written.
        """
        inline = dict(_inline(params))
        for where, picture in inline.items():
            self._check(where, picture)
        names = {where: hashlib.sha256(picture.data).hexdigest() for where, picture in inline.items()}
        self._in_hand.update(names.values())
        try:
            for where, picture in inline.items():
                await self._disk(self._write, names[where], picture.data)
            yield _with_paths(params, {where: str(self._folder.path / name) for where, name in names.items()})
        finally:
            self._in_hand -= Counter(names.values())
            if names:
                self.forget_unneeded()

    async def looked_at(self, params: RenderParams) -> PictureFiles:
        """Where the pictures of a request really are, and what is in them.

        Args:
            params: With a path for each.

        Raises:
            PictureRefused: One is not there, may not be read, or is none.
        """
        if not params.names_pictures:
            return PictureFiles()
        found = [await self._disk(self._look_at, where, path) for where, path in _paths(params)]
        pictures, paths = tuple(picture for picture, _ in found), tuple(path for _, path in found)
        if params.init_image is not None:
            return PictureFiles(GivenPictures(start=pictures[0]), start=paths[0])
        return PictureFiles(GivenPictures(references=pictures), references=paths)

    def forget_unneeded(self) -> None:
        """Remove what came within requests that nobody has in hand and no open job is made of."""
        folder = self._folder.path
        needed = {path for command in self._needed() for path in (command.init_image, *command.reference_images)}
        try:
            for path in list(folder.iterdir()) if folder.is_dir() else ():
                if not self._in_hand[path.name] and str(path.resolve()) not in needed:
                    path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("pictures that came within requests could not be removed: %s", error)

    async def _disk(self, ask: Callable[..., _Answer], *what: object) -> _Answer:
        """A disk may be slow, so it is asked off the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask, *what)

    def _check(self, where: str, picture: InlinePicture) -> None:
        if len(picture.data) > self._limit:
            problem = f"the picture has {len(picture.data)} bytes and {self._limit} may come within a request"
            mend = "make it smaller, give the path of a file below an image root, or raise --inline-image"
            raise InvalidParams(f"{problem} - at `$.params.{where}`; {mend}")

    def _write(self, name: str, data: bytes) -> None:
        try:
            if not is_unspoilt(self._folder.path / name, name):
                with self._folder.written(name) as file:
                    file.write(data)
        except OSError as error:
            problem = f"the picture that came within the request could not be kept: {error}"
            raise StorageFailed(f"{problem}; make room or mend the output folder") from error

    def _look_at(self, where: str, path: str) -> tuple[GivenPicture, str]:
        try:
            file = read_picture(path, self._roots)
            return glimpsed(file), file.path
        except RefusedPicture as error:
            problem = f"{error.path}: {error.problem} - at `$.params.{where}`; {error.mend}"
            raise PictureRefused(problem) from error


def sent_folder(settings: Settings) -> Path:
    """Where a daemon keeps pictures that came within a request, for as long as it is open.

    Each daemon removes what none of its jobs needs, and several may share an output folder: it is named for what no two
    have in common.
    """
    own = hashlib.sha256(os.fsencode(settings.journal or settings.socket)).hexdigest()
    return settings.output_dir / ".sent" / own[:16]


def _asked(params: RenderParams) -> Iterator[tuple[str, AskedPicture]]:
    """Each picture, with the field that it came by."""
    if params.init_image is not None:
        yield _START, params.init_image
    for i, picture in enumerate(params.reference_images):
        yield f"{_REFERENCES}[{i}]", picture


def _inline(params: RenderParams) -> Iterator[tuple[str, InlinePicture]]:
    return ((where, picture) for where, picture in _asked(params) if isinstance(picture, InlinePicture))


def _paths(params: RenderParams) -> Iterator[tuple[str, str]]:
    return ((where, picture) for where, picture in _asked(params) if isinstance(picture, str))


def _with_paths(params: RenderParams, paths: Mapping[str, str]) -> RenderParams:
    """The request with these in place of what came within it."""
    if not paths:
        return params
    references = [paths.get(f"{_REFERENCES}[{i}]", picture) for i, picture in enumerate(params.reference_images)]
    start = paths.get(_START, params.init_image)
    return msgspec.structs.replace(params, init_image=start, reference_images=references)
