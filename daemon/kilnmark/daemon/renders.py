"""What becomes of an accepted render: it waits, the worker gets it, and everybody who asked hears how it ended.

The one place where the queue and the worker meet. Requests come in as `Watcher`s; sockets are not known here.
"""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from kilnmark.daemon.accept import locate_stack, refusal
from kilnmark.daemon.outcome import error_of, result_of
from kilnmark.daemon.queue import Job, JobQueue, JobState, Watcher
from kilnmark.daemon.settings import Settings
from kilnmark.daemon.worker import Worker
from kilnmark.protocol import work
from kilnmark.protocol.errors import Cancelled, Draining, InternalError, RenderFailed, RequestError, WorkerLost
from kilnmark.protocol.messages import RenderResult
from kilnmark.protocol.report import AdapterReport

__all__ = ["Renders"]

_log = logging.getLogger(__name__)


class Renders:
    """Feeds one worker from one queue, one render at a time. Hears the worker as its `WorkerListener`.

    Attributes:
        worker: The worker that renders; its `run` is the caller's to start.
        rendered, failed: Renders that ended so since the start; cancelled ones are neither.
        draining: No more renders are taken.
    """

    def __init__(self, settings: Settings) -> None:
        self.queue = JobQueue(settings.queue_limit)
        self.worker = Worker(settings, self)
        self.rendered = 0
        self.failed = 0
        self.draining = False
        self._lora_roots = settings.lora_roots
        self._locating: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def check_open(self) -> None:
        """Raises Draining, RenderFailed or QueueFull when a render could not be taken now."""
        if self.draining:
            raise Draining("the daemon is going down; send the render to the next one")
        if self.worker.state == "failed":
            raise self._no_base()
        self.queue.check_room()

    def submit(self, job: Job) -> None:
        """Queue a job; the worker gets it at once when it is free.

        Raises:
            Draining, RenderFailed, QueueFull: as `check_open` does.
        """
        self.check_open()
        self.queue.add(job)
        self._idle.clear()
        if job.ready:
            self._feed()
            return
        task = asyncio.get_running_loop().create_task(self._make_ready(job))
        self._locating.add(task)
        task.add_done_callback(self._locating.discard)

    def state_of(self, job: Job) -> str:
        """What a request waits for: `warming`, `queued`, `running` or `cancelling`."""
        if job.state == "queued":
            return "queued" if self.worker.state == "ready" else "warming"
        if job.stopping is None and self.worker.holdings.loading is not None:
            return "warming"
        return "cancelling" if job.stopping is not None else job.state

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
            job.watchers.remove(watcher)
            if not watcher.outcome.done():
                watcher.outcome.set_exception(_cancelled(job, reason))
        else:
            self.cancel(job, reason)

    def cancel(self, job: Job, reason: str) -> bool:
        """End a job for everybody; False when it had ended already. A running one ends at its next denoise step."""
        return self._stop(job, _cancelled(job, reason))

    def stop_all(self) -> None:
        """End every job because the daemon goes down."""
        self.draining = True
        for job in reversed(self.queue.open_jobs):
            self._stop(job, Draining("the daemon went down before this render was done", job_id=job.job_id))

    def end_rest(self) -> None:
        """End what is still open once there is no worker any more."""
        self.stop_all()
        if (job := self.queue.running) is not None and job.stopping is not None:
            self._end(job, job.stopping)

    async def settled(self) -> None:
        """Wait until every accepted job has ended."""
        await self._idle.wait()

    def worker_ready(self) -> None:
        """The worker can take a render."""
        self._feed()

    def worker_spoke(self, event: work.Stepped | work.Finished | work.Failed) -> None:
        """The running render came further, or ended."""
        job = self.queue.running
        if job is None or job.job_id != event.job_id:
            _log.warning("the worker spoke of job %s, which it does not have", event.job_id)
            return
        match event:
            case work.Stepped():
                job.step = event.step
                for watcher in job.watchers:
                    watcher.on_step(event)
            case work.Finished():
                self._end(job, result_of(job, event), event.loras)
            case work.Failed():
                self._end(job, error_of(event), event.loras)

    def worker_lost(self, reason: str) -> None:
        """The running render is lost; the waiting ones wait for the next worker."""
        if (job := self.queue.running) is not None:
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

    async def _make_ready(self, job: Job) -> None:
        """Find a job's adapters; it may have been given up meanwhile."""
        try:
            paths, refused = await locate_stack(job.order, self._lora_roots)
        except Exception:  # noqa: BLE001 - nobody awaits this task, so the job must hear of every defect
            _log.exception("the adapters of job %s could not be looked for", job.job_id)
            if job.outcome is None:
                self._end(
                    job, InternalError("the adapters could not be looked for; the daemon's log has the traceback")
                )
            return
        if job.outcome is not None:
            return
        if refused and job.order.on_mismatch == "error":
            self._end(job, refusal(job.order, refused), refused)
        else:
            job.order = msgspec.structs.replace(job.order, lora_paths=paths)
            job.ready = True
            self._feed()

    def _feed(self) -> None:
        if self.worker.state != "ready":
            return
        if (job := self.queue.start_next()) is not None:
            job.trace.started()
            trace = job.trace.carrier
            self.worker.render(
                msgspec.structs.replace(job.order, traceparent=trace.traceparent, tracestate=trace.tracestate)
            )

    def _stop(self, job: Job, error: RequestError) -> bool:
        if job.outcome is not None:
            return False
        if job.state == "queued":
            self._end(job, error)
        elif job.stopping is None:
            job.stopping = error
            self.worker.cancel(job.job_id)
        return True

    def _end(self, job: Job, outcome: RenderResult | RequestError, reports: Sequence[AdapterReport] = ()) -> None:
        if job.stopping is not None:
            outcome = job.stopping
        self.queue.end(job, _state_of(outcome), outcome)
        self.rendered += job.state == "done"
        self.failed += job.state == "failed"
        job.trace.ended(outcome if isinstance(outcome, RequestError) else None, reports)
        watchers, job.watchers = job.watchers, []
        for watcher in watchers:
            _settle(watcher, outcome)
        if not self.queue.open_jobs:
            self._idle.set()
        self._feed()


def _settle(watcher: Watcher, outcome: RenderResult | RequestError) -> None:
    if watcher.outcome.done():
        return
    if isinstance(outcome, RequestError):
        watcher.outcome.set_exception(outcome.with_traceback(None))
    else:
        watcher.outcome.set_result(outcome)


def _state_of(outcome: RenderResult | RequestError) -> JobState:
    if isinstance(outcome, RenderResult):
        return "done"
    return "cancelled" if isinstance(outcome, Cancelled) else "failed"


def _cancelled(job: Job, reason: str) -> Cancelled:
    return Cancelled(f"the render was cancelled: {reason or 'no reason was given'}", job_id=job.job_id)
