"""What is told of jobs to whoever asks: each as it is now, and what it waits for.

Nothing changes here; what happens to jobs is `renders`' part.
"""

import asyncio
from collections.abc import Iterator

from kilnmark.daemon.jobs.audience import Audience
from kilnmark.daemon.jobs.filtering import fitting
from kilnmark.daemon.jobs.jobs import Job
from kilnmark.daemon.jobs.listing import first_jobs, page_of, pictures_in_use
from kilnmark.daemon.jobs.outcome import job_info, job_result
from kilnmark.daemon.jobs.pauses import Pauses
from kilnmark.daemon.jobs.state import QueueState
from kilnmark.daemon.worker.worker import Worker
from kilnmark.protocol.wire.errors import UnknownJob
from kilnmark.protocol.wire.job_requests import JobsParams
from kilnmark.protocol.wire.jobs import JobInfo
from kilnmark.protocol.wire.replies import JobResult
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["JobsView"]

AT_ONCE = 250
"""Jobs that are told of before somebody else has a turn: some milliseconds' work."""

FIRST_JOBS = 100
"""Open jobs that `status` tells of; `jobs.list` tells of all."""


class JobsView:
    """The jobs of one daemon, to be looked at.

    Attributes:
        state: The queue, as far as it follows from events.
    """

    def __init__(self, state: QueueState, pauses: Pauses, audience: Audience, worker: Worker) -> None:
        self.state = state
        self._pauses = pauses
        self._audience = audience
        self._worker = worker

    @property
    def first_jobs(self) -> list[JobInfo]:
        """The first `FIRST_JOBS` of the open jobs: of the renders that the worker has, then of those that wait."""
        return [self.info(job) for job in first_jobs(self.state, FIRST_JOBS)]

    def open_commands(self) -> Iterator[RenderCommand]:
        """What the worker is, or will be, told of the open jobs."""
        return (job.facts.command for job in self.state.open_jobs)

    def pictures_in_use(self, since: float) -> Iterator[str]:
        """Files of pictures that open jobs are made of, or that somebody was given; see `listing.pictures_in_use`."""
        return pictures_in_use(self.state, since)

    async def page(self, params: JobsParams) -> tuple[list[JobInfo], str | None]:
        """Those of all jobs that are asked for, a page of them, and where the others begin.

        Others have their turns while it is looked for among many.

        Raises:
            InvalidParams: a moment is none, or no page ends there.
        """
        fits, told, cursor = fitting(params), list[JobInfo](), params.cursor
        while True:
            page = page_of(self.state, cursor, min(params.limit - len(told), AT_ONCE), fits)
            told += [self.info(job) for job in page.jobs]
            if page.next is None or len(told) == params.limit:
                return told, page.next
            cursor = page.next
            await asyncio.sleep(0)

    def job(self, job_id: str) -> Job:
        """The job of that id, open or remembered.

        Raises:
            UnknownJob: there is none.
        """
        job = self.state.find(job_id)
        if job is None:
            raise UnknownJob(f"there is no job {job_id!r}; list the jobs to see which there are", job_id=job_id)
        return job

    def told_of(self, job: Job) -> JobResult:
        """A job, and what it ended with."""
        return job_result(job, self._step(job), self._paused(job))

    def waits_for(self, job_id: str) -> str:
        """What a request for a job waits for: `warming`, `degraded`, `queued`, `paused`, `running` or `cancelling`."""
        if (job := self.state.find(job_id)) is None:
            return "ended"
        if job.state == "queued":
            ready = "queued" if self._paused(job) is None else "paused"
            return {"ready": ready, "degraded": "degraded"}.get(self._worker.state, "warming")
        if job.render is not None and job.render.stopping is not None:
            return "cancelling"
        if job.render is not None and self._worker.holdings.loading is not None:
            return "warming"
        return job.state

    def info(self, job: Job) -> JobInfo:
        """A job as it is now, as it is listed."""
        return job_info(job, self._step(job), self._paused(job))

    def _paused(self, job: Job) -> str | None:
        return None if job.render is None or job.state != "queued" else self._pauses.reason(job.render.level)

    def _step(self, job: Job) -> int:
        return 0 if job.render is None else self._audience.step_of(job.job_id)
