"""What the live page shows: the daemon's state, what is painted and waits, the last renders, and dead adapters.

Gathered from the daemon for every page, so that none is older than it. How it looks is the templates' part.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from kilnmark.client.aio import AsyncClient
from kilnmark.protocol.picture.report import Verdict
from kilnmark.protocol.wire.jobs import JobInfo, QueueInfo
from kilnmark.protocol.wire.status import StatusResult
from kilnmark.web.panel.charts import RenderChart, render_chart
from kilnmark.web.panel.follow import JobFollower, StepTold
from kilnmark.web.panel.words import time_words

__all__ = ["Acknowledged", "NowView", "RunningJob", "now_view"]

LAST: Final = 100
"""Ended renders that the live page knows of; it shows the first of them."""

SHOWN: Final = 12

DEAD_DAYS: Final = 7
"""How long a dead adapter is shown in red, until somebody says that it was seen."""

_MOST_DEAD = 50


class Acknowledged:
    """The jobs whose dead adapters somebody has seen. It lasts as long as the process."""

    def __init__(self) -> None:
        self._jobs: dict[str, None] = {}

    def see(self, job_ids: Sequence[str]) -> None:
        """Show these in red no more."""
        self._jobs.update(dict.fromkeys(job_ids))
        for job_id in list(self._jobs)[:-_REMEMBERED]:
            del self._jobs[job_id]

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._jobs


_REMEMBERED = 10_000


class RunningJob(NamedTuple):
    """A render that the worker has.

    Attributes:
        job: As it is listed.
        step: How far it was told to be.
        left: The time it still takes, in words; empty where its pace is not known yet.
    """

    job: JobInfo
    step: StepTold
    left: str


class NowView(NamedTuple):
    """The live page.

    Attributes:
        status: Of the daemon.
        running: What the worker has.
        waiting: What waits, the first hundred of it.
        last: What ended, the latest first.
        dead: Renders with a dead adapter that nobody has acknowledged, the latest first.
        chart: What the last renders took.
        queue: What waits, in numbers.
    """

    status: StatusResult
    running: tuple[RunningJob, ...]
    waiting: tuple[JobInfo, ...]
    last: tuple[JobInfo, ...]
    dead: tuple[JobInfo, ...]
    chart: RenderChart | None
    queue: QueueInfo


async def now_view(client: AsyncClient, follower: JobFollower, acknowledged: Acknowledged) -> NowView:
    """Ask the daemon for all of it.

    Raises:
        KilnmarkError: it does not answer.
    """
    status = await client.status()
    open_jobs = await client.jobs_page(limit=100, states=["running", "queued"])
    ended = await client.jobs_page(limit=LAST, states=["done", "failed", "cancelled"])
    return NowView(
        status=status,
        running=tuple(_running(job, status, follower) for job in open_jobs.jobs if job.state == "running"),
        waiting=tuple(job for job in open_jobs.jobs if job.state == "queued"),
        last=tuple(ended.jobs[:SHOWN]),
        dead=await _dead(client, acknowledged),
        chart=render_chart(ended.jobs),
        queue=open_jobs.queue,
    )


async def _dead(client: AsyncClient, acknowledged: Acknowledged) -> tuple[JobInfo, ...]:
    """Looked for by verdict, so that no flood of healthy renders washes one away."""
    since = datetime.now(UTC) - timedelta(days=DEAD_DAYS)
    found: dict[str, JobInfo] = {}
    for verdict in (Verdict.NOOP, Verdict.REFUSED):
        page = await client.jobs_page(limit=_MOST_DEAD, verdict=verdict, since=since)
        found.update({job.job_id: job for job in page.jobs if job.job_id not in acknowledged})
    return tuple(sorted(found.values(), key=lambda job: job.ended or job.accepted, reverse=True))


def _running(job: JobInfo, status: StatusResult, follower: JobFollower) -> RunningJob:
    told = follower.step_of(job.job_id)
    if told is None or told.step < job.step:
        seen = follower.preview_of(job.job_id)
        told = StepTold(
            job_id=job.job_id, step=job.step, steps=job.steps, stage="", preview=seen.step if seen else None
        )
    return RunningJob(job, told, _left(job, told, status))


def _left(job: JobInfo, told: StepTold, status: StatusResult) -> str:
    for pace in status.worker.paces:
        if (pace.variant, pace.width, pace.height) == (job.variant, job.width, job.height):
            left = max(0, told.steps - told.step) * pace.step_ms + (pace.decode_ms or 0.0)
            return f"about {time_words(left / 1000)} left"
    return ""
