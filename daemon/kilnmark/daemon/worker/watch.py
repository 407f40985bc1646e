"""When a worker counts as hung: a deadline for its beat, for a render's next step, for a save and for a load.

Here it is only seen that something is late; what is done about it is decided in `worker`.
"""

import asyncio
from collections.abc import Callable

from kilnmark.daemon.worker.deadline import Deadline
from kilnmark.daemon.worker.pace import Paces, StepBound
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.pace import PaceInfo

__all__ = ["EXIT_TIMEOUT", "FIRST_BEAT", "LOADING_EXIT_TIMEOUT", "Watch"]

FIRST_BEAT = 60.0
"""Seconds a process may take to its first event: a cold disk reads half a gigabyte of libraries before it can beat."""

EXIT_TIMEOUT = 5.0
"""Seconds a worker that loads nothing is given to follow its exit command."""

LOADING_EXIT_TIMEOUT = 0.5
"""The same while it loads: it cannot listen before it is done, and has nothing to lose."""


class Watch:
    """The deadlines of one worker process after another.

    Args:
        loop: Whose timers run them.
        on_hung: Called with a sentence, `it ...`, when there was no sign of life or of progress in time.
        on_late_load: Called with a sentence when a base was not warm in time.
        on_overstay: Called when a worker that was told to leave has not.
    """

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        *,
        on_hung: Callable[[str], None],
        on_late_load: Callable[[str], None],
        on_overstay: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._loop = loop
        self._on_hung = on_hung
        self._on_late_load = on_late_load
        self._loading = settings.variant
        self._rendering = False
        self._saving: set[str] = set()
        self._paces = Paces()
        self._bound = StepBound(0.0)
        self._beat = Deadline(loop, self._no_beat)
        self._step = Deadline(loop, self._no_step)
        self._save = Deadline(loop, self._not_saved)
        self._load = Deadline(loop, self._not_loaded)
        self._exit = Deadline(loop, on_overstay)

    @property
    def paces(self) -> list[PaceInfo]:
        """How long steps take, of the sizes that this process has painted."""
        return self._paces.info

    def heed(self, settings: Settings) -> None:
        """Take other time-outs, from the next wait on."""
        self._settings = settings

    def started(self) -> None:
        """A process was started and begins to load the daemon's own base."""
        self._loading = self._settings.variant
        self._beat.set(max(FIRST_BEAT, self._settings.beat_timeout))
        self._load.set(self._settings.load_timeout)

    def restart(self) -> None:
        """Time went by in which nobody could be in time: all that is waited for is given its whole time again."""
        self._paces.interrupt()
        for deadline in self._deadlines:
            deadline.restart()

    def rendering(self, job: work.RenderCommand) -> None:
        """The process was given a render."""
        self._rendering = True
        self._paces.begin(job)
        self._go_on()

    def leaving(self, *, listens: bool) -> None:
        """The process was told to leave; `listens`: it loads nothing, so it hears that at once."""
        self._exit.set(EXIT_TIMEOUT if listens else LOADING_EXIT_TIMEOUT)

    def heard(self, event: work.Event) -> None:
        """Every event is a beat; some are what a deadline waits for."""
        self._beat.set(self._settings.beat_timeout)
        match event:
            case work.Loading():
                # A render that waits for the base makes no progress meanwhile, and need not.
                self._loading = event.variant
                self._step.clear()
                self._load.set(self._settings.load_timeout)
            case work.Ready() | work.LoadFailed():
                self._load.clear()
                self._go_on()
            case work.Stepped():
                if self._paces.stepped(event, self._loop.time()):
                    self._go_on()
            case work.Compiling():
                self._go_on()
            case work.Painted():
                self._paces.painted(self._loop.time())
                self._saving.add(event.job_id)
                self._save.set(self._settings.step_timeout)
                self._end_rendering()
            case work.Finished() | work.Failed():
                self._end(event.job_id)
            case work.Beat() | work.Left() | work.Holding():
                pass

    def gone(self) -> None:
        """The process is gone; nothing is waited for."""
        self._rendering = False
        self._saving.clear()
        self._paces.forget()
        for deadline in self._deadlines:
            deadline.clear()

    @property
    def _deadlines(self) -> tuple[Deadline, ...]:
        return self._beat, self._step, self._save, self._load, self._exit

    def _go_on(self) -> None:
        if self._rendering:
            self._bound = self._paces.bound(self._settings.step_timeout)
            self._step.set(self._bound.seconds)

    def _end(self, job_id: str) -> None:
        """A render ended, whether it was being painted or saved."""
        if job_id not in self._saving:
            self._end_rendering()
            return
        self._saving.remove(job_id)
        if not self._saving:
            self._save.clear()

    def _end_rendering(self) -> None:
        self._rendering = False
        self._step.clear()

    def _no_beat(self) -> None:
        self._on_hung(f"it gave no beat for {self._settings.beat_timeout:g} seconds and was killed")

    def _no_step(self) -> None:
        self._on_hung(f"its render made no progress {self._bound}; it was killed")

    def _not_saved(self) -> None:
        self._on_hung(f"it did not save a picture within {self._settings.step_timeout:g} seconds and was killed")

    def _not_loaded(self) -> None:
        self._on_late_load(f"{self._loading} was not warm after {self._settings.load_timeout:g} seconds")
