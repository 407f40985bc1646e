"""What the broker is told of a job that a node has: that it goes on, that it is done, or that another is to do it.

Where it is away nothing is lost: what it does not hear it makes up for by handing the job out again.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from kilnmark.farm.broker.link import FarmLink
from kilnmark.farm.broker.setup import PER_SUBJECT
from kilnmark.farm.errors import FarmError
from kilnmark.farm.names import WORK, anew_subject

if TYPE_CHECKING:
    from nats.aio.msg import Msg

__all__ = ["Handing"]

_logger = logging.getLogger(__name__)

_PAUSE = 1.0
"""Seconds for which a job that could not be done waits, doubled with each delivery and at most a lease."""

_CARRIED = ("traceparent", "tracestate")
"""Headers that a job keeps when it is passed on."""


class Handing:
    """Tells the broker of the messages that came for one job, and takes them off a node's list.

    Args:
        link: To the broker.
        lease: Seconds within which it hears of a job that is being done.

    Attributes:
        taking: Held while the node asks for a job, lest one that it passes on is its own again.
    """

    def __init__(self, link: FarmLink, lease: float) -> None:
        self._link = link
        self.lease = lease
        self.taking = asyncio.Lock()

    async def done(self, messages: "list[Msg]") -> None:
        """It is done; where the broker is away, it hands the job out again, and its result is found."""
        import nats.errors

        while messages:
            with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
                await messages.pop(0).ack_sync()

    async def given_back(self, messages: "list[Msg]", deliveries: int) -> None:
        """It is to be handed out again, after a while; without a word from here it is after the lease."""
        import nats.errors

        while messages:
            with contextlib.suppress(nats.errors.Error, OSError):
                await messages.pop(0).nak(delay=min(_PAUSE * 2.0**deliveries, self.lease))

    async def passed_on(self, messages: "list[Msg]", deliveries: int) -> None:
        """It is to be handed out as if nobody had had it: it waits anew before this message of it goes.

        The node has to know already that it does not take it.
        """
        before, first = list(messages), messages[0]
        headers = {name: value for name in _CARRIED if (value := (first.headers or {}).get(name))}
        try:
            async with self.taking:
                await self._publish(first, headers)
        except FarmError as error:
            _logger.warning("%s", error)
            await self.given_back(messages, deliveries)
            return
        del messages[: len(before)]
        await self.done(before)
        await self.given_back(messages, 0)  # the broker may have handed it out to this very node

    async def _publish(self, first: "Msg", headers: dict[str, str]) -> None:
        from nats.js.errors import APIError

        with self._link.telling("pass work on"):
            try:
                await self._link.js.publish(anew_subject(first.subject), first.data, stream=WORK, headers=headers)
            except APIError as error:
                if error.err_code != PER_SUBJECT:  # else it waits there already
                    raise

    @asynccontextmanager
    async def going_on(self, messages: "list[Msg]", look: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """The broker hears that the job is being done, until the block ends.

        Args:
            messages: Of the job.
            look: Called each time that it was told.
        """
        telling = asyncio.create_task(self._tell(messages, look))
        try:
            yield
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    async def _tell(self, messages: "list[Msg]", look: Callable[[], Awaitable[None]]) -> None:
        import nats.errors

        while True:
            await asyncio.sleep(self.lease / 3)
            for message in list(messages):
                with contextlib.suppress(nats.errors.Error, OSError):  # it is told again
                    await message.in_progress()
            await look()
