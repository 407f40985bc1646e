"""Who follows the jobs: the requests that wait for them, their spans, the log, and the clock that tells durations.

All of it belongs to this process and ends with it, which is why it stands beside the events and is found by job id.
Durations are told by the monotonic clock: the moments of the events are the wall clock's, which somebody may set.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec
from opentelemetry.context import attach, detach

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.jobs.events import JobAccepted
from kilnmark.daemon.jobs.jobs import Job, OpenRender
from kilnmark.daemon.jobs.logged import level_of, line_of
from kilnmark.daemon.measuring import Measuring
from kilnmark.daemon.spans import RenderTrace
from kilnmark.protocol.logged import JOB_ID, TRACE_ID
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.errors import RequestError
from kilnmark.protocol.wire.replies import RenderResult, Timings
from kilnmark.protocol.wire.watching import JobNews

__all__ = ["Arrival", "Audience", "JobWatcher"]

_log = logging.getLogger(__name__)


class Arrival(NamedTuple):
    """A request that is let in as a job.

    Attributes:
        facts: What is written of it.
        trace: Its spans.
        asked_by: The process that asked, for the log; empty where an earlier daemon knew.
    """

    facts: JobAccepted
    trace: RenderTrace
    asked_by: str = ""


class JobWatcher:
    """One request that waits for a job.

    Args:
        on_step: Called with each event of the job's progress.

    Attributes:
        outcome: What the job ends with.
        job: The job as it ended; None while it has not.
    """

    def __init__(self, on_step: Callable[[work.Stepped], None]) -> None:
        self.on_step = on_step
        self.outcome: asyncio.Future[RenderResult] = asyncio.get_running_loop().create_future()
        self.job: Job | None = None

    def settle(self, outcome: RenderResult | RequestError) -> None:
        """Let the request hear; what it heard first counts."""
        if self.outcome.done():
            return
        if isinstance(outcome, RequestError):
            self.outcome.set_exception(outcome.with_traceback(None))
            self.outcome.exception()  # whose connection is gone never hears it, and asyncio is not to complain of that
        else:
            self.outcome.set_result(outcome)


class _Seat:
    """What is kept of one open job; times are the monotonic clock's."""

    def __init__(self, arrival: Arrival, accepted: float) -> None:
        self.trace = arrival.trace
        self.asked_by = arrival.asked_by
        self.priority = arrival.facts.params.priority
        self.accepted = accepted
        self.waits_since = accepted
        self.begun: float | None = None
        self.step = 0
        self.watchers: list[JobWatcher] = []


def _nobody(_job_id: str, _news: JobNews, _step: work.Stepped | None) -> None:
    """Nobody watches."""


