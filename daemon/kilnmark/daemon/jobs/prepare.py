"""What the disk has to be asked before a job can be painted: where its adapters are, and whether its picture is there.

The event loop waits for none of it. Nothing is queued, written or replied here: a job is found ready, or the answer to
it is found instead.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from kilnmark.daemon.asked.admission import Admission
from kilnmark.daemon.asked.stack import locate_now, locate_stack, not_allowed, refusal
from kilnmark.daemon.jobs.events import JobAccepted
from kilnmark.daemon.pictures.cache import PictureCache
from kilnmark.daemon.pictures.hashes import Seen, look_at
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import InternalError, RequestError
from kilnmark.protocol.wire.memory import BaseInfo
from kilnmark.protocol.wire.replies import RenderResult
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["Found", "FoundReady", "MadeBefore", "Preparation", "RefusedStack"]

_log = logging.getLogger(__name__)


class FoundReady(NamedTuple):
    """Where a job's adapters really are, and their files as they were found; None when one could not be looked at.

    Attributes:
        lora_sha256s: What they have to hold when they are painted with; empty: whatever they do.
    """

    lora_paths: Sequence[str]
    seen: Seen | None
    lora_sha256s: Sequence[str] = ()


class MadeBefore(NamedTuple):
    """The result of another job whose picture is the answer to this one."""

    result: RenderResult


class RefusedStack(NamedTuple):
    """The error that a job ends with instead of being painted."""

    error: RequestError
    reports: list[AdapterReport]


Found = FoundReady | MadeBefore | RefusedStack


class Preparation:
    """Prepares jobs for one worker.

    Args:
        lora_roots: Directories that adapters are read from.
        base: Asked for what the worker holds of a variant now; None while it does not hold it.
        admission: Who lets promoted adapters in alone, where no others may be painted with.
    """

    def __init__(
        self,
        lora_roots: Sequence[Path],
        pictures: PictureCache,
        base: Callable[[str], BaseInfo | None],
        admission: Admission,
    ) -> None:
        self._lora_roots = lora_roots
        self._admission = admission
        self._pictures = pictures
        self._base = base
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def promotes_all(self) -> bool:
        """Every render gets promoted adapters only."""
        return self._admission.for_all

    async def demoted(self, command: RenderCommand) -> list[AdapterReport]:
        """A report of each adapter that a render was let in with, and would not be any more."""
        return await self._admission.again(command)

    def at_once(self, facts: JobAccepted) -> FoundReady | None:
        """What is found of a job that the disk need not be asked about; None when it must be."""
        if facts.command.lora_paths:
            return None
        seen = look_at(())
        return None if self._key_of(facts, facts.command, seen) is not None else FoundReady((), seen)

    def begin(self, facts: JobAccepted, on_found: Callable[[JobAccepted, Found], None]) -> None:
        """Find out about a job in a task of its own.

        Args:
            on_found: Called on the loop with what was found; where a defect kept it from that, with the error.
        """
        task = asyncio.get_running_loop().create_task(self._tell(facts, on_found))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _tell(self, facts: JobAccepted, on_found: Callable[[JobAccepted, Found], None]) -> None:
        try:
            found = await self.run(facts)
        except Exception:  # noqa: BLE001 - nobody awaits this task, so the job must hear of every defect
            _log.exception("job %s could not be prepared", facts.job_id)
            problem = "the files of this render could not be looked at; the daemon's log has the traceback"
            found = RefusedStack(InternalError(problem, job_id=facts.job_id), [])
        on_found(facts, found)

    def refused_now(self, facts: JobAccepted, lora_paths: Sequence[str]) -> RefusedStack | None:
        """What a job ends with whose adapters may not be read any more, since the roots are others; None: they may.

        The disk is asked only where that looks to be so.

        Args:
            lora_paths: Where its adapters were, really; none of a job that was not ready.
        """
        roots = [Path(os.path.realpath(root)) for root in self._lora_roots] if lora_paths else []
        if facts.command.on_mismatch == "warn" or all(
            any(Path(path).is_relative_to(root) for root in roots) for path in lora_paths
        ):
            return None
        found = locate_now(facts.command, self._lora_roots)
        return RefusedStack(refusal(facts.command, found.refused), found.refused) if found.refused else None

    async def run(self, facts: JobAccepted) -> Found:
        """Find a job's adapters, and its picture if it was made before."""
        command, seen = facts.command, None
        if command.lora_paths:
            found = await locate_stack(command, self._lora_roots)
            if found.refused and command.on_mismatch == "error":
                return RefusedStack(refusal(command, found.refused), found.refused)
            command, seen = msgspec.structs.replace(command, lora_paths=found.paths), found.seen
        else:
            seen = look_at(())
        admitted = await self._admission.of(command, seen)
        if admitted.refused:
            return RefusedStack(not_allowed(command, admitted.refused), admitted.refused)
        key = self._key_of(facts, command, seen)
        made = None if key is None else await self._pictures.take(key)
        return FoundReady(command.lora_paths, seen, admitted.sha256s) if made is None else MadeBefore(made)

    def _key_of(self, facts: JobAccepted, command: RenderCommand, seen: Seen | None) -> str | None:
        """The key of a picture that was made before and may be this job's answer."""
        return self._pictures.key_of(command, seen, self._base(command.variant)) if facts.may_share else None
