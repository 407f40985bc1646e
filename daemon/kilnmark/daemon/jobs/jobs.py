"""What was asked, and what is painted for it: jobs, and the renders that one or several of them share.

They hold facts and what follows from them. `queue` moves them from state to state, `renders` decides what they end
with.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec

from kilnmark.daemon.jobs.turn import NO_STACK, StackKey
from kilnmark.daemon.pictures.hashes import Seen, look_at
from kilnmark.daemon.spans import RenderTrace
from kilnmark.protocol.picture.catalog import PRIORITIES
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.errors import Cancelled, RequestError
from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.requests import CallMeta, RenderParams
from kilnmark.protocol.wire.status import JobInfo

__all__ = ["Job", "JobState", "Render", "Watcher", "without_meta"]

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
    """One accepted request for a picture, with an id of its own.

    Args:
        order: What the worker is told, if this job is the first of its render.
        params: What the caller asked, to recognise the same request again.
        warnings: Sentences that acceptance adds to the result.
        repeatable: Its seed was not drawn for it alone.
        trace: The job's spans, begun at acceptance.
        accepted_at: `time.monotonic()` at acceptance.

    Attributes:
        may_share: A picture that was not painted for it alone may be its answer.
        seen: The adapters' files as they were found; None until they were, or when one could not be looked at.
        render: What is painted for it, perhaps for others too.
        outcome: Its result or its error; None while it has neither.
    """

    def __init__(
        self,
        order: work.RenderCommand,
        params: RenderParams,
        *,
        warnings: tuple[str, ...],
        repeatable: bool,
        trace: RenderTrace,
        accepted_at: float,
    ) -> None:
        self.order = order
        self.params = without_meta(params)
        self.warnings = warnings
        self.may_share = self.params.cache and repeatable
        self.trace = trace
        self.accepted_at = accepted_at
        self.seen: Seen | None = None if order.lora_paths else look_at(())
        self.render = Render(self)
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
    def likeness(self) -> bytes | None:
        """Two open jobs of equal likeness get one picture; None when this job's is to be its own.

        It is the whole order, its name apart, and the adapters' files: a file changed between two requests makes
        them different, and one that could not be looked at is like no other.
        """
        if not self.may_share or self.seen is None:
            return None
        nameless = msgspec.structs.replace(self.order, job_id="")
        return msgspec.json.encode([nameless, self.seen.files])

    @property
    def state(self) -> JobState:
        """How far it is."""
        if self.outcome is None:
            return "queued" if self.render.started_at is None else "running"
        if isinstance(self.outcome, RenderResult):
            return "done"
        return "cancelled" if isinstance(self.outcome, Cancelled) else "failed"

    @property
    def shared_with(self) -> str | None:
        """The job that its picture is painted as, when that is another one's name."""
        if isinstance(self.outcome, RequestError) or self.render.order.job_id == self.job_id:
            return None
        return self.render.order.job_id

    @property
    def info(self) -> JobInfo:
        """The job as `status` lists it."""
        return JobInfo(
            job_id=self.job_id,
            state=self.state,
            step=self.render.step,
            steps=self.order.steps,
            priority=self.params.priority,
            shared_with=self.shared_with,
        )


class Render:
    """One picture to paint, and the open jobs that want it.

    Attributes:
        jobs: In the order they came; empty once all of them ended.
        order: The first job's, and the last first one's once it is begun: the picture bears that job's id.
        seen: The adapters' files as they were found for the first of its jobs, before the worker can have read them.
        stack: What it wants on the base, once it is ready.
        ready: Nothing is left to find out about its adapters' files; until then the worker does not get it.
        place: How many were added before it.
        since: When the earliest of its jobs was accepted, by the monotonic clock in seconds.
        started_at: When the worker got it, by the same clock; None before.
        passed_at: See `turn.Waiting`.
        step: Denoise steps done.
        stopping: What its last job ends with once it has stopped, whatever the worker says; None while it may go on.
    """

    def __init__(self, first: Job) -> None:
        self.jobs = [first]
        self.order = first.order
        self.seen: Seen | None = None
        self.stack: StackKey = NO_STACK
        self.ready = False
        self.place = 0
        self.since = first.accepted_at
        self.started_at: float | None = None
        self.passed_at: float | None = None
        self.step = 0
        self.stopping: RequestError | None = None

    @property
    def level(self) -> int:
        """The highest priority of its jobs; 0 goes first."""
        return min(PRIORITIES.index(job.params.priority) for job in self.jobs)

    def make_ready(self) -> None:
        """Everything about its only job is known now."""
        self.order = self.jobs[0].order
        self.seen = self.jobs[0].seen
        adapters = zip(self.order.lora_paths, self.order.lora_scales, strict=True)
        self.stack = self.order.variant, tuple(adapters)
        self.ready = True

    def join(self, job: Job) -> None:
        """One more job wants this picture."""
        job.render = self
        self.jobs.append(job)
        self.since = min(self.since, job.accepted_at)

    def leave(self, job: Job) -> None:
        """A job wants it no more; before it is begun, the picture is to bear the id of the next one then."""
        self.jobs.remove(job)
        if self.jobs and self.started_at is None:
            self.order = self.jobs[0].order


def without_meta(params: RenderParams) -> RenderParams:
    """The same request whoever traces it and whether or not its progress is wanted."""
    return msgspec.structs.replace(params, meta=CallMeta())
