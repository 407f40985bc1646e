"""What the log says of requests that were refused before they became jobs, and of their senders.

So many lines, then a count: a client that sends nonsense a thousand times a second must not fill a disk. What becomes
of jobs is told elsewhere.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from kilnmark.keymaps.files.owners import peer_pid
from kilnmark.protocol.wire.errors import JobIdTaken, RequestError, UnknownJob

__all__ = ["RefusedRequests", "process_behind"]

_log = logging.getLogger(__name__)

AT_ONCE, WITHIN = 20, 10.0
"""So many refusals are told in so many seconds, a line each; the others of that time in one line at its end."""

TOLD = 400
"""Characters that are told of one."""


class RefusedRequests:
    """The refusals of one daemon.

    Args:
        count: Called with the `kind` of each.

    Attributes:
        count: As given, for whoever refuses something that is no request.
    """

    def __init__(self, count: Callable[[str], object] = str) -> None:
        self.count = count
        self._told = self._untold = 0
        self._end: asyncio.TimerHandle | None = None

    def tell(self, method: str, error: RequestError, asked_by: str) -> None:
        """A request ended with an error; where that is how a job ended, the job's own line tells of it.

        Args:
            method: What was asked for; empty where that could not be read.
            asked_by: The process that did.
        """
        if error.job_id is not None and not isinstance(error, JobIdTaken | UnknownJob):
            return
        self.count(error.kind)
        if self._end is None:
            self._end = asyncio.get_running_loop().call_later(WITHIN, self._count)
        if self._told >= AT_ONCE:
            self._untold += 1
            return
        self._told += 1
        what = method[:TOLD] or "a line"
        _log.warning("%s of %s was refused (%s): %.*s", what, asked_by, error.kind, TOLD, error.message)

    def _count(self) -> None:
        if self._untold:
            _log.warning("%d more requests were refused within %g s", self._untold, WITHIN)
        self._told = self._untold = 0
        self._end = None


def process_behind(handle: int) -> str:
    """The process at the other end of a connected socket, as logs write it: `python3[4711]`.

    Args:
        handle: The socket's file descriptor.
    """
    if (pid := peer_pid(handle)) is None:
        return "an unknown process"
    try:
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        name = "process"
    return f"{name}[{pid}]"
