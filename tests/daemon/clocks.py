"""An event loop whose clock only moves when nothing else is to be done, so that no test waits for a time-out."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

__all__ = ["VirtualClockLoop", "run"]


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """An event loop that skips its waits: time passes only as far as the next timer."""

    def __init__(self) -> None:
        super().__init__(_SkippingSelector(self))
        self.now = 0.0

    def time(self) -> float:
        return self.now


class _SkippingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualClockLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self._loop.now += timeout
        return super().select(0)


def run(body: Coroutine[Any, Any, None]) -> None:
    """Run a test's body on such a loop."""
    with asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        runner.run(body)
