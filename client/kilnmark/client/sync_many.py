"""The blocking flavour's many renders: the asyncio flavour's, on an event loop of their own.

The loop runs only while the next picture is waited for, so nothing goes on behind the caller's back.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterable

from kilnmark.client.aio import AsyncClient
from kilnmark.client.many import Rendered
from kilnmark.client.request import RenderRequest
from kilnmark.client.timeouts import Timeouts

__all__ = ["run_all"]


def run_all(
    socket: str | None,
    timeouts: Timeouts,
    requests: Iterable[RenderRequest],
    *,
    concurrency: int,
    ordered: bool,
    full_timeout: float | None,
) -> Generator[Rendered]:
    """Render all of them and hand out each ending; those under way are cancelled when the iterator is closed.

    Args:
        socket: As for the client; the connection is one of its own.
        timeouts: The bounds of its waits.
        requests, concurrency, ordered, full_timeout: As those of `many.Turns`.
    """
    with asyncio.Runner() as runner:
        client = AsyncClient(socket, **timeouts.keywords)
        stream = client.render_many(requests, concurrency=concurrency, ordered=ordered, full_timeout=full_timeout)
        try:
            while (rendered := runner.run(_next(stream))) is not None:
                yield rendered
        finally:
            runner.run(stream.aclose())
            runner.run(client.close())


async def _next(stream: AsyncGenerator[Rendered]) -> Rendered | None:
    return await anext(stream, None)
