"""What a worker has to do with: who starts its process and what that process is, who hears of it, who knows its sizes.

Types alone; `worker` holds them together.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, Protocol

from kilnmark.daemon.worker.said import WorkerSaid
from kilnmark.protocol.picture.spec import PictureSize
from kilnmark.protocol.wire import work

__all__ = ["Sizes", "Spawn", "StartedWorker", "WorkerListener", "WorkerState"]

WorkerState = Literal["warming", "ready", "degraded", "stopped"]


class StartedWorker(Protocol):
    """A worker process from its start to its end."""

    @property
    def pid(self) -> int:
        """Of the process, also after its end."""

    @property
    def said(self) -> WorkerSaid:
        """What it wrote to its standard error, also after its end."""

    def tell(self, command: work.Command) -> None:
        """Send a command; to a process that is gone it is lost."""

    def kill(self) -> None:
        """End it at once. Harmless when it is gone already."""

    async def ended(self) -> int:
        """Wait until it is gone and all it said was heard; its exit status, negative for a signal."""


Spawn = Callable[[Callable[[work.Event], None], Callable[[str], None]], Awaitable[StartedWorker]]
"""Starts a worker; given who hears its events, in order, and who hears a sentence when a line of it is no event. Both
are called on the loop. OSError: it could not be started."""


class Sizes(Protocol):
    """For which sizes of pictures bases are to be warm; `sizes.WarmSizes` is one."""

    def count(self, job: work.RenderCommand) -> None:
        """A picture is being painted."""

    async def all(self) -> Mapping[str, Sequence[PictureSize]]:
        """Of every base that may be held, most used first."""


class WorkerListener(Protocol):
    """Who is told what the worker did. Every call comes on the loop."""

    def worker_ready(self) -> None:
        """The first base is warm and nothing is being rendered."""

    def worker_spoke(self, event: work.Stepped | work.Painted | work.Finished | work.Failed) -> None:
        """A render came further, is painted so that the next may come, or ended."""

    def worker_lost(self, reason: str) -> None:
        """The process is gone, and with it the render it had; another one is on its way."""

    def worker_degraded(self) -> None:
        """No worker gets ready, `Worker.tries` says why; it is tried again, with pauses that grow."""
