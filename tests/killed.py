"""Processes that are killed at a call that the disk hears of: what a power cut leaves, at every place in turn.

What they do and what must be there afterwards stands with each test's own; each runs in a program of its own, because a
process that is forked here must have no other thread.
"""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Place", "crowded", "forked", "kills"]

Place = tuple[object, str]
"""What holds a function, and its name there: `(os, "fsync")`."""

LIMIT = 1000
"""Calls after which something is not going to end."""


def forked(work: Callable[[], object]) -> int:
    """Do it in another process; its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def kills(places: tuple[Place, ...], begun: Callable[[int], Callable[[], object]]) -> Iterator[tuple[int, bool]]:
    """Work that is killed before its first call, its second one and so on, until it comes to its end.

    Args:
        places: The calls that count.
        begun: Makes ready what the so-many-th work finds, in this process, and gives that work.

    Yields:
        How many times the last one was let call and whether it was killed, for the caller to look at what is left. The
        last one was not.
    """
    for count in range(1, LIMIT):
        work = begun(count)
        pid = forked(lambda count=count, work=work: _dying_at(count, places, work))  # type: ignore[misc]
        killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        yield count, killed
        if not killed:
            return
    raise AssertionError("it never came to its end")


def crowded(works: list[Callable[[], object]]) -> None:
    """All of them at once, to their ends."""
    for pid in [forked(work) for work in works]:
        os.waitpid(pid, 0)


def _dying_at(count: int, places: tuple[Place, ...], work: Callable[[], object]) -> None:
    calls = iter(range(1, LIMIT))

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            if next(calls) == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **named)

        return call

    for place, name in places:
        setattr(place, name, dying(getattr(place, name)))
    work()
