"""A worker that is a fake and says so, for tests of ours and of whoever uses the daemon.

It needs neither mlx nor mflux and starts no process: its events come on the daemon's own loop. It holds every base at
once, paints flat colours whose records say that they are a fake's, and reports each adapter as its script has it. A
script can also let renders wait, fail, or the worker die. How one render goes stands in `fake_render`.
"""

import asyncio
import itertools
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from kilnmark.daemon.worker.fake_render import FakeRender, Holds, Script
from kilnmark.daemon.worker.said import WorkerSaid
from kilnmark.keymaps.files.outputs import OutputFolder
from kilnmark.protocol.picture.spec import PictureSize
from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.asides import ShowPreviews
from kilnmark.protocol.wire.errors import RenderFailed
from kilnmark.protocol.wire.memory import BaseInfo, CompilingInfo, HeldBase, Limits, MemoryInfo

__all__ = ["FakeWorker", "Script"]

BEAT_INTERVAL = 1.0
"""Seconds between beats."""

_FIRST_PID = 1 << 30
"""No process has such a number, so nobody can signal one by mistake."""

_NO_BACKEND = "none"
"""Nothing is computed, so that no picture takes long enough to be a draft for it."""

_NO_LIMITS = Limits(device_bytes=0, base_bytes=0, memory_bytes=0, cache_bytes=0, wired_bytes=None)


