"""What holds a batch back while nothing comes of it: a daemon begins none of its priority to save power, or to cool.

It is asked now and then beside the painting, since a picture that waits says no more than that it does.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from kilnmark.client.batch.run.paints import Paints
from kilnmark.client.batch.run.pinned import PRIORITY
from kilnmark.protocol.errors import KilnmarkError

__all__ = ["LOOK_INTERVAL", "follow_pauses"]

LOOK_INTERVAL = 10.0
"""Seconds between questions."""


async def follow_pauses(client: Paints, tell: Callable[[str | None], None], every: float = LOOK_INTERVAL) -> None:
    """Tell what holds pictures of a batch back, and later that nothing does any more; until it is cancelled.

    A daemon that cannot be asked holds nothing back: whoever paints hears of that.

    Args:
        client: Of the daemon, or of a farm.
        tell: Given the reason each time that it is another; None: nothing is paused any more.
        every: Seconds between questions.
    """
    told: str | None = None
    while True:
        with suppress(KilnmarkError):
            power = (await client.status()).power
            reason = power.because if power is not None and PRIORITY in power.paused else None
            if reason != told:
                told = reason
                tell(reason)
        await asyncio.sleep(every)
