"""What a genre, a world and a tier come to, shown before anything is painted: the reply of `style.compose`, and the
document of `kilnmark style compose --json`.

The shapes, and how they are filled from a composed style and from what its files turned out to be.
"""

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

import msgspec

from kilnmark.protocol.content.problems import Problem
from kilnmark.protocol.picture.block_scales import scale_words
from kilnmark.protocol.picture.spec import PictureNumbers
from kilnmark.protocol.wire.inspection import Inspection
from kilnmark.protocol.wire.replies import StackInfo
from kilnmark.protocol.wire.stacks import ExtraLora

if TYPE_CHECKING:
    from kilnmark.protocol.content.composed import ComposedStyle
    from kilnmark.protocol.content.trust import Trust
    from kilnmark.protocol.picture.decide import Decision

__all__ = [
    "ComposedLora",
    "Composition",
    "composition_of",
    "file_problems",
    "scale_problems",
    "stack_files",
    "stack_info",
]


class ComposedLora(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter of the stack.

    Attributes:
        name, scale, scales, trigger: As the document has them.
        file: As the document has it.
        level: Which document named it; `request`: none, it goes behind the style's.
        inspection: What its file is, without a base and without its list of layers.
        promoted: Its bytes are in the genre's manifest of promoted adapters; None where there is no manifest, or none
            that can be read, and where the file could not be.
    """

    name: str
    file: str
    scale: float
    trigger: str | None
    level: Literal["genre", "world", "request"]
    inspection: Inspection
    scales: dict[str, float] = {}
    promoted: bool | None = None

    @property
    def scale_words(self) -> str:
        """Its scales, for people."""
        return scale_words(self.scale, self.scales.items())


class Composition(PictureNumbers, frozen=True, kw_only=True):
    """A render that could be asked for.

    Attributes:
        stack: Where its adapters come from.
        variant: The base that it would be painted on.
        negative_prompt: The style's.
        place: As it was asked for.
        tag: Of the style's `visual_tag_overrides`, the one that the place gets; None where none is meant for it.
        seed: The style's; None: one is drawn for every picture.
        loras: In stack order.
        problems: With the files of the stack, with scales for blocks that they, or the model, do not have, and with
            scales that apply nothing; a render is refused while there is one.
        other_problems: With the documents, and no matter to this render.
        warnings: What the reply of a render would warn of, and which promoted adapters serve at another scale than they
            were verified at.
        require_promoted: Promoted adapters alone may be painted with; one that is not is among the problems.
    """

    stack: StackInfo
    place: str | None = None
    tag: str | None = None
    negative_prompt: str | None
    variant: str
    seed: int | None
    loras: list[ComposedLora]
    problems: list[Problem] = []
    other_problems: list[Problem] = []
    warnings: list[str] = []
    require_promoted: bool = False


def stack_files(style: "ComposedStyle") -> list[tuple[str, str]]:
    """The files of a stack as documents name them, each with the folder of its document, from that of packs."""
    return [(adapter.entry.file, style.folder_of(adapter)) for adapter in style.stack.adapters]


def file_problems(style: "ComposedStyle", sentences: Sequence[str]) -> list[Problem]:
    """What is wrong with the files of a stack, where they are named; a sentence for each, empty where it is sound."""
    pairs = zip(style.stack.adapters, sentences, strict=True)
    return [style.file_problem(adapter, sentence) for adapter, sentence in pairs if sentence]


def scale_problems(style: "ComposedStyle", sentences: Sequence[str], extras: Sequence[ExtraLora] = ()) -> list[Problem]:
    """What is wrong with the scales of a stack on the model that is meant; sentences as those of `file_problems`.

    Args:
        style: With a stack.
        sentences: One an adapter: those of the style, then those behind it.
        extras: The adapters behind it, which no document names.
    """
    pairs = zip(style.stack.adapters, sentences, strict=False)
    found = [
        (style.scales_problem if adapter.entry.scales else style.scale_problem)(adapter, sentence)
        for adapter, sentence in pairs
        if sentence
    ]
    return [*found, *_extra_problems(extras, sentences[len(style.stack.adapters) :])]


def _extra_problems(extras: Sequence[ExtraLora], sentences: Sequence[str]) -> list[Problem]:
    pairs = zip(extras, sentences, strict=True)
    return [Problem(file=extra.path, line=0, message=sentence) for extra, sentence in pairs if sentence]


def _other_scales(
    style: "ComposedStyle", sha256s: Sequence[str], trust: "Trust", extras: Sequence[ExtraLora]
) -> list[Problem]:
    """Which promoted adapters of a stack serve at another scale than they were verified at, where that is named."""
    adapters, own = style.stack.adapters, len(style.stack.adapters)
    entries = [adapter.entry for adapter in adapters]
    pairs = zip(entries, sha256s[:own], strict=True)
    sentences = [trust.other_scale(each.name, each.scale, each.scales, sha256) for each, sha256 in pairs]
    found = [style.scale_problem(*pair) for pair in zip(adapters, sentences, strict=True) if pair[1]]
    behind = [
        trust.other_scale(PurePath(extra.path).stem, extra.scale, extra.block_scales, sha256)
        for extra, sha256 in zip(extras, sha256s[own:], strict=True)
    ]
    return [*found, *_extra_problems(extras, behind)]


def stack_info(style: "ComposedStyle") -> StackInfo:
    """The stack as a render's reply names it."""
    return StackInfo(
        source="style",
        genre=style.pack.genre,
        world=style.pack.world,
        tier=style.tier.name,
        names=style.stack.names,
        excluded=style.stack.excluded,
        triggers=style.stack.triggers,
    )


def _untrusted(
    style: "ComposedStyle", inspections: Sequence[Inspection], trust: "Trust", extras: Sequence[ExtraLora]
) -> list[Problem]:
    """What is wrong with a stack that has to be promoted."""
    if not trust.is_required:
        return []
    sentences = trust.sentences([each.path for each in inspections], [each.sha256 for each in inspections])
    own = len(style.stack.adapters)
    found = [*file_problems(style, sentences[:own]), *_extra_problems(extras, sentences[own:])]
    return [*(trust.problems if inspections else ()), *found]


def _behind(extra: ExtraLora, inspection: Inspection, trust: "Trust") -> ComposedLora:
    """One that the request puts behind a style's."""
    return ComposedLora(
        name=PurePath(extra.path).stem,
        file=extra.path,
        scale=extra.scale,
        scales=extra.block_scales,
        trigger=None,
        level="request",
        inspection=msgspec.structs.replace(inspection, targets=()),
        promoted=trust.knows(inspection.sha256),
    )


def composition_of(
    style: "ComposedStyle",
    decision: "Decision",
    *,
    place: str | None,
    inspections: Sequence[Inspection],
    problems: Sequence[Problem],
    warnings: Sequence[str],
    trust: "Trust",
    extras: Sequence[ExtraLora] = (),
) -> Composition:
    """Fill the document.

    Args:
        style: What was composed.
        decision: What that comes to; without a prompt, the style's own words alone.
        place: The caller's; `style` was composed for it.
        inspections: Of the stack's files, in its order, then of those behind it.
        problems: With those files and their scales.
        warnings: What a render would warn of, beside what the decision does.
        trust: What the genre's manifest says.
        extras: The adapters behind its stack.
    """
    own = len(style.stack.adapters)
    loras = [
        ComposedLora(
            name=adapter.entry.name,
            file=adapter.entry.file,
            scale=adapter.entry.scale,
            scales=dict(adapter.entry.scales),
            trigger=adapter.entry.trigger,
            level=adapter.level,
            inspection=msgspec.structs.replace(inspection, targets=()),
            promoted=trust.knows(inspection.sha256),
        )
        for adapter, inspection in zip(style.stack.adapters, inspections[:own], strict=True)
    ]
    loras += [_behind(*pair, trust) for pair in zip(extras, inspections[own:], strict=True)]
    strengths = _other_scales(style, [each.sha256 for each in inspections], trust, extras)
    stack, fields = stack_info(style), decision.spec.fields_for(Composition)
    if extras:
        stack = msgspec.structs.replace(stack, names=tuple(lora.name for lora in loras))
    if not decision.repeatable:
        fields["seed"] = None
    return Composition(
        **fields,
        stack=stack,
        place=place,
        tag=style.tag,
        loras=loras,
        problems=[*problems, *_untrusted(style, inspections, trust, extras)],
        other_problems=[*style.pack.problems, *(() if trust.is_required else trust.problems)],
        warnings=[*warnings, *decision.warnings, *map(str, strengths)],
        require_promoted=trust.is_required,
    )
