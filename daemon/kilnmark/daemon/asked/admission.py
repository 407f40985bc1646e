"""Who may come in where promoted adapters alone may: the bytes of a stack, hashed and held against the manifests.

What was let in is told with its hashes, so that the worker takes these bytes or none. A hash that is known already is
not computed again.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from kilnmark.daemon.asked.promotions import Promotions
from kilnmark.daemon.pictures.hashes import FileHashes, Seen
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.files.contents import content_hash
from kilnmark.protocol.picture.block_scales import unmet
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["Admission", "Admitted"]


class Admitted(NamedTuple):
    """What was found of a stack.

    Attributes:
        sha256s: What its files have to hold, in its order; empty where they may hold anything.
        refused: A report of each that may not be painted with.
    """

    sha256s: Sequence[str] = ()
    refused: list[AdapterReport] = []


class Admission:
    """Lets stacks in.

    Args:
        promotions: What the manifests say.
        hashes: What is known of adapter files; read and written on the event loop alone.
        roots: Directories that adapters are read from.
    """

    def __init__(self, promotions: Promotions, hashes: FileHashes, roots: Sequence[Path]) -> None:
        self._promotions = promotions
        self._hashes = hashes
        self._roots = roots

    @property
    def for_all(self) -> bool:
        """Every render gets promoted adapters only."""
        return self._promotions.for_all

    async def of(self, command: RenderCommand, seen: Seen | None) -> Admitted:
        """Look at a stack whose files were found. The disk is asked off the loop.

        Args:
            command: With real paths; one that was not found has the path that it was sent with.
            seen: The files as they were found; None when one could not be looked at.
        """
        if not self._promotions.bind(command):
            return Admitted()
        known = None if seen is None else self._hashes.of(seen.files)
        sha256s, refusals = await asyncio.to_thread(self._looked_at, command, known)
        if refused := _reports(command, sha256s, refusals):
            return Admitted(refused=refused)
        if seen is not None and known is None:
            self._hashes.learn(seen, sha256s)
        return Admitted(sha256s)

    async def again(self, command: RenderCommand) -> list[AdapterReport]:
        """Look whether a stack that was let in, by the hashes in its command, still would be; no file of it is read.

        Returns:
            A report of each adapter that would not.
        """
        look = partial(self._promotions.demotions, command.stack, command.lora_paths, command.lora_sha256s)
        return _reports(command, command.lora_sha256s, await asyncio.to_thread(look))

    def _looked_at(self, command: RenderCommand, known: Sequence[str] | None) -> tuple[Sequence[str], list[str]]:
        """The hash of each file, and why it may not be painted with; one that cannot be read has an empty hash."""
        unread = ["" for _ in command.lora_paths]
        sha256s = list(known or unread)
        for place, path in enumerate(command.lora_paths if known is None else ()):
            try:
                sha256s[place] = content_hash(path, self._roots)
            except RefusedFile as error:
                unread[place] = str(error)
        said = self._promotions.refusals(command.stack, command.lora_paths, sha256s)
        return sha256s, [problem or words for problem, words in zip(unread, said, strict=True)]


def _reports(command: RenderCommand, sha256s: Sequence[str], refusals: Sequence[str]) -> list[AdapterReport]:
    stack = zip(command.lora_names, command.lora_paths, command.lora_scales, command.stack_block_scales, strict=True)
    return [
        AdapterReport(
            name=name,
            path=path,
            sha256=sha256,
            scale=scale,
            verdict=Verdict.REFUSED,
            reason=reason if reason.startswith(path) else f"{name} ({path}) {reason}",
            block_scales=unmet(blocks),
        )
        for (name, path, scale, blocks), sha256, reason in zip(stack, sha256s, refusals, strict=True)
        if reason
    ]
