"""The jobs that were accepted: the renders that wait, the one that runs, and the memory of those that ended.

Held in memory. Nothing here knows the worker or a socket; everything that changes a job's place goes through
`JobQueue`, so that a journal can be laid under its four moments: accept, start, end, forget.
"""

from collections import Counter, OrderedDict

from kilnmark.daemon.jobs.jobs import Job, Render, without_meta
from kilnmark.daemon.jobs.turn import NO_STACK, Pace, StackKey, next_turn
from kilnmark.protocol.wire.errors import InvalidParams, QueueFull, RequestError
from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.status import QueueInfo

__all__ = ["REMEMBERED", "JobQueue"]

REMEMBERED = 1000
"""Ended jobs whose outcome is kept for whoever asks again with the same `job_id`."""


class JobQueue:
    """The open jobs, each in its render, and the ended ones that are still remembered.

    Args:
        limit: Jobs that may be open beside the first of each render that the worker has, and beside as many that
            are not ready.
        pace: How patient the waiting must be.
        remembered: Ended jobs to keep.

    Attributes:
        running: The render that the worker paints.
        saving: Renders that are painted and not yet on disk, by the id they are painted as.
        on_base: The stack of the render begun last.
    """

    def __init__(self, limit: int, pace: Pace | None = None, *, remembered: int = REMEMBERED) -> None:
        self._limit = limit
        self._pace = pace or Pace()
        self._remembered = remembered
        self._open: dict[str, Job] = {}
        self._waiting: dict[int, Render] = {}
        self._by_likeness: dict[bytes, Render] = {}
        self._ended: OrderedDict[str, Job] = OrderedDict()
        self._added = self._switches = self._shared = 0
        self.running: Render | None = None
        self.saving: dict[str, Render] = {}
        self.on_base: StackKey = NO_STACK

    @property
    def open_jobs(self) -> list[Job]:
        """The jobs of the renders that are saved or painted, then the waiting ones by priority and age."""
        waiting = sorted(self._waiting.values(), key=lambda render: (render.level, render.since, render.place))
        return [job for render in (*self.begun, *waiting) for job in render.jobs]

    @property
    def begun(self) -> list[Render]:
        """What the worker has, the oldest first."""
        return [*self.saving.values(), *([self.running] if self.running else [])]

    @property
    def ended_jobs(self) -> list[Job]:
        """The ended jobs that are remembered, the latest first."""
        return list(reversed(self._ended.values()))

    @property
    def is_empty(self) -> bool:
        """No job is open."""
        return not self._open

    @property
    def info(self) -> QueueInfo:
        """The queue as `status` shows it."""
        waiting = Counter(job.params.priority for render in self._waiting.values() for job in render.jobs)
        return QueueInfo(
            high=waiting["high"],
            normal=waiting["normal"],
            low=waiting["low"],
            switches=self._switches,
            shared=self._shared,
        )

    def find(self, job_id: str) -> Job | None:
        """The job of that id, running, waiting or remembered."""
        return self._open.get(job_id) or self._ended.get(job_id)

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

    def check_room(self, *, ready: bool = True) -> None:
        """Raises QueueFull when no job more may wait to be painted, or, with `ready` false, to be made ready."""
        unready = sum(not render.ready for render in self._waiting.values())
        waiting = len(self._open) - len(self.begun) - unready
        if (waiting if ready else unready) >= self._limit:
            raise QueueFull(f"{self._limit} renders are waiting already; try again when some have ended")

    def add(self, job: Job) -> None:
        """Take a job in, with a render of its own that is not ready yet. Room is the caller's to ask for first."""
        self._ended.pop(job.job_id, None)
        self._open[job.job_id] = job
        job.render.place = self._added
        self._added += 1
        self._waiting[job.render.place] = job.render

    def make_ready(self, job: Job) -> bool:
        """Everything about a job is known now; True when it joins the open render of an equal one instead of its own.

        A render that is being stopped is joined by nobody.
        """
        likeness = job.likeness
        mate = None if likeness is None else self._by_likeness.get(likeness)
        if mate is not None and mate.stopping is None:
            del self._waiting[job.render.place]
            mate.join(job)
            self._shared += 1
            return True
        job.render.make_ready()
        if likeness is not None:
            self._by_likeness[likeness] = job.render
        return False

    def take(self, now: float) -> Render | None:
        """Make the render whose turn it is the running one; None when none is ready, or one runs.

        Args:
            now: The monotonic clock's time, in seconds.
        """
        ready = [render for render in self._waiting.values() if render.ready]
        turn = None if self.running else next_turn(ready, on_base=self.on_base, now=now, pace=self._pace)
        if turn is None:
            return None
        render, passed = turn
        if passed is not None and passed.passed_at is None:
            passed.passed_at = now
        del self._waiting[render.place]
        self.running = render
        render.started_at = now
        first = self.on_base == NO_STACK and not render.order.lora_paths
        self._switches += render.stack != self.on_base and not first
        self.on_base = render.stack
        return render

    def following(self, now: float) -> Render | None:
        """The render whose turn comes next, as far as that can be told; None where there is none."""
        ready = [render for render in self._waiting.values() if render.ready]
        turn = next_turn(ready, on_base=self.on_base, now=now, pace=self._pace)
        return turn.taken if turn else None

    def painted(self, render: Render) -> None:
        """The running render only has to be saved."""
        self.running = None
        self.saving[render.order.job_id] = render

    def end(self, job: Job, outcome: RenderResult | RequestError) -> bool:
        """Take a job out and remember how it ended; True when its render ended with it, as nobody else wants that.

        The oldest memory beyond the limit is dropped.
        """
        job.outcome = outcome
        job.render.leave(job)
        del self._open[job.job_id]
        self._ended[job.job_id] = job
        while len(self._ended) > self._remembered:
            self._ended.popitem(last=False)
        if job.render.jobs:
            return False
        self._close(job.render, job.likeness)
        return True

    def _close(self, render: Render, likeness: bytes | None) -> None:
        if self.running is render:
            self.running = None
        elif self.saving.get(render.order.job_id) is render:
            del self.saving[render.order.job_id]
        else:
            del self._waiting[render.place]
        if likeness is not None and self._by_likeness.get(likeness) is render:
            del self._by_likeness[likeness]
