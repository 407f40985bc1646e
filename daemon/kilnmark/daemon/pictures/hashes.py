"""The content hashes that were learned of files, each for as long as the file is the same file as before.

A hash is never computed here. It comes from the report of a render that read the file whole, or from whoever else did,
and counts for as long as the file stays untouched.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from cachetools import LRUCache

from kilnmark.keymaps.files.identity import FileIdentity

__all__ = ["FileHashes", "Seen", "look_at"]


class Seen(NamedTuple):
    """Files as they were found at one moment, in nanoseconds of the wall clock, which also stamps files."""

    files: tuple[FileIdentity, ...]
    at_ns: int


def look_at(paths: Sequence[str]) -> Seen:
    """The files' identities now, each with the config beside it.

    Raises:
        OSError: one is not there or is no regular file.
    """
    at_ns = time.time_ns()
    return Seen(tuple(FileIdentity.of_adapter(path) for path in paths), at_ns)


class FileHashes:
    """Content hashes by identity, the longest unused forgotten first.

    Args:
        limit: Files remembered.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._known: LRUCache[FileIdentity, str] = LRUCache(limit)

    def learn(self, before: Seen, sha256s: Sequence[str]) -> None:
        """Remember what files held that were read after `before`, one hash for each.

        A file that is not the same any more teaches nothing, nor does one that was changed so shortly before it was
        seen that a later change could carry the same times.
        """
        for file, sha256 in zip(before.files, sha256s, strict=True):
            if file.is_settled(before.at_ns) and _is_still(file):
                self._known[file] = sha256

    def of(self, files: Sequence[FileIdentity]) -> tuple[str, ...] | None:
        """The files' content hashes in hex; None when one of them is not known."""
        found = []
        for file in files:
            if (sha256 := self._known.get(file)) is None:
                return None
            found.append(sha256)
        return tuple(found)


def _is_still(file: FileIdentity) -> bool:
    try:
        return FileIdentity.of_adapter(file.path) == file
    except OSError:
        return False
