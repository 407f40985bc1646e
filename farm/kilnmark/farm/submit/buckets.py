"""Buckets of the broker as they are read whole: every key, with when it was written by the broker's clock.

Whoever wants to hear of changes follows a bucket elsewhere.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from kilnmark.farm.broker.link import FarmLink

if TYPE_CHECKING:
    from nats.js.kv import KeyValue

__all__ = ["KeptEntry", "kept_in", "open_bucket"]


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """One key.

    Attributes:
        value: Empty where only keys were asked for.
        at: When it was written, by the broker's clock.
        revision: Grows with everything that is written to the bucket.
    """

    key: str
    value: bytes
    at: datetime
    revision: int


async def open_bucket(link: FarmLink, bucket: str, what: str) -> "KeyValue":
    """A bucket.

    Args:
        what: What is tried, for an error: "look at the nodes".

    Raises:
        FarmError: The broker does not answer, has none, or lets these credentials not look.
    """
    with link.telling(what):
        return await link.js.key_value(bucket)


async def kept_in(
    link: FarmLink, bucket: str, what: str, keys: str = ">", *, keys_only: bool = False
) -> AsyncIterator[KeptEntry]:
    """Everything that is there now.

    Args:
        bucket: Its name.
        what: As that of `open_bucket`.
        keys: A pattern of those that are wanted.
        keys_only: Do not read what they hold.

    Raises:
        FarmError: As those of `open_bucket`.
    """
    opened = await open_bucket(link, bucket, what)
    with link.telling(what):
        known = await link.js.stream_info(f"KV_{bucket}", subjects_filter=f"$KV.{bucket}.{keys}")
        watcher = await opened.watch(keys, meta_only=keys_only)
        try:
            async for entry in _whole(watcher, is_empty=not known.state.subjects):
                if entry.operation is None:
                    at = cast("datetime | None", entry.created) or datetime.now(UTC)
                    yield KeptEntry(entry.key, entry.value or b"", at, entry.revision or 0)
        finally:
            with contextlib.suppress(Exception):
                await watcher.stop()  # type: ignore[no-untyped-call]


async def _whole(watcher: "KeyValue.KeyWatcher", *, is_empty: bool) -> "AsyncIterator[KeyValue.Entry]":
    """What was there when it began to watch.

    nats-py 2.16 says that it is over when the broker has sent all and the client has looked at none yet.
    """
    count = 0
    async for entry in watcher:
        if entry is None and (count or is_empty):
            return
        if entry is not None:
            count += 1
            yield entry
            if entry.delta == 0:
                return
