"""Files of this machine as the farm knows them: by their hashes, with what goes beside them."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kilnmark import keymaps
from kilnmark.farm.documents import ContentFile, FarmAdapter
from kilnmark.farm.errors import FarmNotUsable
from kilnmark.keymaps.files.beside import adapter_hash, config_beside, located

__all__ = ["LocalAdapter", "LocalFile", "file_sha256", "keymaps_digest", "local_adapter", "local_file"]

_PIECE = 1 << 22


@dataclass(frozen=True)
class LocalFile:
    """One file that is to be had by others.

    Attributes:
        path: Where it is.
        content: As what it is handed in.
    """

    path: Path
    content: ContentFile


@dataclass(frozen=True)
class LocalAdapter:
    """An adapter, and what goes with it.

    Attributes:
        files: The adapter's own first.
        sha256: What reports have of it, in hex.
    """

    files: tuple[LocalFile, ...]
    sha256: str

    def at(self, scale: float, block_scales: Mapping[str, float] | None = None) -> FarmAdapter:
        """As one of a stack."""
        files = tuple(each.content for each in self.files)
        return FarmAdapter(sha256=self.sha256, files=files, scale=scale, block_scales=dict(block_scales or {}))


def local_file(path: Path, name: str = "") -> LocalFile:
    """A file as it is now.

    Args:
        path: Where it is.
        name: What it is called for others; empty: as here.

    Raises:
        FarmNotUsable: It cannot be read.
    """
    sha256, size = file_sha256(path)
    return LocalFile(path, ContentFile(name=name or path.name, sha256=sha256, size=size))


def local_adapter(path: str | os.PathLike[str]) -> LocalAdapter:
    """An adapter by its path.

    Raises:
        RefusedFile: It is not there, or may not be read.
        FarmNotUsable: It cannot be read.
    """
    known_by = located(path)
    own, beside = local_file(known_by), config_beside(known_by)
    if beside is None:
        return LocalAdapter((own,), adapter_hash(known_by, own.content.sha256, ""))
    config = local_file(Path(beside))
    return LocalAdapter((own, config), adapter_hash(known_by, own.content.sha256, config.content.sha256))


def file_sha256(path: Path) -> tuple[str, int]:
    """The hash of a file's bytes, in hex, and how many they are.

    Raises:
        FarmNotUsable: It cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                size += len(piece)
    except OSError as error:
        raise FarmNotUsable(str(path), f"cannot be read ({error.strerror or error}); bring it back") from error
    return digest.hexdigest(), size


@cache
def keymaps_digest() -> str:
    """What tells programs apart that could read an adapter otherwise: a hash over all that the part `keymaps` is."""
    digest = hashlib.sha256()
    for folder in map(Path, keymaps.__path__):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
