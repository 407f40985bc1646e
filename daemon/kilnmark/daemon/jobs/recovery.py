"""What earlier daemons accepted, taken up again: what cannot be painted any more ends, and callers may come back.

Which jobs there are follows from the events, and how each of them ends is said by `renders`, which this is a part of.
"""

import asyncio
from collections.abc import Callable, Container, Sequence

from kilnmark.daemon.jobs.audience import Arrival, Audience
from kilnmark.daemon.jobs.events import JobAccepted
from kilnmark.daemon.jobs.jobs import Job
from kilnmark.daemon.jobs.outcome import written_error
from kilnmark.daemon.jobs.prepare import Found, Preparation, RefusedStack
from kilnmark.daemon.jobs.queue import JobQueue
from kilnmark.daemon.jobs.reasons import base_is_gone, nobody_came_back, tried_out
from kilnmark.daemon.spans import RenderTrace
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import RequestError

__all__ = ["Recovery"]


class Recovery:
    """The jobs of earlier daemons, from the start of this one until their callers are back or given up.

    Args:
        found: Told what is found of a job that was not ready.
        end: Ends a job with an error, and the reports of its adapters.
    """

    def __init__(
        self,
        queue: JobQueue,
        audience: Audience,
        preparation: Preparation,
        found: Callable[[JobAccepted, Found], None],
        end: Callable[[str, RequestError, Sequence[AdapterReport]], None],
    ) -> None:
        self._queue = queue
        self._audience = audience
        self._preparation = preparation
        self._found = found
        self._end = end
        self._absent: dict[str, JobAccepted] = {}
        self._patience: asyncio.TimerHandle | None = None

    def take_up(self, trace_of: Callable[[JobAccepted], RenderTrace]) -> None:
        """Let every job wait that was begun, and have its spans.

        Args:
            trace_of: Begins the spans of a job anew.
        """
        self._queue.go_on(
            lambda facts: written_error(tried_out("the daemon was lost", facts)),
            promoted_only=self._preparation.promotes_all,
        )
        for job in self._queue.state.open_jobs:
            self._audience.enter(Arrival(job.facts, trace_of(job.facts)), self._queue.waited(job.facts))

    def look_through(self, variants: Container[str], return_timeout: float) -> None:
        """End what the settings of now do not allow, and find out about what is not ready.

        Args:
            variants: The bases that can be asked for now.
            return_timeout: How long callers may stay away who alone want a job, in seconds.
        """
        for job in self._queue.state.open_jobs:
            if (refused := self._refused(job, variants)) is not None:
                self._end(job.job_id, *refused)
        for facts in self._queue.state.unready_jobs:
            if facts.attached:
                self._absent[facts.job_id] = facts
            else:
                self._preparation.begin(facts, self._found)
        if self._absent:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(return_timeout, self._give_up, return_timeout)

    @property
    def absent_count(self) -> int:
        """How many open jobs wait for their callers."""
        return len(self._absent)

    def came_back(self, job_id: str) -> bool:
        """Somebody waits for a job; False when it needed nobody."""
        facts = self._absent.pop(job_id, None)
        if facts is not None:
            self._preparation.begin(facts, self._found)
        return facts is not None

    def ended(self, job_id: str) -> None:
        """A job has ended, whether or not it waited for its caller."""
        self._absent.pop(job_id, None)

    def stop(self) -> None:
        """Whoever is not back yet may come back to the next daemon."""
        if self._patience is not None:
            self._patience.cancel()
        self._absent.clear()

    def _refused(self, job: Job, variants: Container[str]) -> RefusedStack | None:
        facts = job.facts
        if facts.command.variant not in variants:
            return RefusedStack(base_is_gone(facts), [])
        paths = () if job.render is None else job.render.lora_paths
        return self._preparation.refused_now(facts, paths)

    def _give_up(self, seconds: float) -> None:
        for job_id in list(self._absent):
            self._end(job_id, nobody_came_back(job_id, seconds), ())