class FakeWorker:
    """Starts fake workers, one after another; `spawn` goes where `WorkerProcess.spawn` would.

    Its methods may be called from any thread; each has done its work when it returns.

    Attributes:
        script: What the workers do; it may be changed between renders.
        prefetched: What a worker was told that a waiting render needs, or that none waits, each time.
    """

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.prefetched: list[work.Prefetch] = []
        self._holds = Holds()
        self._pids = itertools.count(_FIRST_PID)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process: _FakeProcess | None = None

    async def spawn(self, on_event: Callable[[work.Event], None], _: Callable[[str], None]) -> "_FakeProcess":
        """Start a fake worker; see `worker.Spawn`."""
        self._loop = asyncio.get_running_loop()
        self._process = _FakeProcess(next(self._pids), self, self._holds, on_event)
        return self._process

    def hold(self, *stages: str) -> None:
        """Let each render wait at these stages until `go`: `adapters`, `encode`, `denoise` (at every step), `decode`,
        `save`; `load` and `compile` let bases wait. Those that wait elsewhere go on; `hold()` lets all go on.
        """
        self._on_loop(lambda: self._holds.set(stages))

    def go(self, steps: int = 1) -> None:
        """Let what waits longest go on to where it has to wait next, this many times."""
        self._on_loop(lambda: self._holds.go(steps))

    def die(self, status: int = -9) -> None:
        """Let the worker be gone: with this exit status, or by this signal where it is negative."""
        self._on_loop(lambda: None if self._process is None else self._process.end(status))

    def fall_silent(self) -> None:
        """Let the worker that runs now hang: it says nothing any more, and heeds nothing but being killed."""
        self._on_loop(lambda: None if self._process is None else self._process.hang())

    def mutter(self, text: str) -> None:
        """Let the worker write a text to its standard error."""
        self._on_loop(lambda: None if self._process is None else self._process.said.take(text.encode()))

    def _on_loop(self, change: Callable[[], object]) -> None:
        """Make a change where the workers live, whoever asks for it."""
        loop = self._loop
        if loop is None or loop.is_closed() or loop is _running_loop():
            change()
            return
        made: Future[object] = Future()
        loop.call_soon_threadsafe(lambda: made.set_result(change()))
        made.result(timeout=60)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class _FakeProcess:
    """One fake worker from its start to its end; a `worker.StartedWorker`."""

    def __init__(self, pid: int, maker: FakeWorker, holds: Holds, on_event: Callable[[work.Event], None]) -> None:
        self.said = WorkerSaid(lambda _: None)
        self._pid = pid
        self._maker = maker
        self._holds = holds
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._status: asyncio.Future[int] = self._loop.create_future()
        self._commands: asyncio.Queue[work.Command] = asyncio.Queue()
        self._cancelled: set[str] = set()
        self._saving: set[asyncio.Task[None]] = set()
        self._held: dict[str, BaseInfo] = {}
        self._sizes: dict[str, list[PictureSize]] = {}
        self._outputs = OutputFolder(Path())
        self._hangs = self._leaves = self._shows = False
        self._work = self._loop.create_task(self._serve())
        self._beat = self._loop.call_later(BEAT_INTERVAL, self._beat_on)

    @property
    def pid(self) -> int:
        """A number that no process has."""
        return self._pid

    def tell(self, command: work.Command) -> None:
        """Take a command; one that is gone hears nothing, and one that hangs heeds nothing."""
        if self._status.done() or self._hangs:
            return
        match command:
            case work.CancelRender():
                self._cancelled.add(command.job_id)
                self._holds.let_pass(command.job_id)
            case work.Prefetch():
                self._maker.prefetched.append(command)
            case ShowPreviews():
                self._shows = command.wanted
            case work.Exit():
                self._leaves = True
                self._holds.end_all()
                self._commands.put_nowait(command)
            case work.RenderCommand():
                self._cancelled.discard(command.job_id)
                self._commands.put_nowait(command)
            case _:
                self._commands.put_nowait(command)

    def kill(self) -> None:
        """End it as SIGKILL would."""
        self.end(-9)

    async def ended(self) -> int:
        """Wait for its end; its exit status."""
        return await asyncio.shield(self._status)

    def end(self, status: int) -> None:
        """Be gone, and everything with it."""
        if self._status.done():
            return
        self._beat.cancel()
        for task in (self._work, *self._saving):
            task.cancel()
        self._status.set_result(status)

    def hang(self) -> None:
        """Say and heed nothing any more."""
        self._hangs = True

    def _say(self, event: work.Event) -> None:
        if not self._hangs and not self._status.done():
            self._on_event(event)

    def _beat_on(self) -> None:
        self._say(work.Beat())
        self._beat = self._loop.call_later(BEAT_INTERVAL, self._beat_on)

    async def _serve(self) -> None:
        while not isinstance(command := await self._commands.get(), work.Exit):
            match command:
                case work.Configure():
                    self._outputs = OutputFolder(Path(command.output_dir), command.picture_mode)
                    self._sizes = command.sizes
                    await self._hold_base(command.variant)
                case work.WarmUp():
                    self._sizes[command.variant] = command.sizes
                    await self._hold_base(command.variant)
                case work.RenderCommand():
                    await self._render(command)
        if self._saving:
            await asyncio.wait(self._saving)
        self._loop.call_soon(self.end, 0)

    async def _hold_base(self, variant: str, *, for_a_render: bool = False) -> BaseInfo | None:
        """Hold a base, and tell of it; None where the script has that it cannot be held."""
        if variant in self._held:
            return self._held[variant]
        self._say(work.Loading(variant=variant, backend=_NO_BACKEND))
        await self._holds.wait("load", variant)
        if (problem := self._maker.script.unheld.get(variant)) is not None:
            self._say(work.LoadFailed(variant=variant, message=problem))
            return None
        base = _fake_base(variant)
        if not for_a_render:
            await self._compile(base)
        self._held[variant] = base
        self._say(work.Holding(memory=self._memory()))
        self._say(work.Ready(base=base))
        return base

    async def _compile(self, base: BaseInfo) -> None:
        """Tell of the first size as one that is compiled for; of the others nothing is told."""
        for width, height in self._sizes.get(base.variant, [])[:1]:
            count = len(self._sizes[base.variant])
            what = CompilingInfo(
                variant=base.variant, width=width, height=height, precision=base.precision, number=1, count=count
            )
            self._say(work.Compiling(what=what))
            await self._holds.wait("compile", base.variant)
            self._say(work.Compiling(what=None))

    def _memory(self) -> MemoryInfo:
        bases = [HeldBase(base=base, declared_bytes=0, last_used="") for base in self._held.values()]
        other = self._maker.script.other_bytes
        return MemoryInfo(limits=_NO_LIMITS, active_bytes=0, cached_bytes=0, bases=bases, other_bytes=other)

    async def _render(self, command: work.RenderCommand) -> None:
        base = await self._hold_base(command.variant, for_a_render=True)
        if base is None:
            problem = self._maker.script.unheld[command.variant]
            self._say(work.Failed(job_id=command.job_id, code=RenderFailed.code, message=problem))
            return
        self._say(work.Holding(memory=self._memory()))
        render = FakeRender(
            command,
            base,
            self._maker.script,
            self._holds,
            self._say,
            lambda: self._leaves or command.job_id in self._cancelled,
            lambda: self._shows,
        )
        if await render.paint():
            task = self._loop.create_task(render.save(self._outputs))
            self._saving.add(task)
            task.add_done_callback(self._saving.discard)


def _fake_base(variant: str) -> BaseInfo:
    return BaseInfo(
        variant=variant,
        fingerprint=f"fake-{variant}",
        precision="none",
        quantize=None,
        backend="cpu",
        target_count=0,
        memory_bytes=0,
        load_ms=0.0,
        mlx_version="none",
        mflux_version="none",
    )
