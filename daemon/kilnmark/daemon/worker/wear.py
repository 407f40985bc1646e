"""When a worker has worked so long, or grown so much, that another one should take its place between two renders.

MLX, the libraries under it and the drivers keep what they never give back; a process that ends gives back everything.
Nothing is replaced here; `worker` asks.
"""

from kilnmark.protocol.settings import Settings
from kilnmark.protocol.wire import work

__all__ = ["Wear"]

_MIB = 1 << 20


class Wear:
    """The wear of one worker process after another: `forget` between them.

    Attributes:
        renders: How many it was given.
    """

    def __init__(self) -> None:
        self.renders = 0
        self._under_way: set[str] = set()
        self._at_first: int | None = None
        self._now = 0

    @property
    def is_idle(self) -> bool:
        """It neither paints nor saves."""
        return not self._under_way

    def forget(self) -> None:
        """Another process begins."""
        self.renders = self._now = 0
        self._at_first = None
        self._under_way.clear()

    def rendering(self, job: work.RenderCommand) -> None:
        """It was given a render."""
        self.renders += 1
        self._under_way.add(job.job_id)

    def hear(self, event: work.Event) -> None:
        """It told what it holds, or that a render ended."""
        match event:
            case work.Finished() | work.Failed():
                self._under_way.discard(event.job_id)
            case work.Holding():
                self._now = event.memory.other_bytes
                # What is read, and compiled, for the first picture is no growth.
                if self._at_first is None and self.renders:
                    self._at_first = self._now
            case _:
                pass

    def worn(self, settings: Settings) -> str | None:
        """Why it should be replaced, as a clause; None where it need not be."""
        if settings.recycle_renders and self.renders >= settings.recycle_renders:
            return f"it has painted {self.renders} pictures"
        grown = 0 if self._at_first is None else self._now - self._at_first
        if settings.recycle_growth and grown > settings.recycle_growth:
            return f"it has grown by {grown / _MIB:,.0f} MiB beside what it holds"
        return None
