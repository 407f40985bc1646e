"""What a worker process holds, as far as it has told, and who waits until it holds more.

Nothing is sent from here and no process is known here; `worker` passes on what it hears.
"""

import asyncio
import logging

from kilnmark.protocol.wire import work
from kilnmark.protocol.wire.memory import BaseInfo, CompilingInfo, MemoryInfo

__all__ = ["Answer", "Holdings"]

_log = logging.getLogger(__name__)

_MIB = 1 << 20

Answer = BaseInfo | work.LoadFailed | None
"""What becomes of a base that somebody waits for; None: the process is gone."""


class Holdings:
    """The bases of one worker process after another.

    Attributes:
        memory: What is held; None while there is no process that could tell.
        loading: The variant that is being loaded now.
        compiling: The size that is compiled for now.
        backend: What bases are computed on: `cpu`, `metal` or `cuda`; empty until a worker has told, and as that of the
            last one while there is none.
        backend_told: Set from then on.
    """

    def __init__(self) -> None:
        self.memory: MemoryInfo | None = None
        self.loading: str | None = None
        self.compiling: CompilingInfo | None = None
        self.backend = ""
        self.backend_told = asyncio.Event()
        self._awaited: dict[str, asyncio.Future[Answer]] = {}

    def base_of(self, variant: str) -> BaseInfo | None:
        """The base of a variant; None while it is not held."""
        held = self.memory.bases if self.memory is not None else []
        return next((each.base for each in held if each.base.variant == variant), None)

    @property
    def awaits_any(self) -> bool:
        """Somebody waits for a base."""
        return bool(self._awaited)

    def is_awaited(self, variant: str) -> bool:
        """Somebody waits for it already."""
        return variant in self._awaited

    async def wait_for(self, variant: str) -> Answer:
        """Wait until a base is warm, cannot be held, or the process is gone."""
        if variant not in self._awaited:
            self._awaited[variant] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._awaited[variant])

    def hear(
        self,
        event: work.Loading | work.Ready | work.LoadFailed | work.Left | work.Compiling | work.Holding,
    ) -> None:
        """The process told what it holds, or is about to."""
        match event:
            case work.Loading():
                self.loading = event.variant
                self.backend = event.backend
                self.backend_told.set()
            case work.Ready():
                base = event.base
                _log.info("worker holds %s (%s) after %.0f ms", base.variant, base.backend, base.load_ms)
                self._settle(event.base.variant, event.base)
            case work.LoadFailed():
                _log.error("%s cannot be held: %s", event.variant, event.message)
                self._settle(event.variant, event)
            case work.Left():
                _log.info("%s has left and freed %.0f MiB", event.variant, event.freed_bytes / _MIB)
            case work.Compiling():
                self.compiling = event.what
            case work.Holding():
                self.memory = event.memory

    def forget(self) -> None:
        """The process is gone, and all that it held."""
        self.memory = self.loading = self.compiling = None
        for variant in list(self._awaited):
            self._settle(variant, None)

    def _settle(self, variant: str, answer: Answer) -> None:
        self.loading = None
        awaited = self._awaited.pop(variant, None)
        if awaited is not None and not awaited.done():
            awaited.set_result(answer)
