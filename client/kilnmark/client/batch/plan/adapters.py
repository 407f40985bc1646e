"""The adapter files of a batch: which were planned, and the hash of what each holds.

Where a file lies and whether it is one, `pack_files` finds out; whether it would engage is for the daemon to say.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from kilnmark.keymaps.files.beside import adapter_hash
from kilnmark.keymaps.files.safefile import read_config
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.block_scales import scale_words

__all__ = ["Hashes", "PlannedAdapter"]

_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class PlannedAdapter:
    """One adapter of a planned stack.

    Attributes:
        name: What the style calls it.
        file: As the style names it.
        scale: As the style has it.
        path: Where it lies, absolute, links resolved.
        scales: For some blocks, patterns and scales as the style has them.
    """

    name: str
    file: str
    scale: float
    path: str
    scales: tuple[tuple[str, float], ...] = ()

    @property
    def scale_words(self) -> str:
        """Its scales, for people."""
        return scale_words(self.scale, self.scales)


class Hashes:
    """Content hashes of files, each computed once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, path: str) -> str:
        """SHA-256 of a whole file and of the config beside it, in hex, as reports have it.

        Raises:
            KilnmarkError: One of them cannot be read any more.
        """
        if path not in self._known:
            config = read_config(path)
            self._known[path] = adapter_hash(path, _hash_of(path), config.sha256 if config else "")
        return self._known[path]


def _hash_of(path: str) -> str:
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise KilnmarkError(f"{path} cannot be read any more ({error.strerror}); bring it back") from error
    return digest.hexdigest()
