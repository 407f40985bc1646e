"""A machine of the farm: one daemon, which is given work as long as both are well, and a word of both now and then.

Whoever ends it by `drain` loses nothing; whoever kills it loses the jobs that it has to others, after their lease.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kilnmark.client.aio import AsyncClient
from kilnmark.client.errors import ClientError
from kilnmark.farm.broker.ended import end_tasks
from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.patience import ELECTION, patiently
from kilnmark.farm.content.store import open_content
from kilnmark.farm.errors import FarmError, NameTaken, NodeUnfit
from kilnmark.farm.names import Partition
from kilnmark.farm.node.about import AboutNode
from kilnmark.farm.node.commit import Commits
from kilnmark.farm.node.doing import Doing
from kilnmark.farm.node.folders import NodeFolders
from kilnmark.farm.node.handing import Handing
from kilnmark.farm.node.hearing import Hearing
from kilnmark.farm.node.measured import JobMeasures
from kilnmark.farm.node.name import NodeName
from kilnmark.farm.node.rest import Rest
from kilnmark.farm.node.work import LEASE, Work
from kilnmark.farm.placement.choice import PartitionView, Policy, choose, fits
from kilnmark.otel import names
from kilnmark.otel.measures import Measures
from kilnmark.protocol.errors import KilnmarkError

if TYPE_CHECKING:
    from nats.aio.msg import Msg

__all__ = ["FarmNode", "NodeSettings"]

_logger = logging.getLogger(__name__)

BEAT = 5.0
"""Seconds between two words of a node."""

_IDLE = 1.0
"""Seconds for which a node waits when nothing that it can do waits for it."""

_TAKING = 0.5
"""Seconds for which it waits for work that was there a moment ago."""


@dataclass(frozen=True, kw_only=True)
class NodeSettings:
    """How a node works.

    Attributes:
        name: Of the node.
        content: The folder of adapters; None: in the last of the daemon's adapter roots that can be written.
        budget: Bytes of files that are kept.
        depth: Jobs that the daemon has at once: it reads the next one's files while it paints one. One more may be
            there that is `high`.
        lease: Seconds after which a job of a node that says nothing is somebody else's.
        shared: A folder that pictures go to instead of the broker.
        policy: Of placement.
    """

    name: str
    content: Path | None = None
    budget: int = 50 << 30
    depth: int = 2
    lease: float = LEASE
    shared: Path | None = None
    policy: Policy = field(default_factory=Policy)


class FarmNode:
    """Takes work for one daemon.

    Args:
        link: To the broker.
        client: Of the daemon.
        settings: How.
        measures: Of its process; None: nothing is measured.
    """

    def __init__(
        self, link: FarmLink, client: AsyncClient, settings: NodeSettings, measures: Measures | None = None
    ) -> None:
        self._link = link
        self._client = client
        self._settings = settings
        self._about = AboutNode(settings.name)
        self._work = Work(link, settings.lease)
        self._unwanted: set[tuple[str, str]] = set()
        self._doing: set[asyncio.Task[None]] = set()
        self._draining = asyncio.Event()
        self._turn = 0
        self._name = NodeName(link, settings.name, self._about.instance)
        self._handing = Handing(link, settings.lease)
        self._folders = NodeFolders(self._about, settings.content, settings.budget, settings.shared)
        self._rest = Rest(client, self._folders, self._about, self._draining)
        self._measures = measures or Measures()
        self._measures.observe(names.FARM_SWITCHES, lambda: [(self._about.switches, {})])

    @property
    def about(self) -> AboutNode:
        """What it says of itself."""
        return self._about

    def drain(self) -> None:
        """Take nothing more, finish what is here, and leave."""
        self._about.is_draining = True
        self._draining.set()
        self._work.news.set()

    async def run(self, on_joined: Callable[[], None] | None = None) -> None:
        """Work until it is drained.

        Args:
            on_joined: Called once it has its name, and begins.

        Raises:
            NameTaken: Another node works under its name, or does by now.
            FarmError: The farm cannot be used with these credentials, or as the daemon is set up.
            ClientError: The daemon does not answer at the start.
        """
        self._about.hear(await self._client.status())
        self._folders.cache()
        if not await self._has_name():
            return
        if on_joined is not None:
            on_joined()
        doing = Doing(
            self._client,
            await patiently(lambda: open_content(self._link), ELECTION),
            self._folders.cache,
            Commits(self._link, self._settings.shared),
            self._about,
            self._handing,
            self._unwanted,
            JobMeasures(self._measures),
        )
        hearing = Hearing(self._link, self._client, self._about, self._unwanted, self.drain)
        await hearing.begin()
        beside = [
            asyncio.create_task(work)
            for work in (self._beat(), self._work.follow(), hearing.follow_cancels(), hearing.keep_on())
        ]
        main = asyncio.create_task(self._take_all(doing))
        try:
            await asyncio.wait([main, *beside], return_when=asyncio.FIRST_COMPLETED)
            for task in beside:
                if task.done():
                    await task
            await main
        finally:
            await end_tasks(main, *beside, *self._doing)
            await self._leave()

    async def _has_name(self) -> bool:
        """Whether it has its name, after a while perhaps; not where it is to leave before."""
        claiming = asyncio.create_task(self._name.claim(self._about.beat))
        leaving = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait([claiming, leaving], return_when=asyncio.FIRST_COMPLETED)
            if claiming.done():
                await claiming
            return claiming.done()
        finally:
            await end_tasks(claiming, leaving)

    async def _take_all(self, doing: Doing) -> None:
        while not self._about.is_draining:
            try:
                message = await self._next()
            except FarmError as error:
                if self._link.refusals.denied:
                    raise
                _logger.warning("%s", error)
                await asyncio.sleep(_IDLE)
                continue
            if message is not None:
                task = asyncio.create_task(self._do(doing, message))
                self._doing.add(task)
                task.add_done_callback(self._doing.discard)
        if self._doing:
            await asyncio.wait(self._doing)

    async def _next(self) -> "Msg | None":
        """The next job; None: none was to be had for a while."""
        if self._about.problem and not self._doing:
            await self._rest.until_well()
            return None
        if self._about.problem or len(self._doing) >= self._settings.depth:
            return await self._next_high()
        self._work.news.clear()
        partition, patience = await self._choose(), _TAKING
        if partition is None:
            self._about.partition = None if not self._doing else self._about.partition
            partition, patience = await self._given_back(), _IDLE
        if partition is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._work.news.wait(), _IDLE)
            return None
        return await self._take(partition, patience)

    async def _next_high(self) -> "Msg | None":
        """While there is no room for more, one `high` job: the daemon paints it before what it has not begun."""
        done, _ = await asyncio.wait(self._doing, timeout=_IDLE, return_when=asyncio.FIRST_COMPLETED)
        if done or self._about.problem or self._about.is_draining or len(self._doing) > self._settings.depth:
            return None
        partition = choose(self._about.view(), await self._views(), self._settings.policy)
        return await self._take(partition, _TAKING) if partition and partition.priority == "high" else None

    async def _take(self, partition: Partition, patience: float) -> "Msg | None":
        async with self._handing.taking:
            if not self._about.takes(partition):  # since it was chosen a job of it was refused
                return None
            message = await self._work.take(partition, patience)
        if message is not None:
            self._about.took_from(partition)
        return message

    async def _choose(self) -> Partition | None:
        node = self._about.view()
        return choose(node, await self._views(), self._settings.policy) or choose(
            node, await self._views(anew=True), self._settings.policy
        )

    async def _views(self, *, anew: bool = False) -> list[PartitionView]:
        """As of `Work.views`, those that are not left to others for now."""
        return [each for each in await self._work.views(anew=anew) if not self._about.passes_by(each.partition)]

    async def _given_back(self) -> Partition | None:
        """Where jobs are others' that may be given back, or whose nodes may be gone: each such partition in turn."""
        info = self._about.info()
        able = [view.partition for view in await self._work.views() if view.running and fits(view.needs, info)]
        able = [each for each in able if self._about.takes(each)]
        self._turn += 1
        return able[self._turn % len(able)] if able else None

    async def _do(self, doing: Doing, message: "Msg") -> None:
        try:
            await doing.do(message)
            self._rest.over()
        except NodeUnfit as unfit:
            self._about.problem = unfit.reason
            _logger.warning("no more work is taken: %s", unfit.reason)
        except FarmError as error:
            _logger.warning("%s", error)
        except Exception:
            _logger.exception("a job was given up; the broker hands it out again")

    async def _beat(self) -> None:
        told = ""
        while True:
            try:
                await self._look()
                await self._name.say(self._about.beat())
                told = ""
            except NameTaken:
                raise
            except FarmError as error:
                if str(error) != told:
                    _logger.warning("%s", error)
                told = str(error)
            await asyncio.sleep(BEAT)

    async def _look(self) -> None:
        """Ask the daemon how it is; one that was not well is asked where the node rests."""
        if not self._about.problem:
            try:
                self._about.hear(await self._client.status())
            except KilnmarkError as error:
                self._about.is_alone = isinstance(error, ClientError) and not isinstance(error, FarmError)
                self._about.problem = str(error)

    async def _leave(self) -> None:
        self._about.has_left = True
        await self._work.close()
        with contextlib.suppress(FarmError):
            await self._name.say(self._about.beat())
