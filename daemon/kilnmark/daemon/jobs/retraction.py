"""Renders that wait, and were let in with promoted adapters that were demoted since: they end instead of being painted.

Looked for now and then, off the loop, and only where such renders wait. What is under way is painted to its end.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from kilnmark.daemon.asked.stack import not_allowed
from kilnmark.daemon.jobs.jobs import OpenRender
from kilnmark.daemon.jobs.prepare import Preparation
from kilnmark.daemon.jobs.queue import JobQueue
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import RequestError

__all__ = ["Retraction"]

_log = logging.getLogger(__name__)


class Retraction:
    """Looks through the renders of one queue.

    Args:
        preparation: Asked whether a render would still be let in.
        end: Ends a job with an error, and the reports of its adapters.
    """

    def __init__(
        self,
        queue: JobQueue,
        preparation: Preparation,
        end: Callable[[str, RequestError, Sequence[AdapterReport]], None],
    ) -> None:
        self._queue = queue
        self._preparation = preparation
        self._end = end
        self._looking: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Begin to look once, unless that is under way, or there is nothing to look for."""
        if self._looking is not None and not self._looking.done():
            return
        bound = [render for render in self._queue.state.line if render.lora_sha256s]
        if bound:
            self._looking = asyncio.get_running_loop().create_task(self._look(bound))

    async def _look(self, bound: Sequence[OpenRender]) -> None:
        known: dict[object, list[AdapterReport]] = {}
        try:
            for render in bound:
                if not render.jobs:
                    continue
                command = render.command
                key = command.stack, render.lora_paths, render.lora_sha256s
                if key not in known:
                    known[key] = await self._preparation.demoted(command)
                if known[key] and render.name is None:
                    self._retract(render, known[key])
        except Exception:  # noqa: BLE001 - nobody awaits this task, and the next look is a second away
            _log.exception("it could not be seen whether adapters were demoted")

    def _retract(self, render: OpenRender, refused: list[AdapterReport]) -> None:
        command = render.command
        for job_id in list(render.jobs):
            self._end(job_id, not_allowed(msgspec.structs.replace(command, job_id=job_id), refused), refused)
