"""A broker that is away is waited for: whatever can be done again is tried until it is back."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kilnmark.farm.errors import BrokerAway, BrokerFull

__all__ = ["ELECTION", "PATIENCE", "patiently"]

_logger = logging.getLogger(__name__)

T = TypeVar("T")

PATIENCE = 600.0
"""Seconds for which a broker that went away is waited for."""

ELECTION = 20.0
"""The same at first, when nothing is lost yet: a cluster has another leader by then."""

_PAUSE, _PAUSE_FULL = 0.25, 2.0


async def patiently(work: Callable[[], Awaitable[T]], patience: float = PATIENCE, *, until_room: bool = False) -> T:
    """Do something that can be done again, until the broker is back, or has room.

    Args:
        work: What.
        patience: Seconds for which it is waited for.
        until_room: Wait for room for however long: what is in hand was dear.

    Raises:
        BrokerAway: It was away for longer than that.
    """
    over, told = asyncio.get_running_loop().time() + patience, False
    while True:
        try:
            return await work()
        except BrokerAway as error:
            is_full = isinstance(error, BrokerFull)
            if is_full and until_room:
                over = asyncio.get_running_loop().time() + patience
            elif asyncio.get_running_loop().time() > over:
                raise
            if is_full and not told:
                told = True
                _logger.warning("%s; it is waited for", error)
            await asyncio.sleep(_PAUSE_FULL if is_full else _PAUSE)
