"""How a farm is, as metrics: asked of the broker now and then, and given whenever somebody looks.

Without anybody who keeps metrics the broker is not asked.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from kilnmark.farm.broker.link import REPLY_TIMEOUT, FarmLink
from kilnmark.farm.errors import FarmError
from kilnmark.farm.names import WORK
from kilnmark.farm.status.reading import counts_at
from kilnmark.farm.submit.nodes import seen_nodes
from kilnmark.otel import names
from kilnmark.otel.measures import Measures, Observed

__all__ = ["FarmGauges"]

_logger = logging.getLogger(__name__)

_EVERY = 10.0
"""Seconds between two looks at the broker."""

_FORGOTTEN = timedelta(days=1)
"""A node that has been silent for so long is nobody's worry any more."""

_STATES = ("idle", "working", "draining", "away", "left", "lost")


@dataclass(frozen=True)
class _Look:
    """What there was; jobs, seconds and nodes."""

    waiting: int
    running: int
    age: float
    nodes: Counter[str]


class _State(msgspec.Struct):
    messages: int
    first_ts: datetime


class _Stream(msgspec.Struct):
    ts: datetime
    state: _State


class FarmGauges:
    """The gauges of a farm, for whoever looks after it.

    Args:
        measures: Of this process; they are observed once.
    """

    def __init__(self, measures: Measures) -> None:
        self._is_on = measures.is_on
        self._last: _Look | None = None
        measures.observe(names.FARM_QUEUE_DEPTH, self._depth)
        measures.observe(names.FARM_QUEUE_AGE, self._age)
        measures.observe(names.FARM_NODES, self._nodes)

    async def follow(self, link: FarmLink) -> None:
        """Look at the farm again and again, until cancelled; of a broker that is away nothing is told.

        Args:
            link: To it, as an operator.
        """
        while self._is_on:
            try:
                await self.look(link)
            except FarmError as error:
                self._last = None
                _logger.warning("the farm is not measured: %s", error)
            await asyncio.sleep(_EVERY)

    async def look(self, link: FarmLink) -> None:
        """Look once.

        Raises:
            FarmError: The broker does not answer, or has no farm.
        """
        nodes = await seen_nodes(link)
        running = sum(count for _, count in (await counts_at(link)).values())
        with link.telling("look at the work"):
            reply = await link.nc.request(f"{link.api}.STREAM.INFO.{WORK}", b"", timeout=REPLY_TIMEOUT)
            work = msgspec.json.decode(reply.data, type=_Stream)
        known = (each for each in nodes if work.ts - each.seen < _FORGOTTEN)
        count = work.state.messages
        age = (work.ts - work.state.first_ts).total_seconds() if count else 0.0
        states = Counter(each.state(work.ts) for each in known)
        self._last = _Look(max(0, count - running), running, max(0.0, age), states)

    def _depth(self) -> Observed:
        last = self._last
        if last is None:
            return []
        return [(last.waiting, {names.FARM_WORK_STATE: "waiting"}), (last.running, {names.FARM_WORK_STATE: "running"})]

    def _age(self) -> Observed:
        return [] if self._last is None else [(self._last.age, {})]

    def _nodes(self) -> Observed:
        last = self._last
        return [] if last is None else [(last.nodes[state], {names.FARM_NODE_STATE: state}) for state in _STATES]
