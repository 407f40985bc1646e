"""What the disk has to be asked before a job can be painted: where its adapters are, and whether its picture is there.

The event loop waits for none of it. Nothing is queued, written or replied here: a job is found ready, or the answer to
it is found instead.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from kilnmark.daemon.asked.stack import locate_stack, refusal
from kilnmark.daemon.jobs.events import JobAccepted
from kilnmark.daemon.pictures.cache import PictureCache
from kilnmark.daemon.pictures.hashes import Seen, look_at
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import AdapterRefused
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["FoundReady", "MadeBefore", "Preparation", "RefusedStack"]


class FoundReady(NamedTuple):
    """Where a job's adapters really are, and their files as they were found; None when one could not be looked at."""

    lora_paths: Sequence[str]
    seen: Seen | None


class MadeBefore(NamedTuple):
    """The result of another job whose picture is the answer to this one."""

    result: RenderResult


class RefusedStack(NamedTuple):
    """The error that a job ends with instead of being painted."""

    error: AdapterRefused
    reports: list[AdapterReport]


class Preparation:
    """Prepares jobs for one worker.

    Args:
        lora_roots: Directories that adapters are read from.
        base: Asked for what the worker holds of a variant now; None while it does not hold it.
    """

    def __init__(
        self, lora_roots: Sequence[Path], pictures: PictureCache, base: Callable[[str], BaseInfo | None]
    ) -> None:
        self._lora_roots = lora_roots
        self._pictures = pictures
        self._base = base

    def at_once(self, facts: JobAccepted) -> FoundReady | None:
        """What is found of a job that the disk need not be asked about; None when it must be."""
        if facts.command.lora_paths:
            return None
        seen = look_at(())
        return None if self._key_of(facts, facts.command, seen) is not None else FoundReady((), seen)

    async def run(self, facts: JobAccepted) -> FoundReady | MadeBefore | RefusedStack:
        """Find a job's adapters, and its picture if it was made before."""
        command, seen = facts.command, None
        if command.lora_paths:
            found = await locate_stack(command, self._lora_roots)
            if found.refused and command.on_mismatch == "error":
                return RefusedStack(refusal(command, found.refused), found.refused)
            command, seen = msgspec.structs.replace(command, lora_paths=found.paths), found.seen
        else:
            seen = look_at(())
        key = self._key_of(facts, command, seen)
        made = None if key is None else await self._pictures.take(key)
        return FoundReady(command.lora_paths, seen) if made is None else MadeBefore(made)

    def _key_of(self, facts: JobAccepted, command: RenderCommand, seen: Seen | None) -> str | None:
        """The key of a picture that was made before and may be this job's answer."""
        return self._pictures.key_of(command, seen, self._base(command.variant)) if facts.may_share else None
