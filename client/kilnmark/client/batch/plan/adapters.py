"""The adapter files of a batch: which were planned, whether their scales can be meant, and the hash of what each holds.

Where a file lies and whether it is one, `pack_files` finds out; whether it would engage is for the daemon to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.files.contents import content_hash
from kilnmark.protocol.content.composed import ComposedStyle
from kilnmark.protocol.content.composition import file_problems, scale_problems
from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.content.trust import Trust
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.block_scales import scale_words
from kilnmark.protocol.picture.catalog import row_of

__all__ = ["Hashes", "PlannedAdapter", "TrustedStack", "trusted_stack", "unmet_blocks"]


@dataclass(frozen=True, slots=True)
class PlannedAdapter:
    """One adapter of a planned stack.

    Attributes:
        name: What the style calls it.
        file: As the style names it.
        scale: As the style has it.
        path: Where it lies, absolute, links resolved.
        scales: For some blocks, patterns and scales as the style has them.
        promoted: Its bytes are in its genre's manifest of promoted adapters; None where there is none to be read.
        pinned: The hash that it has to have when it is painted with, since that one is promoted; empty: any.
    """

    name: str
    file: str
    scale: float
    path: str
    scales: tuple[tuple[str, float], ...] = ()
    promoted: bool | None = None
    pinned: str = ""

    @property
    def scale_words(self) -> str:
        """Its scales, for people."""
        return scale_words(self.scale, self.scales)


def unmet_blocks(style: ComposedStyle, paths: Sequence[str]) -> list[Problem]:
    """What is wrong with scales for some blocks on the model that a style wants, in the daemon's words.

    Only files that have such scales are read. One that does not fit the model is left to the daemon, who may paint on
    another.

    Args:
        style: With a stack.
        paths: Where its files lie, in its order.
    """
    asked = [adapter.entry.scales for adapter in style.stack.adapters]
    scaled = [at for at, scales in enumerate(asked) if scales]
    if not scaled:
        return []
    from kilnmark.keymaps.inspection import inspect_file, unmet_scales
    from kilnmark.keymaps.names.shapes import load_shapes

    shapes, row = load_shapes(style.variant), row_of(style.variant)
    found = [inspect_file(paths[at], shapes).inspection for at in scaled]
    sentences = dict(zip(scaled, unmet_scales(found, [asked[at] for at in scaled], row), strict=True))
    return scale_problems(style, [sentences.get(at, "") for at in range(len(asked))])


class TrustedStack(NamedTuple):
    """The adapters of a style, and what is to be said of those that are not promoted.

    Attributes:
        adapters: In stack order; None where its pictures may not be painted.
        problems: Why they may not, and what is wrong with the manifest.
        warnings: Which are not promoted, where they need not be.
    """

    adapters: tuple[PlannedAdapter, ...] | None
    problems: Sequence[Problem]
    warnings: Sequence[Problem]


def trusted_stack(style: ComposedStyle, paths: Sequence[str], trust: Trust, hashes: "Hashes") -> TrustedStack:
    """Hold a stack to its genre's manifest. Files are read only where there is one, or has to be.

    Args:
        paths: Where its files lie, in its order.

    Raises:
        KilnmarkError: One of them cannot be read any more.
    """
    asks = trust.promotions is not None and (trust.is_required or trust.promotions.is_there)
    sha256s = [hashes.of(path) if asks else "" for path in paths]
    found = file_problems(style, trust.sentences(paths, sha256s))
    if trust.is_required and paths and (found or trust.problems):
        return TrustedStack(None, [*trust.problems, *found], ())
    adapters = zip((adapter.entry for adapter in style.stack.adapters), paths, sha256s, strict=True)
    planned = (
        PlannedAdapter(
            each.name,
            each.file,
            each.scale,
            path,
            tuple(each.scales.items()),
            trust.knows(sha256),
            sha256 if trust.is_required else "",
        )
        for each, path, sha256 in adapters
    )
    return TrustedStack(tuple(planned), trust.problems, found)


class Hashes:
    """Content hashes of files, each computed once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, path: str) -> str:
        """SHA-256 of a whole file and of the config beside it, in hex, as reports have it.

        Raises:
            KilnmarkError: One of them cannot be read any more.
        """
        if path not in self._known:
            try:
                self._known[path] = content_hash(path)
            except RefusedFile as error:
                raise KilnmarkError(f"{path} cannot be read any more ({error.problem}); bring it back") from error
        return self._known[path]
