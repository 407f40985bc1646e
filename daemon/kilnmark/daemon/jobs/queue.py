"""The one room that writes what happens to jobs: every change of the queue is an event, kept and then applied.

Who may come in and whose turn it is are decided here; what an event comes to is `state`'s part, and whose turn it is
follows from `turn`. Nothing here knows the worker or a socket. Whoever keeps the events can give them back to a later
queue, which then goes on where this one was.
"""

from collections.abc import Callable, Iterable

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.jobs.events import (
    DaemonStarted,
    DaemonStopped,
    JobAccepted,
    JobEnded,
    JobEvent,
    JobMoved,
    JobReady,
    NoticeLeft,
    RenderBegun,
    RenderPainted,
    RenderStopping,
    WorkerGone,
    without_meta,
)
from kilnmark.daemon.jobs.jobs import Job, OpenRender, likeness_of
from kilnmark.daemon.jobs.pauses import Pauses
from kilnmark.daemon.jobs.remembered import FOR_EVER, REMEMBERED
from kilnmark.daemon.jobs.state import QueueState
from kilnmark.daemon.jobs.turn import NextTurn, Pace, next_turn
from kilnmark.daemon.pictures.hashes import Seen
from kilnmark.otel.carrier import Carrier
from kilnmark.protocol.picture.catalog import Priority
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import JobIdTaken, QueueFull
from kilnmark.protocol.wire.notices import BatchEnd
from kilnmark.protocol.wire.replies import JobError, RenderResult
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["JobQueue"]

NO_TRACE = Carrier()


def _forget(_: JobEvent) -> None:
    """Events that nobody keeps only live on in what they come to."""


def _pace_of(settings: Settings) -> Pace:
    return Pace(settings.batch_delay, settings.ageing)


