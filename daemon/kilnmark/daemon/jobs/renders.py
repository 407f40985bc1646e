"""What becomes of an accepted render: it waits, the worker gets it, and everybody who asked hears how it ended.

The one place where the queue, the worker and the audience meet. What happens to jobs is written by the queue alone;
sockets are not known here.
"""

import asyncio
import logging
from collections.abc import Callable, Container, Sequence

from kilnmark.daemon.jobs.audience import Arrival, Audience, JobWatcher
from kilnmark.daemon.jobs.events import JobAccepted
from kilnmark.daemon.jobs.feeding import Feeder
from kilnmark.daemon.jobs.jobs import OpenRender
from kilnmark.daemon.jobs.outcome import error_again, error_of, result_again, result_of, written, written_error
from kilnmark.daemon.jobs.prepare import Found, FoundReady, MadeBefore, Preparation
from kilnmark.daemon.jobs.queue import JobQueue
from kilnmark.daemon.jobs.reasons import cancelled, gone_down, kept, no_worker, tried_out
from kilnmark.daemon.jobs.recovery import Recovery
from kilnmark.daemon.jobs.retraction import Retraction
from kilnmark.daemon.journal.keeper import JournalKeeper
from kilnmark.daemon.pictures.cache import PictureCache
from kilnmark.daemon.spans import RenderTrace
from kilnmark.daemon.worker.worker import Worker
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.errors import AdapterRefused, Draining, JournalFailed, QueueFull, RequestError
from kilnmark.protocol.wire.replies import RenderResult

__all__ = ["Renders"]

_log = logging.getLogger(__name__)


