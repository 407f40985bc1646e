"""The pictures that can be an answer again, by their key, the longest unused forgotten first.

Held in memory. Nothing here touches a file: pictures belong to the user, so forgetting one leaves it where it is.
Everything goes through `put`, `get` and `drop`, so that a journal can be laid under them.
"""

from dataclasses import dataclass

from cachetools import LRUCache

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
        self._limit_entries = limit_entries
        self._kept: LRUCache[str, KeptPicture] = LRUCache(limit_bytes, getsizeof=lambda kept: kept.size)
        self.hits = 0

    @property
    def info(self) -> CacheInfo:
        """The cache as `status` shows it."""
        kept = self._kept
        return CacheInfo(hits=self.hits, entries=len(kept), bytes=int(kept.currsize), limit_bytes=int(kept.maxsize))

    def put(self, key: str, kept: KeptPicture) -> None:
        """Keep a result instead of the one that had its key, and forget what is beyond the limit then.

        One that is larger than the limit by itself is not kept, and costs no other its place.
        """
        self.drop(key)
        if kept.size <= self._kept.maxsize:
            self._kept[key] = kept
        while len(self._kept) > self._limit_entries:
            self._kept.popitem()

    def get(self, key: str) -> KeptPicture | None:
        """The result of that key, from now on the one used last."""
        return self._kept.get(key)

    def drop(self, key: str) -> None:
        """Forget a result; nothing happens when it is not known."""
        self._kept.pop(key, None)
