"""What becomes of an accepted render: it waits, the worker gets it, and everybody who asked hears how it ended.

The one place where the queue, the worker and the audience meet. What happens to jobs is written by the queue alone;
sockets are not known here.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec

from kilnmark.daemon.jobs.audience import Audience, JobWatcher
from kilnmark.daemon.jobs.events import JobAccepted
from kilnmark.daemon.jobs.jobs import OpenRender
from kilnmark.daemon.jobs.outcome import (
    error_again,
    error_of,
    result_again,
    result_of,
    written_error,
)
from kilnmark.daemon.jobs.prepare import FoundReady, MadeBefore, Preparation
from kilnmark.daemon.jobs.queue import JobQueue
from kilnmark.daemon.pictures.cache import PictureCache
from kilnmark.daemon.spans import RenderTrace
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
    """Feeds one worker from one queue, one picture at a time. Hears the worker as its `WorkerListener`.

    Attributes:
        worker: The worker that renders; its `run` is the caller's to start.
        draining: No more renders are taken.
    """

    def __init__(
        self, queue: JobQueue, pictures: PictureCache, worker: Worker, preparation: Preparation, audience: Audience
    ) -> None:
        self.queue = queue
        self.pictures = pictures
        self.worker = worker
        self.draining = False
        self._audience = audience
        self._preparation = preparation
        self._preparing: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def check_open(self) -> None:
        """Raises Draining or RenderFailed when no render can be taken now."""
        if self.draining:
            raise Draining("the daemon is going down; send the render to the next one")
        if self.worker.state == "failed":
            raise self._no_base()

    def submit(self, facts: JobAccepted, trace: RenderTrace) -> None:
        """Queue a job; when nothing has to be asked of a disk first, the worker gets it at once if it is free.

        One that may be answered with a picture made before is looked into however many wait.

        Raises:
            QueueFull: as many wait, or are looked into, as may.
        """
        found = self._preparation.at_once(facts)
        try:
            self.queue.check_room(ready=found is not None)
        except QueueFull as error:
            trace.ended(error, ())
            raise
        self._take_in(facts, trace)
        if found is not None:
            self._make_ready(facts, found)
            return
        task = asyncio.get_running_loop().create_task(self._prepare(facts))
        self._preparing.add(task)
        task.add_done_callback(self._preparing.discard)

    def refuse(
        self, facts: JobAccepted, trace: RenderTrace, error: AdapterRefused, reports: Sequence[AdapterReport]
    ) -> None:
        """Let a job fail that could not be painted however long it waited; it is remembered and counted like any."""
        self._take_in(facts, trace)
        self._end(facts.job_id, error, reports)

    def watch(self, job_id: str, on_step: Callable[[work.Stepped], None]) -> JobWatcher:
        """One more request waits for an open job, and hears of its progress."""
        return self._audience.watch(job_id, on_step)

    def leave(self, job_id: str, watcher: JobWatcher, reason: str, *, keep_named: bool = False) -> None:
        """A request does not want its job any more. The job itself ends when nobody else waits for it.

        Args:
            reason: Why, for the error that it ends with.
            keep_named: Let a job go on whose id the caller chose, because it can be asked for again.
        """
        job, watchers = self.queue.state.find(job_id), self._audience.watchers_of(job_id)
        if job is None or watcher not in watchers:
            return
        if len(watchers) > 1 or (keep_named and job.facts.named_by_caller):
            self.unwatch(job_id, watcher, reason)
        else:
            self.cancel(job_id, reason)

    def unwatch(self, job_id: str, watcher: JobWatcher, reason: str) -> None:
        """A request gives up to wait; its job goes on."""
        self._audience.dismiss(job_id, watcher, _cancelled(job_id, reason))

    def cancel(self, job_id: str, reason: str) -> bool:
        """End a job for everybody who waits for it; False when it had ended already.

        A running one ends at its next denoise step; at once when other jobs still want the picture, which goes on.
        """
        return self._stop(job_id, _cancelled(job_id, reason))

    def stop_all(self) -> None:
        """End every job because the daemon goes down."""
        self.draining = True
        for job in reversed(self.queue.state.open_jobs):
            self._stop(job.job_id, Draining("the daemon went down before this render was done", job_id=job.job_id))

    def end_rest(self) -> None:
        """End what is still open once there is no worker any more."""
        self.stop_all()
        for render in self.queue.state.begun:
            if render.stopping is not None:
                self._end(render.first.job_id, error_again(render.stopping, render.first.job_id))

    async def settled(self) -> None:
        """Wait until every accepted job has ended."""
        await self._idle.wait()

    def worker_ready(self) -> None:
        """The worker can take a render."""
        self._feed()

    def worker_spoke(self, event: work.Stepped | work.Painted | work.Finished | work.Failed) -> None:
        """A render came further, is painted so that the next may come, or ended."""
        render = next((render for render in self.queue.state.begun if render.name == event.job_id), None)
        if render is None:
            _log.warning("the worker spoke of job %s, which it does not have", event.job_id)
            return
        match event:
            case work.Painted():
                self.queue.painted(render)
                self._feed()
            case work.Stepped():
                self._audience.step(render.jobs, event)
            case work.Finished():
                self._finish(render, event)
            case work.Failed():
                for job_id in list(render.jobs):
                    self._end(job_id, error_of(job_id, event), event.loras)

    def worker_lost(self, reason: str) -> None:
        """What the worker had is lost; the waiting ones wait for the next worker, whose base has no stack on it."""
        lost = [job_id for render in self.queue.state.begun for job_id in render.jobs]
        self.queue.worker_gone(reason)
        for job_id in lost:
            self._end(job_id, WorkerLost(f"{reason}; another is being started, send the render again", job_id=job_id))

    def worker_failed(self) -> None:
        """No render can be made until `warm_up`."""
        for job in self.queue.state.open_jobs:
            self._end(job.job_id, self._no_base(job.job_id))

    def _no_base(self, job_id: str | None = None) -> RenderFailed:
        return RenderFailed(
            f"the base cannot be held: {self.worker.last_error}; mend that, then send warm_up to try again",
            job_id=job_id,
        )

    def _take_in(self, facts: JobAccepted, trace: RenderTrace) -> None:
        self.queue.accept(facts)
        self._audience.enter(facts.job_id, trace)
        self._idle.clear()

    def _is_open(self, facts: JobAccepted) -> bool:
        """It was not given up meanwhile, nor ended and its id given to another job."""
        job = self.queue.state.find(facts.job_id)
        return job is not None and job.render is not None and job.facts is facts

    async def _prepare(self, facts: JobAccepted) -> None:
        """Ask the disk what has to be known of a job before it can be painted; it may be given up meanwhile."""
        try:
            found = await self._preparation.run(facts)
        except Exception:  # noqa: BLE001 - nobody awaits this task, so the job must hear of every defect
            _log.exception("job %s could not be prepared", facts.job_id)
            problem = "the files of this render could not be looked at; the daemon's log has the traceback"
            if self._is_open(facts):
                self._end(facts.job_id, InternalError(problem, job_id=facts.job_id))
            return
        if not self._is_open(facts):
            return
        match found:
            case FoundReady():
                self._let_in(facts, found)
            case MadeBefore():
                timings = self._audience.timings(facts.job_id)
                again = result_again(facts, found.result, timings, self._audience.trace_of(facts.job_id).trace_id)
                self._end(facts.job_id, again, again.loras)
            case _:
                self._end(facts.job_id, found.error, found.reports)

    def _let_in(self, facts: JobAccepted, found: FoundReady) -> None:
        try:
            self.queue.check_room()
        except QueueFull as error:
            self._end(facts.job_id, error)
        else:
            self._make_ready(facts, found)

    def _make_ready(self, facts: JobAccepted, found: FoundReady) -> None:
        mate = self.queue.make_ready(facts, found.lora_paths, found.seen)
        if mate is None:
            self._feed()
        elif mate.name is not None:
            self._audience.catch_up(facts.job_id, mate.first.job_id)

    def _feed(self) -> None:
        if self.worker.state != "ready":
            return
        if (render := self.queue.begin_next()) is not None:
            self._audience.begin(render.jobs)
            trace = self._audience.trace_of(render.picture).carrier
            self.worker.render(
                msgspec.structs.replace(render.command, traceparent=trace.traceparent, tracestate=trace.tracestate)
            )
        self._read_ahead()

    def _read_ahead(self) -> None:
        """Let the worker prepare what the next render needs while it paints this one, or hear that none waits."""
        if self.queue.state.running is not None:
            following = self.queue.following()
            self.worker.announce(following.needed if following else None)

    def _finish(self, render: OpenRender, event: work.Finished) -> None:
        """A picture is there: each job that waits for it gets it in a result of its own."""
        results = [(facts.job_id, self._result_of(facts, event)) for facts in render.jobs.values()]
        base = self.worker.holdings.base_of(render.first.command.variant)
        self.pictures.keep(render.command, render.seen, base, results[0][1])
        for job_id, result in results:
            self._end(job_id, result, event.loras)

    def _result_of(self, facts: JobAccepted, event: work.Finished) -> RenderResult:
        timings = self._audience.timings(facts.job_id, event.timings)
        return result_of(facts, event, timings, self._audience.trace_of(facts.job_id).trace_id)

    def _stop(self, job_id: str, error: RequestError) -> bool:
        job = self.queue.state.find(job_id)
        if job is None or job.render is None:
            return False
        render = job.render
        if job.state == "queued" or len(render.jobs) > 1:
            self._end(job_id, error)
        elif render.stopping is None:
            self.queue.stop(job_id, written_error(error))
            self.worker.cancel(render.picture)
        return True

    def _end(self, job_id: str, outcome: RenderResult | RequestError, reports: Sequence[AdapterReport] = ()) -> None:
        job = self.queue.state.find(job_id)
        if job is not None and job.render is not None and job.render.stopping is not None:
            outcome = error_again(job.render.stopping, job_id)
        step = self._audience.step_of(job_id)
        ended = self.queue.end(job_id, written_error(outcome) if isinstance(outcome, RequestError) else outcome, step)
        self._audience.leave(ended, outcome, reports)
        if not self.queue.state.open_count:
            self._idle.set()
        self._feed()


def _cancelled(job_id: str, reason: str) -> Cancelled:
    return Cancelled(f"the render was cancelled: {reason or 'no reason was given'}", job_id=job_id)
