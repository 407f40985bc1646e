"""What a node is told and asked by others: what nobody wants any more, which base to hold, and that it is to leave."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from kilnmark.client.aio import AsyncClient
from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.watching import watched
from kilnmark.farm.names import CANCELS, cancel_key, drain_subject, warm_subject
from kilnmark.farm.node.about import AboutNode
from kilnmark.farm.reading import read_document
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.errors import InvalidParams

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

__all__ = ["Hearing"]

_logger = logging.getLogger(__name__)

_LOOK = 5.0
"""Seconds between two looks at which bases the daemon serves."""


class Hearing:
    """Listens for one node.

    Args:
        link: To the broker.
        client: Of the node's daemon.
        about: What the node says of itself.
        unwanted: Jobs that nobody wants any more, by submitter and id: it is kept here.
        leave: Called when the node is to leave.
    """

    def __init__(
        self,
        link: FarmLink,
        client: AsyncClient,
        about: AboutNode,
        unwanted: set[tuple[str, str]],
        leave: Callable[[], None],
    ) -> None:
        self._link = link
        self._client = client
        self._about = about
        self._unwanted = unwanted
        self._leave = leave
        self._bases: dict[str, Subscription] = {}

    async def follow_cancels(self) -> None:
        """Hear what is taken back, until cancelled.

        Raises:
            FarmError: The broker does not let this node listen.
        """
        watcher = await watched(self._link, CANCELS, "follow what is cancelled")
        async for entry in watcher:
            if entry is None:
                continue
            if entry.operation:  # it is wanted again
                self._unwanted -= {each for each in self._unwanted if cancel_key(*each) == entry.key}
                continue
            with contextlib.suppress(msgspec.DecodeError):
                submitter, job_id = read_document(entry.value, tuple[str, str])
                if cancel_key(submitter, job_id) != entry.key:
                    continue  # whoever wrote it may take back its own work alone
                self._unwanted.add((submitter, job_id))
                others = [each for each in self._about.running if each[1] == job_id and each[0] != submitter]
                if (submitter, job_id) in self._about.running and not others:
                    with contextlib.suppress(KilnmarkError):
                        await self._client.cancel(job_id, "its submitter does not want it any more")

    async def begin(self) -> None:
        """Hold a base from now on when it is asked for, and leave when that is asked for."""
        await self._link.nc.subscribe(drain_subject(self._about.name), cb=self._drain)
        await self._answer_for_bases()

    async def keep_on(self) -> None:
        """Answer for those bases that the daemon serves at the time, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK)
            await self._answer_for_bases()

    async def _answer_for_bases(self) -> None:
        served = set(self._about.status.variants) if self._about.status else set[str]()
        for variant in served - self._bases.keys():
            self._bases[variant] = await self._link.nc.subscribe(warm_subject(variant), queue="nodes", cb=self._warm)
        for variant in self._bases.keys() - served:
            await self._bases.pop(variant).unsubscribe()

    async def _warm(self, message: "Msg") -> None:
        asked = message.data.decode(errors="replace")
        try:
            if message.subject != warm_subject(asked):  # it might be a path here
                raise InvalidParams(f"{asked!r} was asked for under the name of another base")
            answer = msgspec.json.encode((await self._client.warm_up(asked)).base)
        except KilnmarkError as error:
            answer = msgspec.json.encode({"error": str(error)})
        await message.respond(answer)

    async def _drain(self, message: "Msg") -> None:
        _logger.warning("an operator has it leave: it finishes what it has")
        self._leave()
        await message.respond(self._about.name.encode())
