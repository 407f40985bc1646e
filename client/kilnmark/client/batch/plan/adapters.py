"""The adapter files of a batch: which were planned, whether their scales can be meant, and the hash of what each holds.

Which adapters documents name, `wanted` knows; whether one would engage is for the daemon to say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kilnmark.client.batch.plan.wanted import WantedAdapter
from kilnmark.keymaps.errors import RefusedFile
from kilnmark.keymaps.files.contents import content_hash
from kilnmark.keymaps.files.finder import AdapterFinder
from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.content.trust import Trust
from kilnmark.protocol.errors import KilnmarkError
from kilnmark.protocol.picture.block_scales import scale_words
from kilnmark.protocol.picture.catalog import row_of

__all__ = ["FoundAdapters", "Hashes", "PlannedAdapter", "TrustedStack"]


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
        file_problem: Tells what is wrong with its file, where a document names it.
    """

    name: str
    file: str
    scale: float
    path: str
    scales: tuple[tuple[str, float], ...] = ()
    promoted: bool | None = None
    pinned: str = ""
    file_problem: Callable[[str], Problem] | None = field(default=None, repr=False, compare=False)

    @property
    def scale_words(self) -> str:
        """Its scales, for people."""
        return scale_words(self.scale, self.scales)


class TrustedStack(NamedTuple):
    """Some adapters, and what is to be said of them.

    Attributes:
        adapters: In stack order; None where no picture may be painted with them.
        problems: Why not, and what is wrong with the manifest.
        warnings: Which are not promoted, where they need not be, and which serve at another scale than was verified.
    """

    adapters: tuple[PlannedAdapter, ...] | None
    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()


class FoundAdapters:
    """Finds the adapters of documents, and holds them to what is asked of them.

    Args:
        packs: The folder of packs.
        lora_roots: Further folders that they may lie in.
    """

    def __init__(self, packs: Path, lora_roots: Sequence[Path]) -> None:
        self._packs = packs
        self._finder = AdapterFinder([packs, *lora_roots])
        self._hashes = Hashes()

    def stack(self, wanted: Sequence[WantedAdapter], variant: str, trust: Callable[[], Trust]) -> TrustedStack:
        """Where these lie, if each is there, sound, and good for what is asked of it.

        Args:
            wanted: In stack order.
            variant: The model that they are for.
            trust: What the genre's manifest says of them.

        Raises:
            KilnmarkError: One of them cannot be read any more.
        """
        located = self._finder.named((each.file, self._packs / each.folder) for each in wanted)
        found = [each.file_problem(said) for each, said in zip(wanted, located.problems, strict=True) if said]
        if problems := found or _unmet_blocks(wanted, located.paths, variant):
            return TrustedStack(None, problems)
        return self._trusted(wanted, located.paths, trust())

    def _trusted(self, wanted: Sequence[WantedAdapter], paths: Sequence[str], trust: Trust) -> TrustedStack:
        """Held to the manifest. Files are read only where there is one, or has to be."""
        asks = trust.promotions is not None and (trust.is_required or trust.promotions.is_there)
        sha256s = [self._hashes.of(path) if asks else "" for path in paths]
        sentences = trust.sentences(paths, sha256s)
        found = [each.file_problem(said) for each, said in zip(wanted, sentences, strict=True) if said]
        if trust.is_required and paths and (found or trust.problems):
            return TrustedStack(None, [*trust.problems, *found])
        strengths = [_other_scale(each, trust, sha256) for each, sha256 in zip(wanted, sha256s, strict=True)]
        planned = (
            PlannedAdapter(
                each.name,
                each.file,
                each.scale,
                path,
                tuple(each.scales.items()),
                trust.knows(sha256),
                sha256 if trust.is_required else "",
                each.file_problem,
            )
            for each, path, sha256 in zip(wanted, paths, sha256s, strict=True)
        )
        return TrustedStack(tuple(planned), trust.problems, [*found, *filter(None, strengths)])


def _other_scale(wanted: WantedAdapter, trust: Trust, sha256: str) -> Problem | None:
    """That it serves at another scale than the manifest says; None where it does not."""
    said = trust.other_scale(wanted.name, wanted.scale, wanted.scales, sha256)
    return wanted.scale_problem(said) if said else None


def _unmet_blocks(wanted: Sequence[WantedAdapter], paths: Sequence[str], variant: str) -> list[Problem]:
    """What is wrong with scales for some blocks on a model, in the daemon's words.

    Only files that have such scales are read. One that does not fit the model is left to the daemon, who may paint on
    another.
    """
    scaled = [(each, path) for each, path in zip(wanted, paths, strict=True) if each.scales]
    if not scaled:
        return []
    from kilnmark.keymaps.inspection import inspect_file, unmet_scales
    from kilnmark.keymaps.names.shapes import load_shapes

    shapes, row = load_shapes(variant), row_of(variant)
    found = [inspect_file(path, shapes).inspection for _, path in scaled]
    sentences = unmet_scales(found, [each.scales for each, _ in scaled], row)
    return [each.scales_problem(said) for (each, _), said in zip(scaled, sentences, strict=True) if said]


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