class Renders:
    """Feeds one worker from one queue, one picture at a time. Hears the worker as its `WorkerListener`.

    Attributes:
        worker: The worker that renders; its `run` is the caller's to start.
        journal: Where what is accepted outlives the daemon.
        draining: No more renders are taken.
        retraction: Ends those that wait with adapters that were demoted.
    """

    def __init__(
        self,
        queue: JobQueue,
        pictures: PictureCache,
        worker: Worker,
        preparation: Preparation,
        audience: Audience,
        journal: JournalKeeper,
    ) -> None:
        self.queue = queue
        self.pictures = pictures
        self.worker = worker
        self.journal = journal
        self.draining = False
        self._laid_down = False
        self._audience = audience
        self._feeder = Feeder(queue, worker, audience)
        self._preparation = preparation
        self._recovery = Recovery(queue, audience, preparation, self._found_again, self._end)
        self.retraction = Retraction(queue, preparation, self._end)
        self._idle = asyncio.Event()
        self._idle.set()

    def check_open(self) -> None:
        """Raises Draining, JournalFailed or NoWorker when no render can be taken now."""
        if self.draining:
            raise Draining("the daemon is going down; send the render to the next one")
        self.journal.check_open()
        self.check_worker()

    def check_worker(self, job_id: str | None = None) -> None:
        """Raises NoWorker when none gets ready, so that nobody waits for a job in vain."""
        if self.worker.state == "degraded":
            raise no_worker(self.worker.tries, job_id)

    def go_on(
        self, trace_of: Callable[[JobAccepted], RenderTrace], variants: Container[str], return_timeout: float
    ) -> None:
        """Take up what earlier daemons accepted, before the worker is started; the arguments are `Recovery`'s."""
        self._recovery.take_up(trace_of)
        self._recovery.look_through(variants, return_timeout)
        if self.queue.state.open_count > self._recovery.absent_count:
            self._idle.clear()

    def submit(self, arrival: Arrival) -> None:
        """Queue a job; when nothing has to be asked of a disk first, the worker gets it at once if it is free.

        One that may be answered with a picture made before is looked into however many wait.

        Raises:
            QueueFull: as many wait, or are looked into, as may.
        """
        facts = arrival.facts
        found = self._preparation.at_once(facts)
        try:
            self.queue.check_room(ready=found is not None)
        except QueueFull as error:
            arrival.trace.ended(error, ())
            raise
        self._take_in(arrival)
        if found is not None:
            self._make_ready(facts, found)
        else:
            self._preparation.begin(facts, self._found)

    def not_kept(self, job_ids: Sequence[str], error: JournalFailed) -> None:
        """Jobs that were taken in could not be written down: they are refused after all."""
        for job_id in job_ids:
            self._stop(job_id, error)

    def refuse(self, arrival: Arrival, error: AdapterRefused, reports: Sequence[AdapterReport]) -> None:
        """Let a job fail that could not be painted however long it waited; it is remembered and counted like any."""
        self._take_in(arrival)
        self._end(arrival.facts.job_id, error, reports)

    def watch(self, job_id: str, on_step: Callable[[work.Stepped], None]) -> JobWatcher:
        """One more request waits for an open job, and hears of its progress."""
        if self._recovery.came_back(job_id):
            self._idle.clear()
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
        self._audience.dismiss(job_id, watcher, cancelled(job_id, reason))

    def cancel(self, job_id: str, reason: str) -> bool:
        """End a job for everybody who waits for it; False when it had ended already.

        A running one ends at its next denoise step; at once when other jobs still want the picture, which goes on.
        """
        return self._stop(job_id, cancelled(job_id, reason))

    def stop_all(self) -> None:
        """The daemon goes down: leave every job to the next one, or end it where none would know of it."""
        self.draining = True
        if self.journal.lasts:
            self._laid_down = True
            self._recovery.stop()
            self._audience.dismiss_all(kept)
            return
        for job in reversed(self.queue.state.open_jobs):
            self._stop(job.job_id, gone_down(job.job_id))

    def end_rest(self) -> None:
        """Leave, or end, what is still open once there is no worker any more."""
        self.stop_all()
        for render in self.queue.state.begun:
            if render.stopping is not None:
                self._end(render.first.job_id, error_again(render.stopping, render.first.job_id))
        if self._laid_down:
            self.queue.lay_down()

    async def settled(self) -> None:
        """Wait until every accepted job has ended or waits for its caller, or none can since no worker gets ready."""
        await self._idle.wait()

    def feed(self) -> None:
        """Something may be begun that could not before."""
        if not self._laid_down:
            self._feeder.feed()

    def worker_ready(self) -> None:
        """The worker can take a render."""
        if self.queue.state.open_count:
            self._idle.clear()
        self.feed()

    def worker_spoke(self, event: work.Stepped | work.Painted | work.Finished | work.Failed) -> None:
        """A render came further, is painted so that the next may come, or ended."""
        render = next((render for render in self.queue.state.begun if render.name == event.job_id), None)
        if render is None:
            _log.warning("the worker spoke of job %s, which it does not have", event.job_id)
            return
        match event:
            case work.Painted():
                self.queue.painted(render)
                self.feed()
            case work.Stepped():
                self._audience.step(render.jobs, event)
            case work.Finished():
                self._finish(render, event)
            case work.Failed() if self._laid_down and render.stopping is None:
                _log.info("job %s is left to the next daemon", render.name)
            case work.Failed():
                for job_id in list(render.jobs):
                    self._end(job_id, error_of(job_id, event), event.loras)

    def worker_lost(self, reason: str) -> None:
        """What the worker had is painted once more by the next one, whose base has no stack on it."""
        begun = self.queue.state.begun
        self.queue.worker_gone(reason)
        for render in begun:
            jobs = list(render.jobs)
            self._audience.wait_again(jobs)
            if render.stopping is not None or render.is_tried_out:
                for facts in list(render.jobs.values()):
                    self._end(facts.job_id, tried_out(reason, facts))

    def worker_degraded(self) -> None:
        """Nobody should wait for the next worker; what was accepted does."""
        self._audience.send_home(lambda job_id: no_worker(self.worker.tries, job_id))
        self._idle.set()

    def _take_in(self, arrival: Arrival) -> None:
        self.queue.accept(arrival.facts)
        self._audience.enter(arrival)
        self._idle.clear()

    def _found_again(self, facts: JobAccepted, found: Found) -> None:
        """As `_found`, of a job that an earlier daemon let in."""
        self._found(facts, found, is_let_in=True)

    def _found(self, facts: JobAccepted, found: Found, *, is_let_in: bool = False) -> None:
        """All is known of an accepted job; it may have been given up meanwhile."""
        if not self.queue.state.is_open(facts):
            return
        match found:
            case FoundReady() if is_let_in:
                self._make_ready(facts, found)
            case FoundReady():
                self._let_in(facts, found)
            case MadeBefore():
                trace = self._audience.trace_of(facts.job_id)
                trace.made_by(found.result.trace_id, found.result.span_id)
                again = result_again(facts, found.result, self._audience.timings(facts.job_id), trace)
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
        mate = self.queue.make_ready(facts, found.lora_paths, found.seen, found.lora_sha256s)
        if mate is None:
            self.feed()
        elif mate.name is not None:
            self._audience.catch_up(facts.job_id, mate.first.job_id)

    def _finish(self, render: OpenRender, event: work.Finished) -> None:
        """A picture is there: each job that waits for it gets it in a result of its own."""
        results = [(facts.job_id, self._result_of(facts, event)) for facts in render.jobs.values()]
        self._audience.shared(render.jobs)
        base = self.worker.holdings.base_of(render.first.command.variant)
        self.pictures.keep(render.command, render.seen, base, results[0][1])
        for job_id, result in results:
            self._end(job_id, result, event.loras)

    def _result_of(self, facts: JobAccepted, event: work.Finished) -> RenderResult:
        audience, job_id = self._audience, facts.job_id
        return result_of(facts, event, audience.timings(job_id, event.timings), audience.trace_of(job_id))

    def _stop(self, job_id: str, error: RequestError) -> bool:
        job = self.queue.state.find(job_id)
        if job is None or (render := job.render) is None:
            return False
        if job.state == "queued" or len(render.jobs) > 1:
            self._end(job_id, error)
        elif render.stopping is None:
            self.queue.stop(job_id, written_error(error))
            self.worker.cancel(render.picture)
        return True

    def _end(self, job_id: str, outcome: RenderResult | RequestError, reports: Sequence[AdapterReport] = ()) -> None:
        job = self.queue.state.find(job_id)
        render = None if job is None else job.render
        if render is not None and render.stopping is not None:
            outcome = error_again(render.stopping, job_id)
        if isinstance(outcome, RequestError):
            outcome.trace_id = self._audience.trace_of(job_id).trace_id
        ended = self.queue.end(job_id, written(outcome), self._audience.step_of(job_id))
        self._audience.leave(ended, outcome, reports, render)
        self._recovery.ended(job_id)
        if self.queue.state.open_count == self._recovery.absent_count:
            self._idle.set()
        self.feed()
