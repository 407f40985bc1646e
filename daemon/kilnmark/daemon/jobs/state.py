"""What the events come to: the open jobs, each in its render, and the ended ones that are still remembered.

`QueueState.apply` is the one way to change it, and depends on nothing but the event and what came before: no clock, no
decision, no effect. The same events, in the same order, make the same state, in this process or in a later one. It
changes in place, because a copy of a long queue for each event would cost more than everything else the daemon does.
"""

from collections import Counter
from collections.abc import Callable, Iterable

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
)
from kilnmark.daemon.jobs.jobs import Job, OpenRender, likeness_of, open_job
from kilnmark.daemon.jobs.likenesses import Likenesses
from kilnmark.daemon.jobs.line import Line
from kilnmark.daemon.jobs.notices import KeptNotices
from kilnmark.daemon.jobs.remembered import FOR_EVER, REMEMBERED, RememberedJobs
from kilnmark.daemon.jobs.turn import NO_STACK, StackKey
from kilnmark.protocol.picture.block_scales import stack_blocks
from kilnmark.protocol.picture.catalog import PRIORITIES, Priority
from kilnmark.protocol.wire.jobs import QueueInfo

__all__ = ["QueueState"]


class QueueState:
    """The queue, as far as it follows from events.

    Args:
        remembered, remembered_for: See `RememberedJobs`.

    Attributes:
        line: The ready renders that wait.
        running: The render that the worker paints.
        saving: Renders that are painted and not yet on disk, by the id they are painted as.
        on_base: The stack of the render begun last.
        ended: The ended jobs that are remembered.
        notices: What is to be told that is no job.
        likenesses: The open renders that equal jobs may join.
        rendered, failed: Renders that ended so since the daemon's start, however many jobs shared them; cancelled ones
            are neither, nor are those that were answered from the cache.
    """

    def __init__(self, remembered: int = REMEMBERED, remembered_for: float = FOR_EVER) -> None:
        self._open: dict[str, OpenRender] = {}
        self._waiting: dict[int, OpenRender] = {}
        self._unready: dict[int, OpenRender] = {}
        self._added = self._switches = self._shared = 0
        self._waiting_by: Counter[Priority] = Counter()
        self.line: Line[OpenRender] = Line()
        self.running: OpenRender | None = None
        self.saving: dict[str, OpenRender] = {}
        self.on_base: StackKey = NO_STACK
        self.ended = RememberedJobs(remembered, remembered_for)
        self.notices = KeptNotices()
        self.likenesses = Likenesses()
        self.rendered = self.failed = 0

    @classmethod
    def of(cls, events: Iterable[JobEvent], remembered: int = REMEMBERED) -> "QueueState":
        """The state that a list of events comes to."""
        state = cls(remembered)
        for event in events:
            state.apply(event)
        return state

    @property
    def open_jobs(self) -> list[Job]:
        """The jobs of the renders that are saved or painted, then the waiting ones by priority and age."""
        waiting = sorted(self._waiting.values(), key=lambda render: (render.level, render.since, render.place))
        return [open_job(facts, render) for render in (*self.begun, *waiting) for facts in render.jobs.values()]

    @property
    def open_count(self) -> int:
        """How many jobs are open."""
        return len(self._open)

    @property
    def begun(self) -> list[OpenRender]:
        """What the worker has, the oldest first."""
        return [*self.saving.values(), *([self.running] if self.running else [])]

    @property
    def ended_jobs(self) -> list[Job]:
        """The ended jobs that are remembered, the latest first."""
        return [job for _, job in self.ended.before()]

    @property
    def waiting_since(self) -> float | None:
        """When the earliest render that is not begun was asked for, by the wall clock; None: there is none."""
        return min((render.since for render in self._waiting.values()), default=None)

    @property
    def unready(self) -> int:
        """How many renders are not ready."""
        return len(self._unready)

    @property
    def unready_renders(self) -> list[OpenRender]:
        """Those, in the order they came."""
        return list(self._unready.values())

    @property
    def unready_jobs(self) -> list[JobAccepted]:
        """The accepted jobs that are not ready, in the order they came."""
        return [render.first for render in self._unready.values()]

    @property
    def info(self) -> QueueInfo:
        """The queue as `status` shows it."""
        waiting = {priority: self._waiting_by[priority] for priority in PRIORITIES}
        running = sum(len(render.jobs) for render in self.begun)
        return QueueInfo(**waiting, running=running, switches=self._switches, shared=self._shared)

    @property
    def known(self) -> frozenset[str]:
        """The ids of all jobs, open and remembered, and of the notices."""
        return frozenset((*self._open, *self.ended, *self.notices))

    def find(self, job_id: str) -> Job | None:
        """The job of that id, running, waiting or remembered."""
        if (render := self._open.get(job_id)) is not None:
            return open_job(render.jobs[job_id], render)
        return self.ended.find(job_id)

    def is_open(self, facts: JobAccepted) -> bool:
        """A job was not given up meanwhile, nor ended and its id given to another one."""
        render = self._open.get(facts.job_id)
        return render is not None and render.jobs[facts.job_id] is facts

    def apply(self, event: JobEvent) -> None:
        """Let one more event have happened."""
        match event:
            case JobAccepted():
                self._accepted(event)
            case JobReady():
                self._ready(event)
            case RenderBegun():
                self._begun(event)
            case RenderPainted():
                self._painted(self._open[event.job_ids[0]])
            case RenderStopping():
                self._open[event.job_id].stopping = event.error
            case JobEnded():
                self._end(event)
            case JobMoved():
                self._moved(self._open[event.job_id], event)
            case NoticeLeft():
                self.notices.put(event)
            case WorkerGone():
                self._wait_again()
            case DaemonStopped() | DaemonStarted():
                self._left(event)

    def _left(self, event: DaemonStopped | DaemonStarted) -> None:
        if isinstance(event, DaemonStopped):
            for render in self.begun:
                render.tries -= 1
            self._wait_again()
            return
        self.ended.forget(event.at)
        self._wait_again()
        self._look_again(event)
        self._switches = self._shared = self.rendered = self.failed = 0

    def _accepted(self, facts: JobAccepted) -> None:
        self.ended.drop(facts.job_id)
        render = self._open[facts.job_id] = OpenRender(facts, self._added)
        self._added += 1
        self._waiting[render.place] = self._unready[render.place] = render
        self._waiting_by[facts.params.priority] += 1

    def _ready(self, event: JobReady) -> None:
        render = self._open[event.job_id]
        facts = render.first
        del self._unready[render.place]
        if event.joins is not None:
            self._join(facts, render, self._open[event.joins])
            return
        render.is_ready, render.seen, render.lora_paths = True, event.seen, event.lora_paths
        render.lora_sha256s = event.lora_sha256s
        adapters = zip(event.lora_paths, facts.command.lora_scales, strict=True)
        render.stack = facts.command.variant, (tuple(adapters), stack_blocks(facts.command.lora_block_scales))
        render.likeness = likeness_of(facts, event.lora_paths, event.seen)
        self.likenesses.put(render)
        self.line.add(render)

    def _join(self, facts: JobAccepted, own: OpenRender, mate: OpenRender) -> None:
        del self._waiting[own.place]
        priority = own.priority_of(facts.job_id)
        if mate.name is not None:
            self._waiting_by[priority] -= 1
        self._relevel(mate, lambda: mate.join(facts, priority))
        self._open[facts.job_id] = mate
        self._shared += 1

    def _moved(self, render: OpenRender, event: JobMoved) -> None:
        if render.name is None:
            self._waiting_by[render.priority_of(event.job_id)] -= 1
            self._waiting_by[event.priority] += 1
        self._relevel(render, lambda: render.move(event.job_id, event.priority))

    def _begun(self, event: RenderBegun) -> None:
        render = self._open[event.job_ids[0]]
        elder = None if event.passed is None else self._open.get(event.passed)
        if elder is not None and elder.passed_at is None:
            elder.passed_at = event.at
        del self._waiting[render.place]
        self.line.remove(render)
        for job_id in render.jobs:
            self._waiting_by[render.priority_of(job_id)] -= 1
        self.running, render.name = render, event.job_ids[0]
        render.tries += 1
        first = self.on_base == NO_STACK and not render.lora_paths
        self._switches += render.stack != self.on_base and not first
        self.on_base = render.stack

    def _painted(self, render: OpenRender) -> None:
        self.running = None
        self.saving[render.picture] = render

    def _end(self, event: JobEnded) -> None:
        render = self._open.pop(event.job_id)
        facts = render.jobs[event.job_id]
        shared_with = render.picture if event.result is not None and render.picture != facts.job_id else None
        priority = render.priority_of(facts.job_id)
        job = Job(facts, priority, None, event, shared_with)
        self.ended.put(job, event.at)
        if render.name is None:
            self._waiting_by[priority] -= 1
        self._relevel(render, lambda: render.leave(facts))
        if not render.jobs:
            self._close(render)
            self.rendered += event.result is not None and not event.result.cached
            self.failed += job.state == "failed"

    def _close(self, render: OpenRender) -> None:
        if render.name is None:
            del self._waiting[render.place]
            self._unready.pop(render.place, None)
        elif self.running is render:
            self.running = None
        else:
            del self.saving[render.name]
        self.likenesses.drop(render)

    def _relevel(self, render: OpenRender, change: Callable[[], None]) -> None:
        """Change who wants a render, and where it stands with it."""
        stands = render.is_ready and render.name is None
        if stands:
            self.line.remove(render)
        change()
        if stands and render.jobs:
            self.line.add(render)

    def _wait_again(self) -> None:
        """What was begun waits in its old place, and no stack is on the base."""
        begun = self.begun
        self.running = None
        self.saving.clear()
        for render in begun:
            render.name = None
            self._waiting[render.place] = render
            self.line.add(render)
            for job_id in render.jobs:
                self._waiting_by[render.priority_of(job_id)] += 1
        self.on_base = NO_STACK

    def _look_again(self, event: DaemonStarted) -> None:
        """What is its callers' alone waits for one of them, and what has to be promoted is looked at again."""
        for render in list(self._waiting.values()):
            bound = bool(render.lora_paths) and (event.promoted_only or render.first.command.promoted_only)
            if render.is_ready and (bound or all(facts.attached for facts in render.jobs.values())):
                self._part(render)
        self._unready = dict(sorted(self._unready.items()))

    def _part(self, render: OpenRender) -> None:
        """Each job of a render that waits has one of its own again, which is not ready."""
        self.line.remove(render)
        del self._waiting[render.place]
        self.likenesses.drop(render)
        for facts in render.jobs.values():
            place = render.place if facts is render.first else self._added
            own = self._open[facts.job_id] = self._waiting[place] = self._unready[place] = OpenRender(facts, place)
            own.tries = render.tries
            own.move(facts.job_id, render.priority_of(facts.job_id))
            self._added += place != render.place
