"""The worker gets the render whose turn it is, and hears what it will need for the next one.

Whose turn it is decides the queue. What the worker answers goes to `renders`.
"""

import msgspec

from kilnmark.daemon.jobs.audience import Audience
from kilnmark.daemon.jobs.queue import JobQueue
from kilnmark.daemon.worker.worker import Worker

__all__ = ["Feeder"]


class Feeder:
    """Gives one worker the renders of one queue."""

    def __init__(self, queue: JobQueue, worker: Worker, audience: Audience) -> None:
        self._queue = queue
        self._worker = worker
        self._audience = audience

    def feed(self) -> None:
        """Give the worker the next render, if it can take one and there is one."""
        if self._worker.state != "ready":
            return
        if (render := self._queue.begin_next()) is not None:
            self._audience.begin(render.jobs)
            trace = self._audience.trace_of(render.picture).carrier
            self._worker.render(
                msgspec.structs.replace(render.command, traceparent=trace.traceparent, tracestate=trace.tracestate)
            )
        self._read_ahead()

    def _read_ahead(self) -> None:
        """Let the worker prepare what the next render needs while it paints this one, or hear that none waits.

        Neither of them may be one that a worker was lost with: it would not be known of which it died this time.
        """
        if (running := self._queue.state.running) is not None:
            following = self._queue.following()
            if following is None or following.is_suspect or running.is_suspect:
                self._worker.announce(None)
            else:
                self._worker.announce(following.needed)
