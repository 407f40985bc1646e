"""A queue whose clock is moved and whose jobs are asked for by name, for the tests of its rules."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kilnmark.daemon.asked.accept import accept
from kilnmark.daemon.asked.served import Served
from kilnmark.daemon.clock import Clock
from kilnmark.daemon.jobs.events import JobAccepted, JobEvent
from kilnmark.daemon.jobs.jobs import Job, OpenRender
from kilnmark.daemon.jobs.outcome import result_of, written_error
from kilnmark.daemon.jobs.queue import JobQueue
from kilnmark.daemon.jobs.turn import Pace
from kilnmark.daemon.pictures.hashes import Seen
from kilnmark.keymaps.files.identity import FileIdentity
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire.errors import Cancelled, WorkerLost
from kilnmark.protocol.wire.replies import RenderResult, Timings
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.work import Finished

SETTINGS = Settings(socket=Path("/run/kiln/d.sock"), output_dir=Path("/var/kiln"))
SERVED = Served(SETTINGS)
INK: dict[str, Any] = {"lora_paths": ["/l/ink.safetensors"], "lora_scales": [1.0]}
GOLD: dict[str, Any] = {"lora_paths": ["/l/gold.safetensors"], "lora_scales": [1.0]}
FAILED = written_error(WorkerLost("the worker was lost"))
CANCELLED = written_error(Cancelled("the render was cancelled"))


@dataclass
class Untraced:
    """A render without spans."""

    trace_id: str = ""
    span_id: str = ""


def params(job_id: str | None, **asked: Any) -> RenderParams:
    return RenderParams(prompt="a mill", job_id=job_id, **asked)


def seen(inode: int = 1) -> Seen:
    """The ink adapter's file, as some file of that name."""
    return Seen((FileIdentity("/l/ink.safetensors", 4096, 5, 6, 1, inode),), at_ns=0)


class Asked:
    """A queue, what was asked of it, and the events that it wrote.

    Attributes:
        now: The wall clock, in seconds.
        ran: What the monotonic clock shows, in seconds; it stands still unless a test moves it.
    """

    def __init__(self, limit: int = 10, pace: Pace | None = None, **more: Any) -> None:
        self.now = self.ran = 0.0
        self.events: list[JobEvent] = []
        clock = Clock(monotonic=lambda: self.ran, wall=lambda: self.now)
        self.queue = JobQueue(limit, pace, clock=clock, keep=self.events.append, **more)

    def accepted(self, job_id: str, *, at: float | None = None, **asked: Any) -> JobAccepted:
        """A job that was taken in and is not ready."""
        self.now = self.now if at is None else at
        facts = self.facts(job_id, **asked)
        self.queue.accept(facts)
        return facts

    def facts(self, job_id: str, **asked: Any) -> JobAccepted:
        """A job that is not taken in."""
        asked_for = params(job_id, **asked)
        command, warnings, repeatable = accept(asked_for, SERVED, job_id)
        return self.queue.facts_of(asked_for, command, warnings=warnings, repeatable=repeatable)

    def ready(self, facts: JobAccepted, found: Seen | None = None) -> Job:
        """A job about which everything is known."""
        if found is None and not facts.command.lora_paths:
            found = Seen((), at_ns=0)
        self.queue.make_ready(facts, facts.command.lora_paths, found)
        return self.job(facts.job_id)

    def added(self, job_id: str, *, at: float | None = None, **asked: Any) -> Job:
        """A job that was taken in and has its place."""
        return self.ready(self.accepted(job_id, at=at, **asked))

    def job(self, job_id: str) -> Job:
        """The job of that id; there must be one."""
        job = self.queue.state.find(job_id)
        assert job is not None
        return job

    def render(self, job_id: str) -> OpenRender:
        """The render of an open job."""
        render = self.job(job_id).render
        assert render is not None
        return render

    def taken(self, now: float | None = None) -> OpenRender:
        """The render whose turn it is; there must be one."""
        self.now = self.now if now is None else now
        render = self.queue.begin_next()
        assert render is not None
        return render

    def result(self, job_id: str) -> RenderResult:
        """What a job ends with whose picture is there."""
        done = Finished(job_id=job_id, image_path="/x.png", timings=Timings(), loras=[], warnings=[])
        return result_of(self.job(job_id).facts, done, Timings(), Untraced())

    def finish(self, job_id: str) -> Job:
        """A job whose picture is there."""
        result = self.result(job_id)
        return self.queue.end(job_id, result, step=result.steps)
