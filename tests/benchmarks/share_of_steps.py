"""What of a queue of pictures is denoise steps; the rest is what encoding, decoding and saving still cost."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from kilnmark.client import AsyncClient
from kilnmark.protocol.wire.replies import RenderResult

__all__ = ["Ended", "queued", "share_of_steps"]


class Ended(NamedTuple):
    """A picture, and when its reply came, by the clock of `time.monotonic`."""

    result: RenderResult
    at: float


async def queued(socket: str, asked: Sequence[dict[str, Any]]) -> list[Ended]:
    """Ask for all at once, so that the queue is never empty while there is work; in the order of their replies."""
    async with AsyncClient(socket) as client:

        async def one(each: dict[str, Any]) -> Ended:
            return Ended(await client.render(**each), time.monotonic())

        return sorted(await asyncio.gather(*map(one, asked)), key=lambda ended: ended.at)


def share_of_steps(ended: Sequence[Ended]) -> float:
    """Of the time from the first reply to the last, what all pictures but the first spent in steps."""
    steps = sum(each.result.timings.denoise_ms for each in ended[1:])
    return steps / (1e3 * (ended[-1].at - ended[0].at))
