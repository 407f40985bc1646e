"""The worker as the daemon sees it: kept alive, replaced when it is lost, hangs or has worked enough.

A worker is `warming` until it holds the base it was started for, `ready`, `degraded` when so many were lost, or that
base could not be held, that nobody should wait for the next, or `stopped`. It is never given up. How one process lives
and ends is `life`'s part, and when the next one begins, `restarts`'; what becomes of renders is not decided here:
`WorkerListener` hears what happened.
"""

import asyncio
import logging
from collections.abc import Callable

from kilnmark.daemon.clock import Clock
from kilnmark.daemon.measuring import Measuring
from kilnmark.daemon.worker.ends import Sizes, Spawn, WorkerListener, WorkerState
from kilnmark.daemon.worker.holdings import Answer, Holdings
from kilnmark.daemon.worker.life import Life, LifeEnd
from kilnmark.daemon.worker.restarts import Restarts
from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.asides import Noted, Previewed
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.status import WorkerInfo

__all__ = ["Worker"]

_log = logging.getLogger(__name__)


class Worker:
    """Keeps one worker process going.

    Args:
        spawn: Starts a process.
        loop: Whose timers watch it.
        sizes: What the worker is to be warm for.
        clock: Tells when one was lost.
        on_unheld: Called once, with the reason, where the first base could not be held and none has been before; those
            who waited have been told then.
        measuring: Told of what the worker measures, and when another takes over.

    Attributes:
        state: See `WorkerState`.
        holdings: What the worker holds.
        restarts: How many workers were lost.
        last_error: Why the latest one was lost or could not hold its base; None when none was.
        tries: Those since one was ready; why it is degraded.
        on_preview: Called with what a render seems to come to, while previews are shown.
    """

    def __init__(
        self,
        settings: Settings,
        spawn: Spawn,
        loop: asyncio.AbstractEventLoop,
        sizes: Sizes,
        clock: Clock | None = None,
        on_unheld: Callable[[str], None] | None = None,
        measuring: Measuring | None = None,
    ) -> None:
        self.state: WorkerState = "warming"
        self.holdings = Holdings()
        self.restarts = 0
        self.last_error: str | None = None
        self.tries = Restarts(clock or Clock())
        self.on_preview: Callable[[Previewed], object] = lambda _: None
        self._settings = settings
        self._sizes = sizes
        self._life = Life(settings, spawn, loop, sizes, clock or Clock(), self._heard)
        self._listener: WorkerListener | None = None
        self._on_unheld = on_unheld
        self._measuring = measuring or Measuring()
        self._recycled = self._begun = self._ended = 0
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()

    @property
    def info(self) -> WorkerInfo:
        """The worker as `status` shows it."""
        return WorkerInfo(
            pid=self._life.pid,
            restarts=self.restarts,
            last_error=self.last_error,
            death=self._life.death,
            degraded=self.tries.info,
            renders=self._life.wear.renders,
            recycled=self._recycled,
            paces=self._life.paces,
        )

    @property
    def base(self) -> BaseInfo | None:
        """The base that the worker was started for; None while it is not held."""
        return self.holdings.base_of(self._settings.variant)

    @property
    def lingers(self) -> bool:
        """A process that was told to end, or killed, because something is wrong with it is still there."""
        return self._life.lingers

    def heed(self, settings: Settings) -> None:
        """Take other time-outs and delays."""
        self._settings = settings
        self._life.heed(settings)

    def time_jumped(self) -> None:
        """Time went by in which nobody could be in time: everything that is waited for has its whole time again."""
        self._life.time_jumped()

    def render(self, job: work.RenderCommand) -> None:
        """Start a render. Only when the state is `ready` and no other render is under way."""
        self._sizes.count(job)
        self._life.render(job)

    def announce(self, needed: work.Prefetch | None) -> None:
        """Tell the worker what the render whose turn comes next needs, or that none waits, where that is news."""
        self._life.announce(needed)

    def cancel(self, job_id: str) -> None:
        """Ask the worker to give a render up at its next denoise step."""
        self._life.tell(work.CancelRender(job_id=job_id))

    def show_previews(self, wanted: bool) -> None:  # noqa: FBT001 - a callback's argument
        """Have pictures of renders under way told of, by this worker and those that take over, or no more."""
        self._life.show_previews(wanted)

    async def warm_up(self, variant: str) -> Answer:
        """Wait until a base is warm; while it is degraded a worker is tried at once, and that try waited for.

        Returns:
            The base; why it cannot be held; None when no worker got ready, or it was lost or stopped meanwhile.
        """
        sizes = list((await self._sizes.all()).get(variant, ()))
        if self.state == "degraded":
            await self._tried_again()
        while self.state == "warming":
            await self._changed.wait()
        if self.state != "ready":
            return None
        if (base := self.holdings.base_of(variant)) is not None:
            self._life.tell(work.WarmUp(variant=variant, sizes=sizes))  # it goes on being warm, for what is new too
            return base
        if not self.holdings.is_awaited(variant):
            self._life.tell(work.WarmUp(variant=variant, sizes=sizes))
        return await self.holdings.wait_for(variant)

    async def run(self, listener: WorkerListener) -> None:
        """Keep a worker going until `stop` is called and the last process is gone.

        Args:
            listener: Told what the worker does.
        """
        self._listener = listener
        while not self._stopped:
            self._begun += 1
            end = await self._life.live()
            self._ended += 1
            self.holdings.forget()
            if self._stopped:
                break
            if end.worn is None:
                self._lose(end)
                await self._pause(self.tries.pause(self._settings))
                self.tries.begun()
            else:
                self._recycle(end.worn)

    def stop(self) -> None:
        """Tell the worker to leave, and kill it when it has not after 5 seconds; `run` returns when it is gone."""
        self._become("stopped")
        self._wanted.set()
        self._leave()

    def kill(self) -> None:
        """End the worker at once, without asking."""
        self._life.kill()

    async def _pause(self, seconds: float) -> None:
        """Wait before the next start, or until somebody wants it, or `stop`."""
        wanted = asyncio.ensure_future(self._wanted.wait())
        await asyncio.wait({wanted}, timeout=seconds)
        wanted.cancel()
        self._wanted.clear()

    async def _tried_again(self) -> None:
        """Wait until a try has ended that began no sooner than now, or a worker is ready."""
        last = self._begun + 1
        self._wanted.set()
        while self.state == "degraded" and self._ended < last:
            await self._changed.wait()

    def _heard(self, event: work.Event) -> None:
        match event:
            case work.Loading() | work.Left() | work.Compiling() | work.Holding():
                self.holdings.hear(event)
            case work.Ready():
                self.holdings.hear(event)
                self._warm()
            case work.LoadFailed():
                self.holdings.hear(event)
                if not self._life.is_warm:  # without its first base it is of no use; else it has those that it holds
                    self._life.cannot_hold(event.message)
            case work.Stepped():
                self._told.worker_spoke(event)
            case work.Painted() | work.Finished() | work.Failed():
                self._came_to_an_end(event)
            case Noted():
                self._measuring.noted(event)
            case Previewed():
                self.on_preview(event)
            case work.Beat():
                pass

    def _warm(self) -> None:
        """The first base makes the worker ready; any other is one more that it holds."""
        if self._stopped or self._life.is_warm:
            return
        self._life.is_warm = True
        _log.info("ready: %s is warm", self._settings.variant)
        self._on_unheld = None
        self.tries.ready()
        self._become("ready")
        self._told.worker_ready()

    def _came_to_an_end(self, event: work.Painted | work.Finished | work.Failed) -> None:
        """Between two renders is when a worker that is worn takes no more, and leaves once all is saved."""
        if self.state == "ready" and not self.holdings.awaits_any and self._life.wears_out() is not None:
            self._become("warming")
        self._told.worker_spoke(event)
        if self._life.worn is not None and self._life.wear.is_idle:
            self._leave()

    def _lose(self, end: LifeEnd) -> None:
        """One is lost, or cannot hold its base; where that was too much, those who wait hear of it."""
        was_degraded = self.tries.is_degraded
        if end.unheld is None:
            _log.error("%s", end.reason)
            self.restarts += 1
            self._measuring.replaced("lost")
            self.tries.lost(end.reason)
        else:
            _log.error("the base cannot be held: %s", end.unheld)
            self.tries.not_held(end.unheld)
        degraded = self.tries.info
        self.last_error = end.reason if degraded is None else degraded.reason
        self._become("warming" if degraded is None else "degraded")
        if end.unheld is None:
            self._told.worker_lost(end.reason)
        if degraded is not None and not was_degraded:
            self._told.worker_degraded()
        if end.unheld is not None and self._on_unheld is not None:
            on_unheld, self._on_unheld = self._on_unheld, None
            on_unheld(end.unheld)

    def _recycle(self, worn: str) -> None:
        _log.info("another worker takes over, since %s", worn)
        self._recycled += 1
        self._measuring.replaced("recycled")
        self._told.worker_lost(f"another worker took over, since {worn}")

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
        self._life.leave(listens=self._life.is_warm and self.holdings.loading is None)
