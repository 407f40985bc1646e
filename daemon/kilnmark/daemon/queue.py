"""The renders that were accepted: one queue, first in first out, and the memory of those that ended.

Held in memory. Nothing here knows the worker or a socket; everything that changes a job's place goes through
`JobQueue`, so that a journal can be laid under its four moments: accept, start, end, forget.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

import msgspec

from kilnmark.daemon.spans import RenderTrace
from kilnmark.protocol import work
from kilnmark.protocol.errors import InvalidParams, QueueFull, RequestError
from kilnmark.protocol.messages import CallMeta, JobInfo, RenderParams, RenderResult

__all__ = ["REMEMBERED", "Job", "JobQueue", "JobState", "Watcher"]

REMEMBERED = 1000
"""Ended jobs whose outcome is kept for whoever asks again with the same `job_id`."""

JobState = Literal["queued", "running", "done", "failed", "cancelled"]


class Watcher:
    """One request that waits for a job.

    Args:
        on_step: Called with each event of the job's progress.
    """

    def __init__(self, on_step: Callable[[work.Stepped], None]) -> None:
        self.on_step = on_step
        self.outcome: asyncio.Future[RenderResult] = asyncio.get_running_loop().create_future()


class Job:
    """One accepted render.

    Args:
        order: What the worker is told, once it is `ready`.
        params: What the caller asked, to recognise the same request again.
        warnings: Sentences that acceptance adds to the result.
        trace: The render's spans, begun at acceptance.
        accepted_at: `time.monotonic()` at acceptance.

    Attributes:
        ready: Nothing is left to find out about its adapters' paths; until then the worker does not get it.
        stopping: What a render that was told to stop ends with, whatever the worker says; None while it may go on.
        outcome: Its result or its error; None while it has neither.
    """

    def __init__(
        self,
        order: work.RenderJob,
        params: RenderParams,
        *,
        warnings: tuple[str, ...],
        trace: RenderTrace,
        accepted_at: float,
    ) -> None:
        self.order = order
        self.params = without_meta(params)
        self.warnings = warnings
        self.trace = trace
        self.accepted_at = accepted_at
        self.started_at: float | None = None
        self.state: JobState = "queued"
        self.ready = not order.lora_paths
        self.step = 0
        self.stopping: RequestError | None = None
        self.outcome: RenderResult | RequestError | None = None
        self.watchers: list[Watcher] = []

    @property
    def job_id(self) -> str:
        """The caller's own, or one we drew."""
        return self.order.job_id

    @property
    def named_by_caller(self) -> bool:
        """The caller can ask for it again, so it is worth finishing without anybody waiting."""
        return self.params.job_id is not None

    @property
    def info(self) -> JobInfo:
        """The job as `status` lists it."""
        return JobInfo(job_id=self.job_id, state=self.state, step=self.step, steps=self.order.steps)


class JobQueue:
    """The waiting jobs in order, the running one, and the ended ones that are still remembered.

    Args:
        limit: Jobs that may wait.
        remembered: Ended jobs to keep.
    """

    def __init__(self, limit: int, remembered: int = REMEMBERED) -> None:
        self._limit = limit
        self._remembered = remembered
        self._waiting: OrderedDict[str, Job] = OrderedDict()
        self._ended: OrderedDict[str, Job] = OrderedDict()
        self.running: Job | None = None

    @property
    def open_jobs(self) -> list[Job]:
        """The running job, then the waiting ones in order."""
        return ([self.running] if self.running else []) + list(self._waiting.values())

    def find(self, job_id: str) -> Job | None:
        """The job of that id, running, waiting or remembered."""
        if self.running is not None and self.running.job_id == job_id:
            return self.running
        return self._waiting.get(job_id) or self._ended.get(job_id)

    def find_same(self, params: RenderParams) -> Job | None:
        """The job that this request asks for again, or None when it is to be rendered.

        A job that ended without a picture is no answer: nothing would be made twice by trying again.

        Raises:
            InvalidParams: the id is taken by a request with other parameters.
        """
        job = self.find(params.job_id) if params.job_id is not None else None
        if job is None:
            return None
        if job.params != without_meta(params):
            raise InvalidParams(
                f"job_id {job.job_id!r} was given to another request - at `$.params.job_id`; "
                "choose a new one, or send the same parameters again",
                job_id=job.job_id,
            )
        return None if isinstance(job.outcome, RequestError) else job

    def check_room(self) -> None:
        """Raises QueueFull when no job can be added."""
        if len(self._waiting) >= self._limit:
            raise QueueFull(f"{self._limit} renders are waiting already; try again when some have ended")

    def add(self, job: Job) -> None:
        """Put a job at the end.

        Raises:
            QueueFull: as many jobs wait as may.
        """
        self.check_room()
        self._ended.pop(job.job_id, None)
        self._waiting[job.job_id] = job

    def start_next(self) -> Job | None:
        """Make the first waiting job that is ready the running one; None when there is none, or one runs."""
        job = None if self.running else next((job for job in self._waiting.values() if job.ready), None)
        if job is None:
            return None
        del self._waiting[job.job_id]
        self.running = job
        job.state = "running"
        job.started_at = time.monotonic()
        return job

    def end(self, job: Job, state: JobState, outcome: RenderResult | RequestError) -> None:
        """Take a job out of the queue and remember how it ended; the oldest memory beyond the limit is dropped."""
        if self.running is job:
            self.running = None
        else:
            del self._waiting[job.job_id]
        job.state = state
        job.outcome = outcome
        self._ended[job.job_id] = job
        while len(self._ended) > self._remembered:
            self._ended.popitem(last=False)


def without_meta(params: RenderParams) -> RenderParams:
    """The same request whoever traces it and whether or not its progress is wanted."""
    return msgspec.structs.replace(params, meta=CallMeta())
