"""What the disk has to be asked before a job can be painted: where its adapters are, and whether its picture is there.

The event loop waits for none of it. Nothing is queued or replied here; a job comes out ready, or with what it ends
with.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from kilnmark.daemon.asked.stack import locate_stack, refusal
from kilnmark.daemon.clock import Clock
from kilnmark.daemon.jobs.jobs import Job
from kilnmark.daemon.jobs.outcome import result_again
from kilnmark.daemon.pictures.cache import PictureCache
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import AdapterRefused
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.replies import RenderResult

__all__ = ["Ending", "Preparation"]


class Ending(NamedTuple):
    """What a job ends with instead of being painted, and the reports it was made of."""

    outcome: RenderResult | AdapterRefused
    reports: Sequence[AdapterReport]


class Preparation:
    """Prepares jobs for one worker.

    Args:
        lora_roots: Directories that adapters are read from.
        base: Asked for what the worker holds of a variant now; None while it does not hold it.
    """

    def __init__(
        self, lora_roots: Sequence[Path], pictures: PictureCache, base: Callable[[str], BaseInfo | None], clock: Clock
    ) -> None:
        self._clock = clock
        self._lora_roots = lora_roots
        self._pictures = pictures
        self._base = base

    def is_needed(self, job: Job) -> bool:
        """There is something to ask the disk for this job."""
        return bool(job.order.lora_paths) or self._key_of(job) is not None

    async def run(self, job: Job) -> Ending | None:
        """Find a job's adapters, and its picture if it was made before; None when it is to be painted."""
        if job.order.lora_paths:
            found = await locate_stack(job.order, self._lora_roots)
            if found.refused and job.order.on_mismatch == "error":
                return Ending(refusal(job.order, found.refused), found.refused)
            job.order = msgspec.structs.replace(job.order, lora_paths=found.paths)
            job.seen = found.seen
        key = self._key_of(job)
        made = None if key is None else await self._pictures.take(key)
        return None if made is None else Ending(result_again(job, made, self._clock.monotonic()), made.loras)

    def _key_of(self, job: Job) -> str | None:
        """The key of a picture that was made before and may be this job's answer."""
        return self._pictures.key_of(job.order, job.seen, self._base(job.order.variant)) if job.may_share else None
