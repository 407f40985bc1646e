"""Tasks ended for good: told again where they did not hear."""

import asyncio
from typing import Any

__all__ = ["end_tasks"]

_AGAIN = 0.5


async def end_tasks(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks, and wait until all have ended; what they ended with is theirs.

    `asyncio.wait_for` of Python 3.11 loses a cancellation that comes in the moment of a result (python/cpython#86296),
    and the broker's client waits by it.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN)
