"""A broker that is away is waited for: whatever can be done again is tried until it is back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kilnmark.farm.errors import BrokerAway

__all__ = ["ELECTION", "PATIENCE", "patiently"]

T = TypeVar("T")

PATIENCE = 600.0
"""Seconds for which a broker that went away is waited for."""

ELECTION = 20.0
"""The same at first, when nothing is lost yet: a cluster has another leader by then."""

_PAUSE = 0.25


async def patiently(work: Callable[[], Awaitable[T]], patience: float = PATIENCE) -> T:
    """Do something that can be done again, until the broker is back.

    Raises:
        BrokerAway: It was away for longer than that, in seconds.
    """
    over = asyncio.get_running_loop().time() + patience
    while True:
        try:
            return await work()
        except BrokerAway:
            if asyncio.get_running_loop().time() > over:
                raise
            await asyncio.sleep(_PAUSE)
