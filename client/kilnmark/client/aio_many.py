"""The asyncio flavour's many renders: a task for each that is under way, and none left behind when the caller leaves.

Which of them begins when is for `many` to say, and how one is rendered for `aio`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable

from kilnmark.client.many import Rendered, Turn, Turns
from kilnmark.client.request import RenderRequest
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.requests import RenderParams

__all__ = ["run_all"]

Render = Callable[[RenderParams], Awaitable[RenderResult]]
Ending = RenderResult | KilnmarkError


async def run_all(
    render: Render,
    requests: Iterable[RenderRequest],
    *,
    concurrency: int,
    ordered: bool,
    full_timeout: float | None,
) -> AsyncGenerator[Rendered]:
    """Render all of them and hand out each ending; those under way are cancelled when the iterator is closed.

    Args:
        render: Makes one picture.
        requests, concurrency, ordered, full_timeout: As those of `Turns`.
    """
    turns = Turns(requests, concurrency=concurrency, ordered=ordered, full_timeout=full_timeout)
    under_way: dict[asyncio.Task[Ending], Turn] = {}
    try:
        while not turns.is_over:
            while turn := turns.begin(time.monotonic()):
                under_way[asyncio.create_task(_ending_of(render, turn))] = turn
            for rendered in turns.ready():
                yield rendered
            for task in await _first_ended(under_way, turns.wait(time.monotonic())):
                turns.ended(under_way.pop(task), task.result(), time.monotonic())
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _ending_of(render: Render, turn: Turn) -> Ending:
    """What a render ends with, an error as a value."""
    try:
        return await render(turn.params)
    except KilnmarkError as error:
        return error


async def _first_ended(tasks: Iterable[asyncio.Task[Ending]], seconds: float | None) -> set[asyncio.Task[Ending]]:
    """Those that have ended once the first has or the time is over; empty at once where nothing is to wait for."""
    waiting = set(tasks)
    if not waiting:
        await asyncio.sleep(seconds or 0)
        return set()
    ended, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    return ended