class Audience:
    """Everything that follows the open jobs of this process.

    Attributes:
        on_news: Told what happened to a job, by its id, and how far the worker is where it came further.
    """

    def __init__(self, clock: Clock, measuring: Measuring | None = None) -> None:
        self._clock = clock
        self._measuring = measuring or Measuring()
        self.on_news: Callable[[str, JobNews, work.Stepped | None], object] = _nobody
        self._seats: dict[str, _Seat] = {}
        self._told: OpenRender | None = None

    def enter(self, arrival: Arrival, waited: float = 0.0) -> None:
        """A job was accepted.

        Args:
            waited: How long it has been open, in seconds; more than none where an earlier daemon accepted it.
        """
        self._seats[arrival.facts.job_id] = _Seat(arrival, self._clock.monotonic() - waited)
        self.on_news(arrival.facts.job_id, "accepted", None)

    def trace_of(self, job_id: str) -> RenderTrace:
        """The spans of an open job."""
        return self._seats[job_id].trace

    def step_of(self, job_id: str) -> int:
        """Denoise steps done for an open job."""
        return self._seats[job_id].step

    def watch(self, job_id: str, on_step: Callable[[work.Stepped], None]) -> JobWatcher:
        """One more request waits for an open job."""
        watcher = JobWatcher(on_step)
        self._seats[job_id].watchers.append(watcher)
        return watcher

    def watchers_of(self, job_id: str) -> Sequence[JobWatcher]:
        """Who waits for a job; nobody does once it has ended."""
        return tuple(self._seats[job_id].watchers) if job_id in self._seats else ()

    def dismiss(self, job_id: str, watcher: JobWatcher, error: RequestError) -> None:
        """A request gives up to wait, and hears this; nothing happens when it waits no more."""
        if watcher in self.watchers_of(job_id):
            self._seats[job_id].watchers.remove(watcher)
            watcher.settle(error)

    def begin(self, job_ids: Iterable[str]) -> None:
        """The worker got the render of these jobs."""
        now = self._clock.monotonic()
        for job_id in job_ids:
            seat = self._seats[job_id]
            seat.begun = now
            seat.trace.started()
            self._measuring.waited(seat.priority, now - seat.waits_since)
            self.on_news(job_id, "begun", None)

    def shared(self, job_ids: Iterable[str]) -> None:
        """One picture is there for these jobs: the spans of all others point at that of the first."""
        painter, *sharers = (self._seats[job_id].trace for job_id in job_ids)
        for sharer in sharers:
            sharer.made_by(painter.trace_id, painter.span_id)

    def wait_again(self, job_ids: Iterable[str]) -> None:
        """The worker that had the render of these jobs is gone, and nothing of it is left."""
        for job_id in job_ids:
            seat = self._seats[job_id]
            seat.begun, seat.step = None, 0
            seat.waits_since = self._clock.monotonic()
            seat.trace.waits_again()
            self.on_news(job_id, "waiting", None)

    def dismiss_all(self, error: Callable[[str], RequestError]) -> None:
        """Everybody who waits for anything hears why not any longer; the jobs stay open, and their spans end.

        Args:
            error: What is told of a job, by its id.
        """
        self.send_home(error)
        for job_id, seat in self._seats.items():
            seat.trace.ended(error(job_id), ())

    def send_home(self, error: Callable[[str], RequestError]) -> None:
        """Everybody who waits for anything hears why they need not; the jobs go on. `error` as for `dismiss_all`."""
        for job_id, seat in self._seats.items():
            for watcher in seat.watchers:
                watcher.settle(error(job_id))
            seat.watchers.clear()

    def catch_up(self, job_id: str, mate: str) -> None:
        """A job joined a render that was begun already: it never queued, and is as far as its mate."""
        seat = self._seats[job_id]
        seat.begun, seat.step = seat.accepted, self._seats[mate].step
        seat.trace.started()
        self.on_news(job_id, "begun", None)

    def step(self, job_ids: Iterable[str], event: work.Stepped) -> None:
        """The render of these jobs came further."""
        for job_id in job_ids:
            seat = self._seats[job_id]
            seat.step = event.step
            self.on_news(job_id, "step", event)
            for watcher in tuple(seat.watchers):
                watcher.on_step(event)

    def timings(self, job_id: str, made: Timings | None = None) -> Timings:
        """Where a job's time went until now, around what the worker measured; None: nothing was painted for it."""
        seat, now = self._seats[job_id], self._clock.monotonic()
        total = round((now - seat.accepted) * 1000, 3)
        if made is None:
            return Timings(total_ms=total)
        begun = seat.begun if seat.begun is not None else now
        queued = round((begun - seat.accepted) * 1000, 3)
        return msgspec.structs.replace(made, queue_ms=queued, total_ms=total)

    def leave(
        self,
        job: Job,
        outcome: RenderResult | RequestError,
        reports: Sequence[AdapterReport],
        render: OpenRender | None,
    ) -> None:
        """A job has ended: its spans end, the log tells of it, and everybody who waits for it hears how.

        Args:
            render: That it was a job of; those of one that was painted, or refused, leave one after the other.
        """
        is_told = render is not None and render is self._told
        if reports or isinstance(outcome, RenderResult):
            self._told = render
        seat = self._seats.pop(job.job_id)
        seat.trace.ended(outcome, reports, shared_with=job.shared_with)
        seconds = self._clock.monotonic() - seat.accepted
        traceparent = seat.trace.carrier.traceparent
        self._measuring.ended(job, outcome, None if is_told else reports, seconds=seconds, traceparent=traceparent)
        line = line_of(job, outcome, reports, seconds=seconds, asked_by=seat.asked_by)
        token = attach(seat.trace.context)
        _log.log(level_of(outcome, reports), "%s", line, extra={JOB_ID: job.job_id, TRACE_ID: seat.trace.trace_id})
        detach(token)
        for watcher in seat.watchers:
            watcher.job = job
            watcher.settle(outcome)
        self.on_news(job.job_id, "ended", None)
