"""Work that stays on the queue by itself: it has ended elsewhere, or the broker hands it out no more.

What has ended waits where no node is there that fits it: one would acknowledge it. What was handed out as often as may
be is told by the broker once, and nobody hears that where its disk is full just then.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.names import RESULTS, WORK

if TYPE_CHECKING:
    from nats.js.api import ConsumerInfo, RawStreamMsg

__all__ = ["take_away_stranded", "unheard_work"]

_STILL = timedelta(minutes=10)

_AT_ONCE = 256
"""Jobs of a partition that are looked at each time."""


async def take_away_stranded(link: FarmLink, still: timedelta = _STILL) -> Sequence[str]:
    """Take such jobs off the queue.

    Args:
        link: To the broker, as an operator.
        still: Only of partitions that no node took anything from for so long, by the broker's clock.

    Returns:
        The subjects that they waited under.

    Raises:
        FarmError: The broker does not answer, or does not let these credentials look.
    """
    before, gone, offset = await link.broker_time() - still, list[str](), 0
    with link.telling("tidy up"):
        while page := await link.js.consumers_info(WORK, offset=offset):
            offset += len(page)
            for info in page:
                if (info.num_pending or info.num_ack_pending) and _touched(info) < before:
                    gone += await _of_partition(link, info.config.filter_subject or "")
    return gone


async def unheard_work(link: FarmLink, still: timedelta = _STILL) -> Sequence[tuple["RawStreamMsg", int]]:
    """Work that the broker hands out no more: it lies there, and neither waits nor is at a node.

    Args:
        link: To the broker, as an operator.
        still: Only what lies there for so long, by the broker's clock, of partitions that were as long untouched.

    Returns:
        Each message, and how often it was handed out.

    Raises:
        FarmError: The broker does not answer, or does not let these credentials look.
    """
    from nats.js.errors import NotFoundError

    before, offset = await link.broker_time() - still, 0
    found: list[tuple[RawStreamMsg, int]] = []
    with link.telling("look after lost jobs"):
        while page := await link.js.consumers_info(WORK, offset=offset):
            offset += len(page)
            for info in page:
                if info.num_pending or info.num_ack_pending or _touched(info) >= before:
                    continue
                with suppress(NotFoundError):
                    seq = 1
                    while True:
                        work = await link.js.get_msg(WORK, seq=seq, subject=info.config.filter_subject, next=True)
                        seq = (work.seq or 0) + 1
                        if work.time is not None and work.time < before:
                            found.append((work, info.config.max_deliver or 1))
    return found


def _touched(info: "ConsumerInfo") -> datetime:
    """When a node took something last."""
    last = info.delivered.last_active if info.delivered else None
    return max(info.created, last or info.created)


async def _of_partition(link: FarmLink, subjects: str) -> list[str]:
    from nats.js.errors import APIError, NotFoundError

    gone, seq = list[str](), 1
    for _ in range(_AT_ONCE):
        try:
            work = await link.js.get_msg(WORK, seq=seq, subject=subjects, next=True)
        except NotFoundError:
            break
        seq = (work.seq or 0) + 1
        if await _has_ended(link, work):
            await link.js.delete_msg(WORK, seq - 1)
            if await _has_ended(link, work):
                gone.append(work.subject or "")
            else:  # in this very moment it was wanted again, and the broker said that it waits
                with suppress(APIError):  # it waits again by now
                    await link.js.publish(work.subject or "", work.data or b"", stream=WORK)
    return gone


async def _has_ended(link: FarmLink, work: "RawStreamMsg") -> bool:
    from nats.js.errors import BucketNotFoundError, KeyNotFoundError

    submitter, job = (work.subject or "").partition("~")[0].split(".")[-2:]
    try:
        await (await link.js.key_value(RESULTS + submitter)).get(job)
    except (BucketNotFoundError, KeyNotFoundError):
        return False
    return True
