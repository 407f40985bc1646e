"""The pictures that can be an answer again, by their key, the longest unused forgotten first.

Held in memory. Nothing here touches a file: pictures belong to the user, so forgetting one leaves it where it is.
Everything goes through `put`, `get` and `drop`, so that a journal can be laid under them.
"""

from collections import OrderedDict
from dataclasses import dataclass

from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.status import CacheInfo

__all__ = ["KeptPicture", "KeptPictures"]


@dataclass(frozen=True)
class KeptPicture:
    """A picture's result and its file, as it was when it was finished: `size` in bytes, time in nanoseconds."""

    result: RenderResult
    size: int
    mtime_ns: int


class KeptPictures:
    """Pictures by key.

    Args:
        limit_bytes: Size of the pictures that are known together; 0 keeps none.
        limit_entries: Number of them: a result takes a few kilobytes of memory, however small its picture is.

    Attributes:
        hits: Requests that were answered with a kept result; counted by who answers.
    """

    def __init__(self, limit_bytes: int, limit_entries: int = 10_000) -> None:
        self._limit_bytes = limit_bytes
        self._limit_entries = limit_entries
        self._kept: OrderedDict[str, KeptPicture] = OrderedDict()
        self._bytes = 0
        self.hits = 0

    @property
    def info(self) -> CacheInfo:
        """The cache as `status` shows it."""
        return CacheInfo(hits=self.hits, entries=len(self._kept), bytes=self._bytes, limit_bytes=self._limit_bytes)

    def put(self, key: str, kept: KeptPicture) -> None:
        """Keep a result instead of the one that had its key, and forget what is beyond the limit then.

        One that is larger than the limit by itself is not kept, and costs no other its place.
        """
        self.drop(key)
        if kept.size > self._limit_bytes:
            return
        self._kept[key] = kept
        self._bytes += kept.size
        while self._bytes > self._limit_bytes or len(self._kept) > self._limit_entries:
            self.drop(next(iter(self._kept)))

    def get(self, key: str) -> KeptPicture | None:
        """The result of that key, from now on the one used last."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key]

    def drop(self, key: str) -> None:
        """Forget a result; nothing happens when it is not known."""
        if (kept := self._kept.pop(key, None)) is not None:
            self._bytes -= kept.size