class JobQueue:
    """The jobs of one daemon.

    Events carry the wall clock's time, because a later process must be able to go on with their ages. One that was set
    back runs on here from where it was, as the monotonic clock does: events are in order, and every wait has an end.

    Args:
        limit: Jobs that may be open beside the first of each render that the worker has, and beside as many that
            are not ready.
        pace: How patient the waiting must be.
        clock: Tells when an event happens.
        keep: Called with each event before it counts.
        remembered, remembered_for: See `RememberedJobs`.
        events: What happened before; they are not kept again.

    Attributes:
        state: What the events came to. Nobody else writes to it.
        pauses: What is not begun at the moment, whoever's turn it would be.
    """

    def __init__(
        self,
        limit: int,
        pace: Pace | None = None,
        *,
        clock: Clock | None = None,
        keep: Callable[[JobEvent], object] = _forget,
        remembered: int = REMEMBERED,
        remembered_for: float = FOR_EVER,
        events: Iterable[JobEvent] = (),
    ) -> None:
        self._limit = limit
        self._pace = pace or Pace()
        self._clock = clock or Clock()
        self._keep = keep
        self._latest = 0.0
        self._latest_mark = self._clock.monotonic()
        self.pauses = Pauses()
        self.state = QueueState(remembered, remembered_for)
        for event in events:
            self._apply(event)

    @classmethod
    def by(
        cls, settings: Settings, clock: Clock, keep: Callable[[JobEvent], object], events: Iterable[JobEvent]
    ) -> "JobQueue":
        """A queue by the rules of these settings; the rest as above."""
        return cls(
            settings.queue_limit,
            _pace_of(settings),
            clock=clock,
            keep=keep,
            remembered=settings.jobs_kept,
            remembered_for=settings.jobs_kept_for,
            events=events,
        )

    def heed(self, settings: Settings) -> None:
        """Take other rules than those it was made with, for whatever is decided from now on."""
        self._limit, self._pace = settings.queue_limit, _pace_of(settings)
        self.state.ended.heed(settings.jobs_kept, settings.jobs_kept_for)

    def find_same(self, params: RenderParams) -> Job | None:
        """The job that this request asks for again, or None when it is to be rendered.

        A job that ended without a picture is no answer: nothing would be made twice by trying again. It is one to a
        caller who did not hear how the job ended, unless that may end otherwise now.

        Raises:
            JobIdTaken: by a request with other parameters.
        """
        job = self.state.find(params.job_id) if params.job_id is not None else None
        if job is None:
            return None
        if job.facts.params != without_meta(params):
            raise JobIdTaken(
                f"job_id {job.job_id!r} was given to another request - at `$.params.job_id`; "
                "choose a new one, or send the same parameters again",
                job_id=job.job_id,
            )
        error = None if job.ended is None else job.ended.error
        return job if error is None or (params.meta.resumed and not error.retryable) else None

    def check_room(self, *, ready: bool = True) -> None:
        """Raises QueueFull when no job more may wait to be painted, or, with `ready` false, to be made ready."""
        state = self.state
        waiting = state.open_count - len(state.begun) - state.unready
        if (waiting if ready else state.unready) >= self._limit:
            raise QueueFull(f"{self._limit} renders are waiting already; try again when some have ended")

    def facts_of(
        self,
        params: RenderParams,
        command: RenderCommand,
        *,
        warnings: tuple[str, ...] = (),
        repeatable: bool,
        trace: Carrier = NO_TRACE,
    ) -> JobAccepted:
        """The facts of a job that asks to be let in now; nothing has happened yet."""
        return JobAccepted(
            at=self._now(),
            job_id=command.job_id,
            params=without_meta(params),
            command=command,
            warnings=warnings,
            repeatable=repeatable,
            traceparent=trace.traceparent,
            tracestate=trace.tracestate,
            attached=params.meta.attached and params.job_id is not None,
        )

    def accept(self, facts: JobAccepted) -> None:
        """Take a job in, with a render of its own that is not ready yet. Room is the caller's to ask for first."""
        self._write(facts)

    def make_ready(
        self, facts: JobAccepted, lora_paths: Iterable[str], seen: Seen | None, lora_sha256s: Iterable[str] = ()
    ) -> OpenRender | None:
        """Everything about a job is known now; the open render of an equal one, if it joins that instead of its own.

        Args:
            lora_paths: Where its adapters really are.
            seen: Their files as they were found; None when one could not be looked at.
            lora_sha256s: What they have to hold; empty: whatever they do.
        """
        paths, sha256s = tuple(lora_paths), tuple(lora_sha256s)
        mate = self.state.likenesses.mate_of(likeness_of(facts, paths, seen))
        joins = None if mate is None else mate.first.job_id
        ready = JobReady(
            at=self._now(), job_id=facts.job_id, lora_paths=paths, seen=seen, lora_sha256s=sha256s, joins=joins
        )
        self._write(ready)
        return mate

    def begin_next(self) -> OpenRender | None:
        """Make the render whose turn it is the running one; None when none is ready, or one runs.

        One that would bear the id that a picture is being saved under waits until that is on disk: its job was given up
        and asked for again, and the worker tells renders apart by that id. One that was tried before has the worker for
        itself: if that is lost again, no other render pays for it.
        """
        now = self._now()
        turn = None if self.state.running is not None else self._next(now)
        if turn is None or turn.taken.picture in self.state.saving:
            return None
        if self.state.saving and (turn.taken.is_suspect or any(each.is_suspect for each in self.state.begun)):
            return None
        passed = None if turn.passed is None else turn.passed.picture
        self._write(RenderBegun(at=now, job_ids=tuple(turn.taken.jobs), passed=passed))
        return turn.taken

    def following(self) -> OpenRender | None:
        """The render whose turn comes next, as far as that can be told; None where there is none."""
        turn = self._next(self._now())
        return turn.taken if turn else None

    def painted(self, render: OpenRender) -> None:
        """The running render only has to be saved."""
        self._write(RenderPainted(at=self._now(), job_ids=tuple(render.jobs)))

    def move(self, job_id: str, priority: Priority) -> bool:
        """Give a job that waits another priority; False where it does not, or is not open any more."""
        job = self.state.find(job_id)
        if job is None or job.state != "queued":
            return False
        if job.priority != priority:
            self._write(JobMoved(at=self._now(), job_id=job_id, priority=priority))
        return True

    def leave(self, notice_id: str, notify_url: str, batch: BatchEnd) -> NoticeLeft:
        """Keep a notice for whoever tells it; where there is one of that id, that one."""
        if (found := self.state.notices.find(notice_id)) is None:
            found = NoticeLeft(at=self._now(), notice_id=notice_id, notify_url=notify_url, batch=batch)
            self._write(found)
        return found

    def stop(self, job_id: str, error: JobError) -> None:
        """The last job of a begun render is given up: it ends with this error once the worker has stopped."""
        self._write(RenderStopping(at=self._now(), job_id=job_id, error=error))

    def end(self, job_id: str, outcome: RenderResult | JobError, step: int = 0) -> Job:
        """Take a job out and remember how it ended; the job as it is then.

        Args:
            step: Denoise steps that were done.
        """
        result, error = (outcome, None) if isinstance(outcome, RenderResult) else (None, outcome)
        self._write(JobEnded(at=self._now(), job_id=job_id, step=step, result=result, error=error))
        return self.state.ended.latest

    def worker_gone(self, reason: str) -> None:
        """The worker was lost, and with it the stack on its base; what it had to paint waits for the next one."""
        self._write(WorkerGone(at=self._now(), reason=reason))

    def lay_down(self) -> None:
        """Leave what is open to a later daemon; what the worker had waits again, and was not tried."""
        self._write(DaemonStopped(at=self._now()))

    def go_on(self, tried_out: Callable[[JobAccepted], JobError], *, promoted_only: bool = False) -> None:
        """Go on with the events of an earlier daemon: what its worker had waits again, or ends where it was given up.

        Args:
            tried_out: What a job ends with whose render was begun as often as it may be, and never ended.
            promoted_only: All renders get promoted adapters only from now on.
        """
        for render in self.state.begun:
            if render.stopping is not None:
                self.end(render.first.job_id, render.stopping)
            elif render.is_tried_out:
                for facts in list(render.jobs.values()):
                    self.end(facts.job_id, tried_out(facts))
        self._write(DaemonStarted(at=self._now(), promoted_only=promoted_only))

    @property
    def longest_wait(self) -> float:
        """Seconds that the eldest render which is not begun has waited; 0 where there is none."""
        since = self.state.waiting_since
        return 0.0 if since is None else max(0.0, self._now() - since)

    def waited(self, facts: JobAccepted) -> float:
        """Seconds since a job was accepted, by the time that events have."""
        return self._now() - facts.at

    def _next(self, now: float) -> NextTurn[OpenRender] | None:
        state, pauses = self.state, self.pauses
        heads = (one for one in state.line.heads(state.on_base) if not pauses or pauses.reason(one.level) is None)
        return next_turn(heads, on_base=state.on_base, now=now, pace=self._pace)

    def _now(self) -> float:
        return max(self._latest + self._clock.monotonic() - self._latest_mark, self._clock.wall())

    def _write(self, event: JobEvent) -> None:
        self._keep(event)
        self._apply(event)

    def _apply(self, event: JobEvent) -> None:
        self._latest, self._latest_mark = event.at, self._clock.monotonic()
        self.state.apply(event)
