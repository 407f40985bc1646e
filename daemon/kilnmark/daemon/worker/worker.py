"""The worker as the daemon sees it: kept alive, replaced when it is lost or hangs.

A worker is `warming` until it holds the base it was started for, `ready`, `failed` when that base cannot be held, or
`stopped`. Other bases come and go while it is ready. Whether it hangs, `watch` tells; what becomes of renders is not
decided here: `WorkerListener` hears what happened.
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Literal

import msgspec

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.worker.ends import Sizes, Spawn, StartedWorker, WorkerListener
from kilnmark.daemon.worker.holdings import Answer, Holdings
from kilnmark.daemon.worker.process import words_for_exit
from kilnmark.daemon.worker.watch import Watch
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.status import WorkerDeath, WorkerInfo

__all__ = ["Worker", "WorkerState"]

_log = logging.getLogger(__name__)

WorkerState = Literal["warming", "ready", "failed", "stopped"]

FIRST_DELAY = 0.2
"""Seconds before a lost worker is started again; doubled each time until one is ready."""

DEATHS_WHILE_WARMING = 5
"""Workers lost in a row before any was ready, after which the base counts as one that cannot be held."""

_NOTHING = work.Prefetch(variant="", lora_paths=[])


class Worker:
    """Keeps one worker process going.

    Args:
        spawn: Starts a process.
        loop: Whose timers watch it.
        sizes: What the worker is to be warm for.
        clock: Tells when one was lost.

    Attributes:
        state: See `WorkerState`.
        holdings: What the worker holds.
        restarts: How many workers were lost.
        last_error: Why the latest one was lost or could not hold its base; None when none was.
    """

    def __init__(
        self,
        settings: Settings,
        spawn: Spawn,
        loop: asyncio.AbstractEventLoop,
        sizes: Sizes,
        clock: Clock | None = None,
    ) -> None:
        self.state: WorkerState = "warming"
        self.holdings = Holdings()
        self.restarts = 0
        self.last_error: str | None = None
        self._settings = settings
        self._spawn = spawn
        self._sizes = sizes
        self._clock = clock or Clock()
        self._listener: WorkerListener | None = None
        self._process: StartedWorker | None = None
        self._announced = _NOTHING
        self._warmed = False
        self._death: WorkerDeath | None = None
        self._cause: str | None = None
        self._load_error: str | None = None
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()
        self._watch = Watch(
            settings, loop, on_hung=self._kill_because, on_late_load=self._not_loaded, on_overstay=self.kill
        )

    @property
    def info(self) -> WorkerInfo:
        """The worker as `status` shows it."""
        pid = self._process.pid if self._process else None
        return WorkerInfo(pid=pid, restarts=self.restarts, last_error=self.last_error, death=self._death)

    @property
    def base(self) -> BaseInfo | None:
        """The base that the worker was started for; None while it is not held."""
        return self.holdings.base_of(self._settings.variant)

    @property
    def lingers(self) -> bool:
        """A process that was told to end, or killed, because something is wrong with it is still there."""
        return self._process is not None and (self._cause or self._load_error) is not None

    def heed(self, settings: Settings) -> None:
        """Take other time-outs and delays."""
        self._settings = settings
        self._watch.heed(settings)

    def render(self, job: work.RenderCommand) -> None:
        """Start a render. Only when the state is `ready` and no other render is under way."""
        self._watch.rendering()
        self._sizes.count(job)
        self._tell(job)

    def announce(self, needed: work.Prefetch | None) -> None:
        """Tell the worker what the render whose turn comes next needs, or that none waits, where that is news."""
        needed = needed or _NOTHING
        if needed != self._announced:
            self._tell(needed)
            self._announced = needed

    def cancel(self, job_id: str) -> None:
        """Ask the worker to give a render up at its next denoise step."""
        self._tell(work.CancelRender(job_id=job_id))

    async def warm_up(self, variant: str) -> Answer:
        """Wait until a base is warm, trying again first where the worker's own had failed.

        Returns:
            The base; why it cannot be held; None when the worker has failed, was lost or was stopped meanwhile.
        """
        sizes = list((await self._sizes.all()).get(variant, ()))
        if self.state == "failed":
            self.state = "warming"
            self._wanted.set()
        while self.state == "warming":
            await self._changed.wait()
        if self.state != "ready":
            return None
        if (base := self.holdings.base_of(variant)) is not None:
            self._tell(work.WarmUp(variant=variant, sizes=sizes))  # it is warm, and goes on being so for what is new
            return base
        if not self.holdings.is_awaited(variant):
            self._tell(work.WarmUp(variant=variant, sizes=sizes))
        return await self.holdings.wait_for(variant)

    async def run(self, listener: WorkerListener) -> None:
        """Keep a worker going until `stop` is called and the last process is gone.

        Args:
            listener: Told what the worker does.
        """
        self._listener = listener
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
        self._announced = _NOTHING
        try:
            process, sizes = await asyncio.gather(
                self._spawn(self._heard, self._kill_because),
                self._sizes.all(),
            )
        except OSError as error:
            return f"the worker could not be started: {error}"
        self._process = process
        _log.info("worker %d started for %s", process.pid, self._settings.variant)
        self._watch.started()
        configuration = self._settings.worker_configuration()
        process.tell(msgspec.structs.replace(configuration, sizes={name: list(each) for name, each in sizes.items()}))
        if self._stopped:
            self._leave()
        try:
            status = await process.ended()
        finally:
            process.kill()
            self._process = None
            self._watch.gone()
            self.holdings.forget()
        reason = f"worker {process.pid} was lost: {self._cause or words_for_exit(status)}"
        at = datetime.fromtimestamp(self._clock.wall(), UTC).isoformat(timespec="milliseconds")
        self._death = WorkerDeath(at=at, pid=process.pid, reason=reason, words=process.said.words)
        return reason

    def _heard(self, event: work.Event) -> None:
        self._watch.heard(event)
        match event:
            case work.Loading() | work.Left() | work.Compiling() | work.Holding():
                self.holdings.hear(event)
            case work.Ready():
                self.holdings.hear(event)
                self._warm()
            case work.LoadFailed():
                self.holdings.hear(event)
                self._load_failed(event.message)
            case work.Finished():
                if self._process is not None:
                    self._process.said.all_is_well()
                self._told.worker_spoke(event)
            case work.Stepped() | work.Painted() | work.Failed():
                self._told.worker_spoke(event)
            case work.Beat():
                pass

    def _warm(self) -> None:
        """The first base makes the worker ready; any other is one more that it holds."""
        if self._stopped or self._warmed:
            return
        self._warmed = True
        self._become("ready")
        self._told.worker_ready()

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
        self._told.worker_lost(reason)

    async def _fail(self, reason: str) -> None:
        """The base cannot be held: say so, and wait until somebody wants it tried again."""
        _log.error("the base cannot be held: %s", reason)
        self.last_error = reason
        self._wanted.clear()
        self._become("failed")
        self._told.worker_failed()
        await self._wanted.wait()

    @property
    def _told(self) -> WorkerListener:
        if self._listener is None:
            raise RuntimeError("a worker speaks only while it runs")
        return self._listener

    @property
    def _stopped(self) -> bool:
        return self.state == "stopped"

    def _become(self, state: WorkerState) -> None:
        self.state = state
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _leave(self) -> None:
        if self._process is not None:
            self._process.tell(work.Exit())
            self._watch.leaving(listens=self._warmed and self.holdings.loading is None)

    def _tell(self, command: work.Command) -> None:
        if self._process is not None:
            self._process.tell(command)

    def _kill_because(self, cause: str) -> None:
        self._cause = cause
        self.kill()

    def _not_loaded(self, cause: str) -> None:
        if self._warmed:
            self._kill_because(cause)
        else:
            self._load_error = cause
            self.kill()
