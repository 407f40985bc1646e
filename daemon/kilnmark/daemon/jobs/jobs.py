"""A job and its render as they are at one moment: facts, and what follows from them.

Nothing here changes by itself; `state` makes them of events, and is the only one that writes to them.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec

from kilnmark.daemon.jobs.events import JobAccepted, JobEnded
from kilnmark.daemon.jobs.turn import NO_STACK, StackKey
from kilnmark.daemon.pictures.hashes import Seen
from kilnmark.protocol.picture.catalog import PRIORITIES, Priority
from kilnmark.protocol.wire.errors import Cancelled
from kilnmark.protocol.wire.replies import JobError
from kilnmark.protocol.wire.work import Prefetch, RenderCommand

__all__ = ["TRIES", "Job", "JobState", "OpenRender", "likeness_of", "open_job"]

JobState = Literal["queued", "running", "done", "failed", "cancelled"]

TRIES = 2
"""How often a render may be begun: one that its worker or the daemon died of twice would kill the next one too."""


class OpenRender:
    """One picture to paint, and the open jobs that want it. Only `QueueState` writes to it.

    Attributes:
        place: How many were accepted before it.
        since: When the earliest of its jobs was accepted, by the wall clock in seconds.
        jobs: By id, in the order they came; empty once all of them ended.
        seen: The adapters' files as they were found for the first of its jobs, before the worker can have read them.
        lora_sha256s: What its adapters have to hold; empty: whatever they do.
        stack: What it wants on the base, once it is ready.
        likeness: What an equal job must be equal to; None: its picture is nobody else's.
        is_ready: Nothing is left to find out about its adapters' files; until then the worker does not get it.
        name: The job that the picture bears the id of, once it is begun; None before.
        tries: How often it was begun and not laid down in order.
        passed_at: See `turn.Waiting`.
        stopping: What its last job ends with once the worker has stopped; None while it may go on.
    """

    def __init__(self, first: JobAccepted, place: int) -> None:
        self.place = place
        self.since = first.at
        self.jobs: dict[str, JobAccepted] = {}
        self.seen: Seen | None = None
        self.lora_paths: tuple[str, ...] = ()
        self.lora_sha256s: tuple[str, ...] = ()
        self.stack: StackKey = NO_STACK
        self.likeness: bytes | None = None
        self.is_ready = False
        self.name: str | None = None
        self.tries = 0
        self.passed_at: float | None = None
        self.stopping: JobError | None = None
        self._priorities: dict[str, Priority] = {}
        self._levels: Counter[Priority] = Counter()
        self.join(first)

    @property
    def is_tried_out(self) -> bool:
        """It was lost as often as it may be."""
        return self.tries >= TRIES

    @property
    def is_suspect(self) -> bool:
        """It was begun before, and what had it then was lost."""
        return self.tries > (0 if self.name is None else 1)

    @property
    def first(self) -> JobAccepted:
        """The job that came first of those that still want it."""
        return next(iter(self.jobs.values()))

    @property
    def picture(self) -> str:
        """The job whose id the picture bears, or would bear if it were begun now."""
        return self.name or self.first.job_id

    @property
    def command(self) -> RenderCommand:
        """What the worker is told."""
        return msgspec.structs.replace(
            self.first.command,
            job_id=self.picture,
            lora_paths=list(self.lora_paths),
            lora_sha256s=list(self.lora_sha256s),
        )

    @property
    def needed(self) -> Prefetch:
        """What the worker can prepare of it before it is begun."""
        command = self.command
        return Prefetch(
            variant=command.variant,
            lora_paths=command.lora_paths,
            lora_scales=command.lora_scales,
            lora_block_scales=command.lora_block_scales,
            prompt=command.prompt,
            negative_prompt=command.negative_prompt,
        )

    @property
    def level(self) -> int:
        """The highest priority of its jobs; 0 goes first."""
        return min(PRIORITIES.index(priority) for priority, count in self._levels.items() if count)

    def priority_of(self, job_id: str) -> Priority:
        """The priority that one of its jobs has now."""
        return self._priorities[job_id]

    def join(self, job: JobAccepted, priority: Priority | None = None) -> None:
        """One more job wants this picture; None: with the priority that it was asked for with."""
        self.jobs[job.job_id] = job
        self._priorities[job.job_id] = priority = priority or job.params.priority
        self._levels[priority] += 1
        self.since = min(self.since, job.at)

    def move(self, job_id: str, priority: Priority) -> None:
        """One of its jobs has another priority."""
        self._levels[self._priorities[job_id]] -= 1
        self._levels[priority] += 1
        self._priorities[job_id] = priority

    def leave(self, job: JobAccepted) -> None:
        """A job wants it no more."""
        del self.jobs[job.job_id]
        self._levels[self._priorities.pop(job.job_id)] -= 1


@dataclass(frozen=True, slots=True)
class Job:
    """One accepted request for a picture as it is at one moment: its facts, and its render or its end.

    Attributes:
        facts: What was asked, which never changes.
        priority: What it was asked for with, or was given since.
        render: What is painted for it, perhaps for others too; None once it has ended.
        ended: How it ended; None while it has not.
        shared_with: The job that its picture is painted as, when that is another one's name.
    """

    facts: JobAccepted
    priority: Priority
    render: OpenRender | None
    ended: JobEnded | None = None
    shared_with: str | None = None

    @property
    def job_id(self) -> str:
        """The caller's own, or one we drew."""
        return self.facts.job_id

    @property
    def state(self) -> JobState:
        """How far it is."""
        if self.ended is not None:
            return _state_of(self.ended)
        return "queued" if self.render is None or self.render.name is None else "running"


def open_job(facts: JobAccepted, render: OpenRender) -> Job:
    """A job that has not ended."""
    shared_with = None if render.picture == facts.job_id else render.picture
    return Job(facts, render.priority_of(facts.job_id), render, None, shared_with)


def likeness_of(facts: JobAccepted, lora_paths: Iterable[str], seen: Seen | None) -> bytes | None:
    """Two open jobs of equal likeness get one picture; None when this job's is to be its own.

    It is the whole command, its name apart, and the adapters' files: a file changed between two requests makes them
    different, and one that could not be looked at is like no other.
    """
    if not facts.may_share or seen is None:
        return None
    nameless = msgspec.structs.replace(facts.command, job_id="", lora_paths=list(lora_paths))
    return msgspec.json.encode([nameless, seen.files])


def _state_of(ended: JobEnded) -> JobState:
    if ended.error is None:
        return "done"
    return "cancelled" if ended.error.code == Cancelled.code else "failed"
