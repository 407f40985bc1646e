"""The picture that was made before: found by what decides its pixels, and asked for its own word before it is shown.

Joins the kept pictures, the hashes of files and the key; the only room of the daemon that opens a picture.
"""

import asyncio
import hashlib
import importlib.metadata
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from kilnmark.daemon.pictures.hashes import FileHashes, Seen
from kilnmark.daemon.pictures.kept import KeptPicture, KeptPictures
from kilnmark.keymaps.files.outputs import is_unspoilt
from kilnmark.protocol.picture.record import PictureRecord, find_record
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.picture.spec import PinnedSpec
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.status import CacheInfo
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["PictureCache", "are_engaged", "picture_key", "read_record", "recorded_key"]


class PictureCache:
    """Keeps pictures and finds them again.

    Args:
        limit_bytes: Size of the pictures that are known together; 0 finds none.
        hashes: What is known of adapter files; None: nothing yet.
    """

    def __init__(self, limit_bytes: int, hashes: FileHashes | None = None) -> None:
        self._kept = KeptPictures(limit_bytes)
        self._hashes = hashes or FileHashes()
        self._is_on = limit_bytes > 0

    @property
    def info(self) -> CacheInfo:
        """The cache as `status` shows it."""
        return self._kept.info

    def keep(self, command: RenderCommand, seen: Seen | None, base: BaseInfo | None, result: RenderResult) -> None:
        """Remember a picture that was finished this moment, if its adapters engaged wholly.

        Args:
            seen: The adapters' files as they were before the worker read them; None when they could not be seen.
        """
        if not self._is_on or base is None or not are_engaged(result.loras):
            return
        sha256s = [report.sha256 for report in result.loras]
        if seen is not None:
            self._hashes.learn(seen, sha256s)
        try:
            found = Path(result.image_path).stat()
        except OSError:
            return
        self._kept.put(
            picture_key(_pinned(command, sha256s), base), KeptPicture(result, found.st_size, found.st_mtime_ns)
        )

    async def recall(self, results: Iterable[RenderResult]) -> None:
        """Know pictures of earlier daemons again, by their own word.

        Each is looked at once more before it is an answer. One that was made with adapters is found as soon as the
        content of their files is known, which a render with them tells.

        Args:
            results: The oldest first.
        """
        for result in results if self._is_on else ():
            found = await asyncio.to_thread(_found_there, result)
            if found is not None and self._kept.get(found[0]) is None:
                self._kept.put(*found)

    def key_of(self, command: RenderCommand, seen: Seen | None, base: BaseInfo | None) -> str | None:
        """The key under which a command's picture is known; None when none is, or a file's content is not known."""
        if not self._is_on or base is None or seen is None:
            return None
        sha256s = self._hashes.of(seen.files)
        if sha256s is None:
            return None
        key = picture_key(_pinned(command, sha256s), base)
        kept = self._kept.get(key)
        return key if kept is not None and _says_enough(kept.result, command) else None

    async def take(self, key: str) -> RenderResult | None:
        """The result of that key, once its picture was looked at; one whose picture is not the same is forgotten."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if await asyncio.to_thread(_is_intact, kept, key):
            self._kept.hits += 1
            return kept.result
        if self._kept.get(key) is kept:
            self._kept.drop(key)
        return None


def _pinned(command: RenderCommand, sha256s: Sequence[str]) -> PinnedSpec:
    return command.pinned(zip(sha256s, command.lora_scales, strict=True), command.lora_block_scales)


def _says_enough(result: RenderResult, command: RenderCommand) -> bool:
    """Adapters that were probed at another scale only are no answer to who wants them probed at this one."""
    return not command.probe or all(report.probe_divergence is not None for report in result.loras)


def _is_intact(kept: KeptPicture, key: str) -> bool:
    """The picture is there, was not written to since, and says itself that it is the one of that key."""
    path = Path(kept.result.image_path)
    try:
        found = path.stat()
        if (found.st_size, found.st_mtime_ns) != (kept.size, kept.mtime_ns):
            return False
        record = read_record(path)
    except OSError:
        return False
    if not is_unspoilt(path, kept.result.image_sha256):
        return False
    return record is not None and recorded_key(record) == key


def _found_there(result: RenderResult) -> tuple[str, KeptPicture] | None:
    """A picture that lies where it was written, under its key; None when none lies there, or it names no key."""
    path = Path(result.image_path)
    try:
        found, record = path.stat(), read_record(path)
    except OSError:
        return None
    key = None if record is None else recorded_key(record)
    return None if key is None else (key, KeptPicture(result, found.st_size, found.st_mtime_ns))


def read_record(path: Path) -> PictureRecord | None:
    """The `kilnmark` chunk of a PNG; None when it has none before its pixels.

    Raises:
        OSError: it cannot be read.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        return find_record(file) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None


VERSION = importlib.metadata.version("kilnmark")


def picture_key(spec: PinnedSpec, base: BaseInfo, version: str = VERSION) -> str:
    """SHA-256 in hex.

    Args:
        spec: What decides the picture.
        base: As it is held.
        version: Of kilnmark.
    """
    program = (version, base.mflux_version, base.mlx_version)
    held = (base.variant, base.fingerprint, base.precision, base.quantize, base.backend, base.numerics, base.compiled)
    return hashlib.sha256(msgspec.json.encode([program, held, spec.digest])).hexdigest()


def recorded_key(record: PictureRecord) -> str | None:
    """The key of a finished picture, by its own word; None when not all of its adapters engaged."""
    if not are_engaged(record.loras):
        return None
    return picture_key(record.spec, record.base, record.kilnmark_version)


def are_engaged(reports: Iterable[AdapterReport]) -> bool:
    """Every adapter did wholly what it was asked for."""
    return all(report.verdict is Verdict.ENGAGED for report in reports)
