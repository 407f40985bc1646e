"""What becomes of an accepted render: it waits, the worker gets it, and everybody who asked hears how it ended.

The one place where the queue and the worker meet. Requests come in as `Watcher`s; sockets are not known here.
"""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.jobs.jobs import Job, Render, Watcher
from kilnmark.daemon.jobs.outcome import error_of, result_of
from kilnmark.daemon.jobs.prepare import Preparation
from kilnmark.daemon.jobs.queue import JobQueue
from kilnmark.daemon.jobs.turn import NO_STACK
from kilnmark.daemon.pictures.cache import PictureCache
from kilnmark.daemon.worker.worker import Worker
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.errors import (
    AdapterRefused,
    Cancelled,
    Draining,
    InternalError,
    QueueFull,
    RenderFailed,
    RequestError,
    WorkerLost,
)
from kilnmark.protocol.wire.replies import RenderResult

__all__ = ["Renders"]

_log = logging.getLogger(__name__)


class Renders:
    """Feeds one worker from one queue, one painting at a time. Hears the worker as its `WorkerListener`.

    Args:
        preparation: Asks the disk what must be known of a job before it can be painted.

    Attributes:
        pictures: The picture cache.
        worker: The worker that renders; its `run` is the caller's to start.
        rendered, failed: Renders that ended so since the start, however many jobs shared them; cancelled ones are
            neither.
        draining: No more renders are taken.
    """

    def __init__(
        self, queue: JobQueue, pictures: PictureCache, worker: Worker, preparation: Preparation, clock: Clock
    ) -> None:
        self.queue = queue
        self.pictures = pictures
        self.worker = worker
        self.rendered = 0
        self.failed = 0
        self.draining = False
        self._ahead: list[str] = []
        self._preparation = preparation
        self._clock = clock
        self._preparing: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def check_open(self) -> None:
        """Raises Draining or RenderFailed when no render can be taken now."""
        if self.draining:
            raise Draining("the daemon is going down; send the render to the next one")
        if self.worker.state == "failed":
            raise self._no_base()

    def submit(self, job: Job) -> None:
        """Queue a job; when nothing has to be asked of a disk first, the worker gets it at once if it is free.

        One that may be answered with a picture made before is looked into however many wait.

        Raises:
            QueueFull: as many wait, or are looked into, as may.
        """
        needed = self._preparation.is_needed(job)
        try:
            self.queue.check_room(ready=not needed)
        except QueueFull as error:
            job.trace.ended(error, ())
            raise
        self.queue.add(job)
        self._idle.clear()
        if not needed:
            self._make_ready(job)
            return
        task = asyncio.get_running_loop().create_task(self._prepare(job))
        self._preparing.add(task)
        task.add_done_callback(self._preparing.discard)

    def refuse(self, job: Job, error: AdapterRefused, reports: Sequence[AdapterReport]) -> None:
        """Let a job fail that could not be painted however long it waited; it is remembered and counted like any."""
        self.queue.add(job)
        self._end(job, error, reports)

    def state_of(self, job: Job) -> str:
        """What a request waits for: `warming`, `queued`, `running` or `cancelling`."""
        if job.state == "queued":
            return "queued" if self.worker.state == "ready" else "warming"
        if job.render.stopping is None and self.worker.holdings.loading is not None:
            return "warming"
        return "cancelling" if job.render.stopping is not None else job.state

    def leave(self, job: Job, watcher: Watcher, reason: str, *, keep_named: bool = False) -> None:
        """A request does not want its job any more. The job itself ends when nobody else waits for it.

        Args:
            reason: Why, for the error that it ends with.
            keep_named: Let a job go on whose id the caller chose, because it can be asked for again.
        """
        if watcher not in job.watchers:
            return
        others = len(job.watchers) > 1
        if others or (keep_named and job.named_by_caller):
            self.unwatch(job, watcher, reason)
        else:
            self.cancel(job, reason)

    def unwatch(self, job: Job, watcher: Watcher, reason: str) -> None:
        """A request gives up to wait; its job goes on."""
        if watcher in job.watchers:
            job.watchers.remove(watcher)
            if not watcher.outcome.done():
                watcher.outcome.set_exception(_cancelled(job, reason))

    def cancel(self, job: Job, reason: str) -> bool:
        """End a job for everybody who waits for it; False when it had ended already.

        A running one ends at its next denoise step; at once when other jobs still want the picture, which goes on.
        """
        return self._stop(job, _cancelled(job, reason))

    def stop_all(self) -> None:
        """End every job because the daemon goes down."""
        self.draining = True
        for job in reversed(self.queue.open_jobs):
            self._stop(job, Draining("the daemon went down before this render was done", job_id=job.job_id))

    def end_rest(self) -> None:
        """End what is still open once there is no worker any more."""
        self.stop_all()
        for render in self.queue.begun:
            if render.stopping is not None:
                self._end(render.jobs[0], render.stopping)

    async def settled(self) -> None:
        """Wait until every accepted job has ended."""
        await self._idle.wait()

    def worker_ready(self) -> None:
        """The worker can take a render."""
        self._feed()

    def worker_spoke(self, event: work.Stepped | work.Painted | work.Finished | work.Failed) -> None:
        """A render came further, is painted so that the next may come, or ended."""
        render = next((render for render in self.queue.begun if render.order.job_id == event.job_id), None)
        if render is None:
            _log.warning("the worker spoke of job %s, which it does not have", event.job_id)
            return
        match event:
            case work.Painted():
                self.queue.painted(render)
                self._feed()
            case work.Stepped():
                render.step = event.step
                for watcher in [watcher for job in render.jobs for watcher in job.watchers]:
                    watcher.on_step(event)
            case work.Finished():
                self._finish(render, event)
            case work.Failed():
                for job in list(render.jobs):
                    self._end(job, error_of(job, event), event.loras)

    def worker_lost(self, reason: str) -> None:
        """What the worker had is lost; the waiting ones wait for the next worker, whose base has no stack on it."""
        lost = [job for render in self.queue.begun for job in render.jobs]
        self.queue.on_base = NO_STACK
        for job in lost:
            self._end(job, WorkerLost(f"{reason}; another is being started, send the render again", job_id=job.job_id))

    def worker_failed(self) -> None:
        """No render can be made until `warm_up`."""
        for job in self.queue.open_jobs:
            self._end(job, self._no_base(job.job_id))

    def _no_base(self, job_id: str | None = None) -> RenderFailed:
        return RenderFailed(
            f"the base cannot be held: {self.worker.last_error}; mend that, then send warm_up to try again",
            job_id=job_id,
        )

    async def _prepare(self, job: Job) -> None:
        """Ask the disk what has to be known of a job before it can be painted; it may be given up meanwhile."""
        try:
            ending = await self._preparation.run(job)
        except Exception:  # noqa: BLE001 - nobody awaits this task, so the job must hear of every defect
            _log.exception("job %s could not be prepared", job.job_id)
            problem = "the files of this render could not be looked at; the daemon's log has the traceback"
            if job.outcome is None:
                self._end(job, InternalError(problem, job_id=job.job_id))
            return
        if job.outcome is not None:
            return
        if ending is not None:
            self._end(job, ending.outcome, ending.reports)
            return
        try:
            self.queue.check_room()
        except QueueFull as error:
            self._end(job, error)
        else:
            self._make_ready(job)

    def _make_ready(self, job: Job) -> None:
        if not self.queue.make_ready(job):
            self._feed()
        elif job.state == "running":
            job.trace.started()

    def _feed(self) -> None:
        if self.worker.state != "ready":
            return
        if (render := self.queue.take(self._clock.monotonic())) is not None:
            for job in render.jobs:
                job.trace.started()
            trace = render.jobs[0].trace.carrier
            self.worker.render(
                msgspec.structs.replace(render.order, traceparent=trace.traceparent, tracestate=trace.tracestate)
            )
        self._read_ahead()

    def _read_ahead(self) -> None:
        """Let the worker read what the next render needs while it paints this one."""
        following = self.queue.following(self._clock.monotonic()) if self.queue.running is not None else None
        variant, paths = (following.order.variant, following.order.lora_paths) if following else ("", [])
        if paths and paths != self._ahead:
            self.worker.prefetch(variant, paths)
        self._ahead = paths

    def _finish(self, render: Render, event: work.Finished) -> None:
        """A picture is there: each job that waits for it gets it in a result of its own."""
        results = [(job, result_of(job, event, self._clock.monotonic())) for job in render.jobs]
        base = self.worker.holdings.base_of(render.order.variant)
        self.pictures.keep(render.order, render.seen, base, results[0][1])
        for job, result in results:
            self._end(job, result, event.loras)

    def _stop(self, job: Job, error: RequestError) -> bool:
        if job.outcome is not None:
            return False
        render = job.render
        if job.state == "queued" or len(render.jobs) > 1:
            self._end(job, error)
        elif render.stopping is None:
            render.stopping = error
            self.worker.cancel(render.order.job_id)
        return True

    def _end(self, job: Job, outcome: RenderResult | RequestError, reports: Sequence[AdapterReport] = ()) -> None:
        if job.render.stopping is not None:
            outcome = job.render.stopping
        if self.queue.end(job, outcome):
            self.rendered += isinstance(outcome, RenderResult) and not outcome.cached
            self.failed += job.state == "failed"
        job.trace.ended(outcome, reports, shared_with=job.shared_with)
        watchers, job.watchers = job.watchers, []
        for watcher in watchers:
            _settle(watcher, outcome)
        if self.queue.is_empty:
            self._idle.set()
        self._feed()


def _settle(watcher: Watcher, outcome: RenderResult | RequestError) -> None:
    if watcher.outcome.done():
        return
    if isinstance(outcome, RequestError):
        watcher.outcome.set_exception(outcome.with_traceback(None))
    else:
        watcher.outcome.set_result(outcome)


def _cancelled(job: Job, reason: str) -> Cancelled:
    return Cancelled(f"the render was cancelled: {reason or 'no reason was given'}", job_id=job.job_id)
