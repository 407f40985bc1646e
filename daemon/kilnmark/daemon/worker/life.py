"""One worker process after another, each from its start to its end: watched, told what to do, killed when it hangs.

It knows what a process died of. When there is to be another one, and what becomes of renders, is decided in `worker`.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from opentelemetry.trace import get_current_span

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.worker.causes import Deathbed
from kilnmark.daemon.worker.ends import Sizes, Spawn, StartedWorker
from kilnmark.daemon.worker.restarts import utc
from kilnmark.daemon.worker.watch import Watch
from kilnmark.daemon.worker.wear import Wear
from kilnmark.otel.carrier import context_from, trace_id_of
from kilnmark.protocol.logged import JOB_ID, TRACE_ID
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.asides import ShowPreviews
from kilnmark.protocol.wire.pace import PaceInfo
from kilnmark.protocol.wire.status import WorkerDeath

__all__ = ["Life", "LifeEnd"]

_log = logging.getLogger(__name__)

_NOTHING = work.Prefetch(variant="", lora_paths=[])


@dataclass(frozen=True)
class LifeEnd:
    """How a process ended.

    Attributes:
        reason: What it died of, as a sentence.
        unheld: Why it could not hold its base; None where that is not why.
        worn: Why another one takes over, as a clause; None where it was lost.
    """

    reason: str
    unheld: str | None = None
    worn: str | None = None


class Life:
    """The worker process that there is now.

    Args:
        on_event: Called on the loop with each of its events, once it was seen to be alive by it.

    Attributes:
        is_warm: It holds the base that it was started for.
        wear: What it has done.
        worn: Why another one is to take over, as a clause; None while it may go on.
        death: The end of the last one that was lost; None: none was.
    """

    def __init__(
        self,
        settings: Settings,
        spawn: Spawn,
        loop: asyncio.AbstractEventLoop,
        sizes: Sizes,
        clock: Clock,
        on_event: Callable[[work.Event], None],
    ) -> None:
        self.is_warm = False
        self.wear = Wear()
        self.worn: str | None = None
        self.death: WorkerDeath | None = None
        self._settings = settings
        self._spawn = spawn
        self._sizes = sizes
        self._clock = clock
        self._on_event = on_event
        self._process: StartedWorker | None = None
        self._announced = _NOTHING
        self._shows_previews = False
        self._leaves = False
        self._cause: str | None = None
        self._unheld: str | None = None
        self._watch = Watch(
            settings, loop, on_hung=self._kill_because, on_late_load=self._not_loaded, on_overstay=self.kill
        )

    @property
    def pid(self) -> int | None:
        """Of the process; None while there is none."""
        return self._process.pid if self._process else None

    @property
    def lingers(self) -> bool:
        """It was told to end, or killed, because something is wrong with it, and is still there."""
        return self._process is not None and (self._cause or self._unheld) is not None

    def heed(self, settings: Settings) -> None:
        """Take other time-outs, from the next wait on."""
        self._settings = settings
        self._watch.heed(settings)

    def time_jumped(self) -> None:
        """Time went by in which nobody could be in time."""
        self._watch.restart()

    async def live(self) -> LifeEnd:
        """One process from start to end."""
        self._cause = self._unheld = self.worn = None
        self.is_warm = self._leaves = False
        self._announced = _NOTHING
        deathbed = Deathbed()
        try:
            process, sizes = await asyncio.gather(self._spawn(self._heard, self._kill_because), self._sizes.all())
        except OSError as error:
            return LifeEnd(f"the worker could not be started: {error}")
        self._process = process
        _log.info("worker %d started for %s", process.pid, self._settings.variant)
        self._watch.started()
        configuration = self._settings.worker_configuration()
        process.tell(msgspec.structs.replace(configuration, sizes={name: list(each) for name, each in sizes.items()}))
        if self._shows_previews:
            process.tell(ShowPreviews(wanted=True))
        if self._leaves:
            self.leave(listens=False)
        try:
            status = await process.ended()
        finally:
            process.kill()
            self._process = None
            self._watch.gone()
            self.wear.forget()
        cause = self._cause or self._unheld or deathbed.words(status, process.said.words)
        reason = f"worker {process.pid} was lost: {cause}"
        if not self._leaves:
            at = utc(self._clock.wall())
            self.death = WorkerDeath(at=at, pid=process.pid, reason=reason, words=process.said.words)
        return LifeEnd(reason, self._unheld, self.worn)

    def tell(self, command: work.Command) -> None:
        """Send a command; where there is no process it is lost."""
        if self._process is not None:
            self._process.tell(command)

    def render(self, job: work.RenderCommand) -> None:
        """Start a render."""
        self._watch.rendering(job)
        self.wear.rendering(job)
        if self._process is not None:
            trace = trace_id_of(get_current_span(context_from(job.traceparent)))
            self._process.said.belongs = {JOB_ID: job.job_id, TRACE_ID: trace}
        self.tell(job)

    def announce(self, needed: work.Prefetch | None) -> None:
        """Tell what the render whose turn comes next needs, or that none waits, where that is news."""
        needed = needed or _NOTHING
        if needed != self._announced:
            self.tell(needed)
            self._announced = needed

    def show_previews(self, wanted: bool) -> None:  # noqa: FBT001 - a callback's argument
        """Have this process, and those after it, tell of pictures of renders under way, or no more."""
        if wanted is not self._shows_previews:
            self._shows_previews = wanted
            self.tell(ShowPreviews(wanted=wanted))

    @property
    def paces(self) -> list[PaceInfo]:
        """How long its steps take."""
        return self._watch.paces

    def wears_out(self) -> str | None:
        """Why another one is to take over from now on, as a clause; None while it may go on."""
        self.worn = self.worn or self.wear.worn(self._settings)
        return self.worn

    def cannot_hold(self, problem: str) -> None:
        """It has no base, and is of no use."""
        self._unheld = problem
        self.leave(listens=True)

    def leave(self, *, listens: bool) -> None:
        """Tell it to leave; one that has not after a while is killed.

        Args:
            listens: It loads nothing, so it hears that at once.
        """
        self._leaves = True
        if self._process is not None:
            self._process.tell(work.Exit())
            self._watch.leaving(listens=listens)

    def kill(self) -> None:
        """End it at once, without asking."""
        if self._process is not None:
            self._process.kill()

    def _heard(self, event: work.Event) -> None:
        self._watch.heard(event)
        self.wear.hear(event)
        if isinstance(event, work.Finished) and self._process is not None:
            self._process.said.all_is_well()
        self._on_event(event)

    def _kill_because(self, cause: str) -> None:
        self._cause = cause
        self.kill()

    def _not_loaded(self, cause: str) -> None:
        if self.is_warm:
            self._kill_because(cause)
        else:
            self._unheld = cause
            self.kill()
