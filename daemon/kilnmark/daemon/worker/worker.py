"""The worker as the daemon sees it: kept alive, watched by three deadlines, replaced when it is lost.

A worker is `warming` until it holds the base it was started for, `ready`, `failed` when that base cannot be held, or
`stopped`. Other bases come and go while it is ready. What becomes of renders is not decided here; `WorkerListener`
hears what happened.
"""

import asyncio
import logging
from typing import Literal, Protocol

from kilnmark.daemon.settings import Settings
from kilnmark.daemon.worker.deadline import Deadline
from kilnmark.daemon.worker.holdings import Answer, Holdings
from kilnmark.daemon.worker.process import WorkerProcess, words_for_exit
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.replies import WorkerInfo

__all__ = ["Worker", "WorkerListener", "WorkerState"]

_log = logging.getLogger(__name__)

WorkerState = Literal["warming", "ready", "failed", "stopped"]

FIRST_DELAY = 0.2
"""Seconds before a lost worker is started again; doubled each time until one is ready."""

FIRST_BEAT = 60.0
"""Seconds a process may take to its first event: a cold disk reads half a gigabyte of libraries before it can beat."""

DEATHS_WHILE_WARMING = 5
"""Workers lost in a row before any was ready, after which the base counts as one that cannot be held."""

EXIT_TIMEOUT = 5.0
"""Seconds a worker that loads nothing is given to follow its exit command."""

LOADING_EXIT_TIMEOUT = 0.5
"""The same while it loads: it cannot listen before it is done, and has nothing to lose."""


class WorkerListener(Protocol):
    """Who is told what the worker did. Every call comes on the loop."""

    def worker_ready(self) -> None:
        """The first base is warm and nothing is being rendered."""

    def worker_spoke(self, event: work.Stepped | work.Painted | work.Finished | work.Failed) -> None:
        """A render came further, is painted so that the next may come, or ended."""

    def worker_lost(self, reason: str) -> None:
        """The process is gone, and with it the render it had; another one is on its way."""

    def worker_failed(self) -> None:
        """The first base cannot be held, `last_error` says why; nothing is tried again until `warm_up`."""


