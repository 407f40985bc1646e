"""The work that waits at the broker, as one node sees it: partitions, how much waits in each, and the next job of one.

Numbers are asked for all partitions at once, every few seconds; between two times the node counts what it takes.
"""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.patience import patiently
from kilnmark.farm.broker.watching import watched
from kilnmark.farm.documents import NodeInfo, PartitionInfo
from kilnmark.farm.names import (
    NODES,
    PARTITIONS,
    WORK,
    Partition,
    consumer_of,
    partition_filter,
    partition_key,
    partition_of_key,
)
from kilnmark.farm.placement.views import PartitionView, reach
from kilnmark.farm.reading import read_document

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext
    from nats.js.api import ConsumerConfig

__all__ = ["DELIVERIES", "LEASE", "Work", "consumer_settings"]

LEASE = 30.0
"""Seconds without a word from its node after which a job is somebody else's."""

DELIVERIES = 5
"""How often a job is handed to a node before it is dead."""

_Hear = Callable[[str, bytes | None], Awaitable[None]]

_REFRESH = 2.0
"""Seconds for which the numbers of partitions are taken to hold, at the least."""

_EACH = 0.01
"""More seconds of the same for each partition, where that is longer: the broker looks each of them up."""

_PAGE = 256
"""Consumers that the broker tells at once."""

_OLDEST_FOR = 15.0
"""The same of how long the oldest job of one waits."""

_LOST = 30.0
"""Seconds without a word from a node after which it is not counted."""


@dataclass
class _Known:
    info: PartitionInfo
    waiting: int = 0
    running: int = 0
    oldest_at: float | None = None
    oldest_asked: float = -_OLDEST_FOR
    handed_out: float | None = None


