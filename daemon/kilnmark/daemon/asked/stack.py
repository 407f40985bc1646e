"""The stack that one request asks for, whichever way it says it: by paths, or by the name of a genre.

By paths it is as it was sent, and its files are looked for when the job is prepared; by genre `packs` has composed it
and found them. Adapters that a request puts behind either are sent by paths. From here on all are one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from kilnmark.daemon.pictures.hashes import Seen, look_at
from kilnmark.keymaps.files.finder import AdapterFinder, Located
from kilnmark.protocol.content.composed import ComposedStyle
from kilnmark.protocol.content.composition import file_problems, stack_info
from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.picture.report import AdapterReport
from kilnmark.protocol.wire.errors import AdapterNotAllowed, AdapterRefused
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.requests import RenderParams
from kilnmark.protocol.wire.stacks import ExtraLora
from kilnmark.protocol.wire.work import RenderCommand

__all__ = ["AskedStack", "StackFiles", "StyledStack", "locate_now", "locate_stack", "not_allowed", "refusal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedStack:
    """A stack as a request asks for it.

    Attributes:
        info: As a reply names it.
        paths, scales: In stack order.
        block_scales: The scales of each for some blocks, by their patterns; none for no adapter having any.
        style: What its genre comes to; None: it was sent by paths.
        warnings: What a reply should say of it.
    """

    info: StackInfo
    paths: Sequence[str]
    scales: Sequence[float]
    block_scales: Sequence[Mapping[str, float]] = ()
    style: ComposedStyle | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of_paths(cls, params: RenderParams) -> "AskedStack":
        """The one that a request sent, or none."""
        names = tuple(Path(path).stem for path in params.lora_paths)
        info = StackInfo(source="paths" if names else "none", tier=params.tier, names=names)
        return cls(info=info, paths=params.lora_paths, scales=params.lora_scales, block_scales=params.lora_block_scales)

    def followed_by(self, extras: Sequence[ExtraLora]) -> "AskedStack":
        """The same with these behind it, which are sent by paths whatever it comes from."""
        if not extras:
            return self
        names = (*self.info.names, *(Path(extra.path).stem for extra in extras))
        source = "paths" if self.info.source == "none" else self.info.source
        before = self.block_scales or [{} for _ in self.paths]
        return replace(
            self,
            info=msgspec.structs.replace(self.info, source=source, names=names),
            paths=[*self.paths, *(extra.path for extra in extras)],
            scales=[*self.scales, *(extra.scale for extra in extras)],
            block_scales=[*before, *(extra.block_scales for extra in extras)],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StyledStack(AskedStack):
    """The stack of a style, its files found or not.

    Attributes:
        refused: A report of each file that is not there or not sound.
        problems: The same where the documents name them.
    """

    style: ComposedStyle
    refused: list[AdapterReport]
    problems: list[Problem]

    @classmethod
    def of_style(cls, style: ComposedStyle, located: Located, warnings: Sequence[str] = ()) -> "StyledStack":
        """The one that a style names, by where its files are."""
        scales = [adapter.entry.scale for adapter in style.stack.adapters]
        block_scales = [adapter.entry.scales for adapter in style.stack.adapters]
        return cls(
            info=stack_info(style),
            paths=located.paths,
            scales=scales,
            block_scales=block_scales,
            style=style,
            refused=located.refused(style.stack.names, scales, block_scales),
            problems=file_problems(style, located.problems),
            warnings=tuple(warnings),
        )

    def refusal(self, job_id: str) -> AdapterRefused | None:
        """A stack whose files are not all there and sound is none, whatever a render does with dead adapters.

        The error names each file, where it is named, and the mend; its `detail` holds the reports and the problems.
        """
        if not self.problems:
            return None
        detail = {"loras": self.refused, "problems": self.problems}
        return AdapterRefused("; ".join(map(str, self.problems)), job_id=job_id, detail=detail)


class StackFiles(NamedTuple):
    """What was found of a stack that is about to be painted.

    Attributes:
        paths: Real paths in stack order; an adapter that is refused keeps the path it was sent with.
        refused: A report for each adapter that is not there or may not be read.
        seen: The files as they are now; None when one of them is refused or could not be looked at.
    """

    paths: list[str]
    refused: list[AdapterReport]
    seen: Seen | None


async def locate_stack(command: RenderCommand, roots: Sequence[Path]) -> StackFiles:
    """Find a command's adapters. A disk may be slow, so it is asked off the loop."""
    return await asyncio.to_thread(locate_now, command, roots)


def refusal(command: RenderCommand, refused: Sequence[AdapterReport]) -> AdapterRefused:
    """The error of a render whose adapters are refused; their reports travel in its detail."""
    reasons = "; ".join(report.reason for report in refused)
    return AdapterRefused(reasons, job_id=command.job_id, detail={"loras": list(refused)})


def not_allowed(command: RenderCommand, refused: Sequence[AdapterReport]) -> AdapterNotAllowed:
    """The same of adapters that are not promoted, where promoted ones alone may be painted with."""
    reasons = "; ".join(report.reason for report in refused)
    return AdapterNotAllowed(reasons, job_id=command.job_id, detail={"loras": list(refused)})


def locate_now(command: RenderCommand, roots: Sequence[Path]) -> StackFiles:
    """As `locate_stack`, by whoever may wait for a disk."""
    located = AdapterFinder(roots).sent(command.lora_paths)
    refused = located.refused(command.lora_names, command.lora_scales, command.stack_block_scales)
    return StackFiles(located.paths, refused, None if refused else _look_at(located.paths))


def _look_at(paths: Sequence[str]) -> Seen | None:
    try:
        return look_at(paths)
    except OSError:
        return None