class Worker:
    """Keeps one worker process going.

    Attributes:
        state: See `WorkerState`.
        holdings: What the worker holds.
        restarts: How many workers were lost.
        last_error: Why the latest one was lost or could not hold its base; None when none was.
    """

    def __init__(self, settings: Settings, listener: WorkerListener) -> None:
        loop = asyncio.get_running_loop()
        self.state: WorkerState = "warming"
        self.holdings = Holdings()
        self.restarts = 0
        self.last_error: str | None = None
        self._settings = settings
        self._listener = listener
        self._process: WorkerProcess | None = None
        self._rendering = False
        self._saving: set[str] = set()
        self._warmed = False
        self._cause: str | None = None
        self._load_error: str | None = None
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()
        self._beat = Deadline(loop, self._no_beat)
        self._step = Deadline(loop, self._no_step)
        self._save = Deadline(loop, self._not_saved)
        self._load = Deadline(loop, self._not_loaded)
        self._exit = Deadline(loop, self.kill)

    @property
    def info(self) -> WorkerInfo:
        """The worker as `status` shows it."""
        pid = self._process.pid if self._process else None
        return WorkerInfo(pid=pid, restarts=self.restarts, last_error=self.last_error)

    @property
    def base(self) -> BaseInfo | None:
        """The base that the worker was started for; None while it is not held."""
        return self.holdings.base_of(self._settings.variant)

    def render(self, job: work.RenderCommand) -> None:
        """Start a render. Only when the state is `ready` and no other render is under way."""
        self._rendering = True
        self._step.set(self._settings.step_timeout)
        self._tell(job)

    def prefetch(self, variant: str, lora_paths: list[str]) -> None:
        """Tell the worker what a waiting render will need."""
        self._tell(work.Prefetch(variant=variant, lora_paths=lora_paths))

    def cancel(self, job_id: str) -> None:
        """Ask the worker to give a render up at its next denoise step."""
        self._tell(work.CancelRender(job_id=job_id))

    async def warm_up(self, variant: str) -> Answer:
        """Wait until a base is warm, trying again first where the worker's own had failed.

        Returns:
            The base; why it cannot be held; None when the worker has failed, was lost or was stopped meanwhile.
        """
        if self.state == "failed":
            self.state = "warming"
            self._wanted.set()
        while self.state == "warming":
            await self._changed.wait()
        if self.state != "ready":
            return None
        if (base := self.holdings.base_of(variant)) is not None:
            return base
        if not self.holdings.is_awaited(variant):
            self._tell(work.WarmUp(variant=variant))
        return await self.holdings.wait_for(variant)

    async def run(self) -> None:
        """Keep a worker going until `stop` is called and the last process is gone."""
        delay, deaths = FIRST_DELAY, 0
        while not self._stopped:
            reason = await self._live()
            if self._warmed:
                delay, deaths = FIRST_DELAY, 0
            if self._stopped:
                break
            deaths += 1
            if self._load_error or deaths >= DEATHS_WHILE_WARMING:
                await self._fail(self._load_error or f"{deaths} workers in a row were lost while warming; {reason}")
                delay, deaths = FIRST_DELAY, 0
                continue
            self._lose(reason)
            await self._pause(min(delay, self._settings.restart_delay_max))
            delay *= 2

    def stop(self) -> None:
        """Tell the worker to leave, and kill it when it has not after 5 seconds; `run` returns when it is gone."""
        self._become("stopped")
        self._wanted.set()
        self._leave()

    def kill(self) -> None:
        """End the worker at once, without asking."""
        if self._process is not None:
            self._process.kill()

    async def _pause(self, seconds: float) -> None:
        """Wait before the next start, or until `stop`, which is the only change there can be meanwhile."""
        change = asyncio.ensure_future(self._changed.wait())
        await asyncio.wait({change}, timeout=seconds)
        change.cancel()

    async def _live(self) -> str:
        """One process from start to end; why it ended."""
        self._cause = self._load_error = None
        self._warmed = False
        try:
            process = await WorkerProcess.spawn(self._heard, self._kill_because)
        except OSError as error:
            return f"the worker could not be started: {error}"
        self._process = process
        _log.info("worker %d started for %s", process.pid, self._settings.variant)
        self._beat.set(max(FIRST_BEAT, self._settings.beat_timeout))
        self._load.set(self._settings.load_timeout)
        process.tell(self._settings.worker_configuration())
        if self._stopped:
            self._leave()
        try:
            status = await process.ended()
        finally:
            process.kill()
            self._process = None
            self._rendering = False
            self._saving.clear()
            self.holdings.forget()
            for deadline in (self._beat, self._step, self._save, self._load, self._exit):
                deadline.clear()
        return f"worker {process.pid} was lost: {self._cause or words_for_exit(status)}"

    def _heard(self, event: work.Event) -> None:
        self._beat.set(self._settings.beat_timeout)
        if isinstance(event, work.Loading | work.Ready | work.LoadFailed | work.Left | work.Holding):
            self.holdings.hear(event)
        match event:
            case work.Loading():
                self._begin_loading()
            case work.Ready():
                self._end_loading()
                self._warm()
            case work.LoadFailed():
                self._end_loading()
                self._load_failed(event.message)
            case work.Stepped():
                if self._rendering:
                    self._step.set(self._settings.step_timeout)
                self._listener.worker_spoke(event)
            case work.Painted():
                self._saving.add(event.job_id)
                self._save.set(self._settings.step_timeout)
                self._end_rendering()
                self._listener.worker_spoke(event)
            case work.Finished() | work.Failed():
                self._end(event.job_id)
                self._listener.worker_spoke(event)
            case work.Beat() | work.Left() | work.Holding():
                pass

    def _begin_loading(self) -> None:
        """A render that waits for the base makes no progress meanwhile, and need not."""
        self._step.clear()
        self._load.set(self._settings.load_timeout)

    def _end_loading(self) -> None:
        self._load.clear()
        if self._rendering:
            self._step.set(self._settings.step_timeout)

    def _warm(self) -> None:
        """The first base makes the worker ready; any other is one more that it holds."""
        if self._stopped or self._warmed:
            return
        self._warmed = True
        self._become("ready")
        self._listener.worker_ready()

    def _load_failed(self, message: str) -> None:
        """Without its first base the worker is of no use; without another it has those that it holds."""
        if not self._warmed:
            self._load_error = message
            self._leave()

    def _lose(self, reason: str) -> None:
        _log.error("%s", reason)
        self.restarts += 1
        self.last_error = reason
        self._become("warming")
        self._listener.worker_lost(reason)

    async def _fail(self, reason: str) -> None:
        """The base cannot be held: say so, and wait until somebody wants it tried again."""
        _log.error("the base cannot be held: %s", reason)
        self.last_error = reason
        self._wanted.clear()
        self._become("failed")
        self._listener.worker_failed()
        await self._wanted.wait()

    @property
    def _stopped(self) -> bool:
        return self.state == "stopped"

    def _become(self, state: WorkerState) -> None:
        self.state = state
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

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

    def _leave(self) -> None:
        if self._process is not None:
            self._process.tell(work.Exit())
            listens = self._warmed and self.holdings.loading is None
            self._exit.set(EXIT_TIMEOUT if listens else LOADING_EXIT_TIMEOUT)

    def _tell(self, command: work.Command) -> None:
        if self._process is not None:
            self._process.tell(command)

    def _kill_because(self, cause: str) -> None:
        self._cause = cause
        self.kill()

    def _no_beat(self) -> None:
        self._kill_because(f"it gave no beat for {self._settings.beat_timeout:g} seconds and was killed")

    def _no_step(self) -> None:
        self._kill_because(f"its render made no progress for {self._settings.step_timeout:g} seconds; it was killed")

    def _not_saved(self) -> None:
        self._kill_because(f"it did not save a picture within {self._settings.step_timeout:g} seconds and was killed")

    def _not_loaded(self) -> None:
        variant = self.holdings.loading or self._settings.variant
        late = f"{variant} was not warm after {self._settings.load_timeout:g} seconds"
        if self._warmed:
            self._kill_because(late)
        else:
            self._load_error = late
            self.kill()
