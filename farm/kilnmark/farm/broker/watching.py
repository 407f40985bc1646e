"""Buckets of the broker that are followed: what is there, then what changes."""

from typing import TYPE_CHECKING

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.patience import patiently

if TYPE_CHECKING:
    from nats.js.kv import KeyValue

__all__ = ["watched"]


async def watched(link: FarmLink, bucket: str, what: str) -> "KeyValue.KeyWatcher":
    """What tells of a whole bucket; a broker that is away as it begins is waited for.

    Args:
        bucket: Its name.
        what: What is tried, for an error: "follow the work".

    Raises:
        FarmError: The broker was away for too long, has none, or lets these credentials not listen.
    """

    async def begin() -> "KeyValue.KeyWatcher":
        with link.telling(what):
            return await (await link.js.key_value(bucket)).watchall()

    return await patiently(begin)