class Work:
    """What waits, for one node.

    Args:
        link: To the broker.
        lease: As `LEASE`.
    """

    def __init__(self, link: FarmLink, lease: float = LEASE) -> None:
        self._link = link
        self._lease = lease
        self._partitions: dict[Partition, _Known] = {}
        self._nodes: dict[str, tuple[float, NodeInfo]] = {}
        self._asked = -_REFRESH
        self._clock: float | None = None
        self._from: tuple[Partition, JetStreamContext.PullSubscription] | None = None
        self.news = asyncio.Event()

    async def follow(self) -> None:
        """Hear of partitions and of other nodes, until cancelled.

        Raises:
            FarmError: The broker does not let this node listen.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow(PARTITIONS, self._hear_partition))
                tasks.create_task(self._follow(NODES, self._hear_node))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    async def views(self, *, anew: bool = False) -> Sequence[PartitionView]:
        """Every partition, as it is known.

        Args:
            anew: Ask the broker though it was just asked.

        Raises:
            FarmError: It does not answer.
        """
        if anew or time.monotonic() - self._asked >= max(_REFRESH, _EACH * len(self._partitions)):
            await self._refresh()
        now = time.monotonic()
        nodes = [node for heard, node in self._nodes.values() if now - heard < _LOST]
        at = Counter(node.partition for node in nodes if node.state == "working")
        needs = {partition.needs: known.info.needs for partition, known in self._partitions.items()}
        reached = {token: reach(each, nodes) for token, each in needs.items()}
        return [self._view(partition, at[partition_key(partition)], reached, now) for partition in self._partitions]

    async def take(self, partition: Partition, patience: float = 0.5) -> "Msg | None":
        """The next job of a partition; None: none came.

        Args:
            partition: Which.
            patience: Seconds for which it is waited for.

        Raises:
            FarmError: The broker does not answer.
        """
        import nats.errors

        subscription = await self._subscription(partition)
        if (known := self._partitions.get(partition)) is None:  # it was taken away in this moment
            return None
        with self._link.telling("take work"):
            try:
                [message] = await subscription.fetch(1, timeout=patience)
            except (nats.errors.TimeoutError, TimeoutError):
                known.waiting = 0
                return None
        known.waiting, known.running = max(0, known.waiting - 1), known.running + 1
        return message

    async def close(self) -> None:
        """Take nothing more."""
        if self._from is not None:
            with contextlib.suppress(Exception):
                await self._from[1].unsubscribe()
            self._from = None

    async def _subscription(self, partition: Partition) -> "JetStreamContext.PullSubscription":
        if self._from is None or self._from[0] != partition:
            await self.close()
            with self._link.telling("take work"):
                made = await self._link.js.pull_subscribe_bind(consumer=consumer_of(partition), stream=WORK)
            self._from = (partition, made)
        return self._from[1]

    async def _follow(self, bucket: str, hear: _Hear) -> None:
        watcher = await watched(self._link, bucket, "follow the work")
        try:
            async for entry in watcher:
                if entry is not None:  # None: all that was there has come
                    await hear(entry.key, None if entry.operation else entry.value)
        finally:
            with contextlib.suppress(Exception):
                await watcher.stop()  # type: ignore[no-untyped-call]

    async def _hear_partition(self, key: str, data: bytes | None) -> None:
        with contextlib.suppress(ValueError, msgspec.DecodeError):  # of another version than ours
            partition = partition_of_key(key)
            if data is None:
                self._partitions.pop(partition, None)
                return
            info = read_document(data, PartitionInfo)
            if info.needs.token != partition.needs:
                return  # whoever hands in work of it puts that right
            if partition not in self._partitions:
                await patiently(lambda: self._have_consumer(partition))
                self._partitions[partition] = _Known(info, waiting=1)
            self.news.set()

    async def _hear_node(self, key: str, data: bytes | None) -> None:
        with contextlib.suppress(msgspec.DecodeError):
            if data is None:
                self._nodes.pop(key, None)
            else:
                self._nodes[key] = (time.monotonic(), read_document(data, NodeInfo))

    def _view(
        self, partition: Partition, nodes: int, reached: Mapping[str, tuple[int, int]], now: float
    ) -> PartitionView:
        known = self._partitions[partition]
        able, holders = reached[partition.needs]
        is_clear = known.handed_out is not None and self._clock is not None
        return PartitionView(
            partition,
            known.info.needs,
            known.waiting,
            known.running,
            0.0 if known.oldest_at is None else now - known.oldest_at,
            nodes,
            able,
            holders,
            now + (self._clock or 0.0) - (known.handed_out or 0.0) if is_clear else None,
        )

    async def _have_consumer(self, partition: Partition) -> None:
        with self._link.telling("take work"):
            await self._link.js.add_consumer(WORK, consumer_settings(partition, self._lease))

    async def _refresh(self) -> None:
        by_consumer = {consumer_of(partition): known for partition, known in self._partitions.items()}
        offset, is_whole = 0, False
        with self._link.telling("look at the work"):
            while not is_whole:
                found = await self._link.js.consumers_info(WORK, offset=offset)
                for info in found:
                    if (known := by_consumer.get(info.name or "")) is not None:
                        known.waiting, known.running = info.num_pending or 0, info.num_ack_pending or 0
                        last = info.delivered and info.delivered.last_active
                        known.handed_out = last.timestamp() if last else None
                offset, is_whole = offset + len(found), len(found) < _PAGE
        self._asked = time.monotonic()
        stale = [
            (partition, known)
            for partition, known in self._partitions.items()
            if known.waiting and self._asked - known.oldest_asked >= _OLDEST_FOR
        ]
        if stale:
            now = (await self._link.broker_time()).timestamp()
            self._clock = now - time.monotonic()
            for partition, known in stale:
                begun = await self._first_at(partition)
                known.oldest_at = None if begun is None else self._asked - max(0.0, now - begun)
                known.oldest_asked = self._asked

    async def _first_at(self, partition: Partition) -> float | None:
        """When the oldest job of a partition was handed in, by the broker's clock, in seconds; None: there is none."""
        asked = json.dumps({"seq": 1, "next_by_subj": partition_filter(partition)}).encode()
        with self._link.telling("look at the work"):
            reply = await self._link.nc.request(f"{self._link.api}.DIRECT.GET.{WORK}", asked, timeout=10)
        said = (reply.headers or {}).get("Nats-Time-Stamp")
        return None if said is None else datetime.fromisoformat(said).timestamp()


def consumer_settings(partition: Partition, lease: float = LEASE) -> "ConsumerConfig":
    """Of a partition's consumer, as every node makes it."""
    from nats.js import api

    return api.ConsumerConfig(
        durable_name=consumer_of(partition),
        name=consumer_of(partition),
        filter_subject=partition_filter(partition),
        ack_wait=lease,
        max_deliver=DELIVERIES,
        max_ack_pending=-1,
    )
