"""The adapter files that a style names: where each lies, whether it is one, and the hash of what it holds.

Files are found as the daemon finds them, and looked at once: the header alone, without numpy. Whether one would engage
is for the daemon to say.
"""

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kilnmark.keymaps.errors import MissingFile, RefusedFile, UnsafeFile
from kilnmark.keymaps.header import PREFIX, header_size, parse_header
from kilnmark.keymaps.roots import locate
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.packs import ComposedStyle
from kilnmark.protocol.style import StackEntry

__all__ = ["AdapterFinder", "Hashes", "PlannedAdapter"]

_CHUNK = 1 << 22
_HEAD = 64
"""Bytes that tell most other formats."""


@dataclass(frozen=True, slots=True)
class PlannedAdapter:
    """One adapter of a planned stack.

    Attributes:
        name: What the style calls it.
        file: As the style names it.
        scale: As the style has it.
        path: Where it lies, absolute, links resolved.
    """

    name: str
    file: str
    scale: float
    path: str


class AdapterFinder:
    """Finds the files that styles name.

    Args:
        packs: The folder of packs; an adapter may lie anywhere below it.
        roots: Further folders that adapters may lie in.
    """

    def __init__(self, packs: Path, roots: Sequence[Path]) -> None:
        self._packs = packs
        self._roots = (packs, *roots)
        self._looked_at: dict[tuple[str, str], str | RefusedFile] = {}

    def find(self, style: ComposedStyle, entry: StackEntry) -> PlannedAdapter:
        """Look for an entry's file: in the folder of the document that names it, then below every root.

        Raises:
            RefusedFile: It is not there, lies outside the roots, or is no safetensors file.
        """
        lora, folder = entry.entry, style.folder_of(entry)
        if (folder, lora.file) not in self._looked_at:
            self._looked_at[folder, lora.file] = self._look(folder, lora.file)
        found = self._looked_at[folder, lora.file]
        if isinstance(found, RefusedFile):
            raise found.with_traceback(None)
        return PlannedAdapter(lora.name, lora.file, lora.scale, found)

    def _look(self, folder: str, file: str) -> str | RefusedFile:
        try:
            path = str(self._locate(folder, file))
            _check_header(path)
        except RefusedFile as error:
            return error
        return path

    def _locate(self, folder: str, file: str) -> Path:
        try:
            return locate(self._packs / folder / file, self._roots)
        except MissingFile:
            return locate(file, self._roots)


def _check_header(path: str) -> None:
    """Raises RefusedFile when it is no safetensors file, or cannot be read."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UnsafeFile(path, "is no regular file", "give the path of a safetensors file")
            size = header_size(path, file.read(_HEAD), found.st_size)
            file.seek(PREFIX)
            parse_header(path, file.read(size), found.st_size - PREFIX - size)
    except OSError as error:
        mend = "let this user read it, or check the disk that it lies on"
        raise UnsafeFile(path, f"cannot be read ({error.strerror})", mend) from error


class Hashes:
    """Content hashes of files, each computed once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, path: str) -> str:
        """SHA-256 of a whole file, in hex.

        Raises:
            KilnmarkError: It cannot be read any more.
        """
        if path not in self._known:
            digest = hashlib.sha256()
            try:
                with Path(path).open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        digest.update(chunk)
            except OSError as error:
                raise KilnmarkError(f"{path} cannot be read any more ({error.strerror}); bring it back") from error
            self._known[path] = digest.hexdigest()
        return self._known[path]
