"""What is finished, taken away: partitions that nobody has had work of for a day, with their consumers.

Results and pictures go by themselves when they are as old as the plan of the farm has it.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.documents import PartitionInfo
from kilnmark.farm.names import PARTITIONS, WORK, consumer_of, partition_filter, partition_key, partition_of_key
from kilnmark.farm.reading import read_job

if TYPE_CHECKING:
    from nats.js.api import ConsumerInfo
    from nats.js.kv import KeyValue

__all__ = ["tidy_up"]

_IDLE = timedelta(days=1)


async def tidy_up(link: FarmLink, idle: timedelta = _IDLE) -> Sequence[str]:
    """Take away what is finished, and put back what work has come for meanwhile.

    Args:
        idle: For how long nobody took work of a partition, by the broker's clock.

    Returns:
        The keys of the partitions that went.

    Raises:
        FarmError: The broker does not answer, or does not let these credentials tidy up.
    """
    now, gone = await link.broker_time(), []
    consumers = {info.name: info for info in await _consumers(link)}
    with link.telling("tidy up"):
        bucket = await link.js.key_value(PARTITIONS)
        for key, is_there in (await _keys(bucket)).items():
            partition = partition_of_key(key)
            if not is_there:
                await _put_back(link, bucket, key)
            elif (info := consumers.get(consumer_of(partition))) is not None and _idle_since(info) < now - idle:
                await bucket.delete(key)
                if await _put_back(link, bucket, key):
                    continue  # handed in this very moment
                await link.js.delete_consumer(WORK, info.name)
                gone.append(key)
    return gone


async def _consumers(link: FarmLink) -> list["ConsumerInfo"]:
    found: list[ConsumerInfo] = []
    with link.telling("look at the work"):
        while page := await link.js.consumers_info(WORK, offset=len(found)):
            found += page
    return found


def _idle_since(info: "ConsumerInfo") -> datetime:
    """When something was last done with it; the end of time while it has work."""
    if info.num_pending or info.num_ack_pending:
        return datetime.max.replace(tzinfo=info.created.tzinfo)
    moments = [each.last_active for each in (info.delivered, info.ack_floor) if each and each.last_active]
    return max([info.created, *moments])


async def _keys(bucket: "KeyValue") -> dict[str, bool]:
    """Every key that was ever written and not forgotten, and whether it is there still."""
    found: dict[str, bool] = {}
    watcher = await bucket.watchall(meta_only=True)
    try:
        async for entry in watcher:
            if entry is None:
                break
            with suppress(ValueError):  # not one of ours
                partition_of_key(entry.key)
                found[entry.key] = entry.operation is None
    finally:
        await watcher.stop()  # type: ignore[no-untyped-call]
    return found


async def _put_back(link: FarmLink, bucket: "KeyValue", key: str) -> bool:
    """Say again what a partition asks for that has work. Returns whether it has."""
    from nats.js.errors import NotFoundError

    subjects = partition_filter(partition_of_key(key))
    with suppress(NotFoundError):
        work = await link.js.get_msg(WORK, seq=1, subject=subjects, next=True)
        with suppress(msgspec.DecodeError):
            job = read_job(work.data, work.subject or "")
            info = PartitionInfo(
                needs=job.needs,
                names=tuple(adapter.files[0].name for adapter in job.adapters),
                content=tuple(dict.fromkeys(file.sha256 for file in job.content)),
            )
            if partition_key(job.partition) == key:
                await bucket.put(key, msgspec.json.encode(info))
                return True
    return False
