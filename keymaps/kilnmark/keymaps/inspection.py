"""Adapter files looked at without a base: what each is, what it would change, and the verdict.

The counts and the judgement are those of a render's report; only what needs a base is missing. A file is read once, and
a refused one gets its place in the result like any other. What is shown of it, and to whom, is not known here.
"""

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from kilnmark.keymaps.adapter import Adapter, adapter_of
from kilnmark.keymaps.engagement import describe, describe_refusal, evidence
from kilnmark.keymaps.errors import RefusedFile, UnsafeFile, UnusableScales
from kilnmark.keymaps.files.metadata import read_metadata
from kilnmark.keymaps.files.roots import AnyPath
from kilnmark.keymaps.files.safefile import AdapterFile, read_file
from kilnmark.keymaps.names.blocks import Blocks
from kilnmark.keymaps.names.recognition import recognise
from kilnmark.keymaps.names.shapes import Shapes, load_shapes
from kilnmark.keymaps.names.sorting import sort_keys
from kilnmark.keymaps.nearest.nearest import nearest_of
from kilnmark.keymaps.proportion import before_a_base, proportion_of, root_mean_square
from kilnmark.protocol.picture.catalog import family_of
from kilnmark.protocol.picture.evidence import Evidence
from kilnmark.protocol.picture.family import Variant
from kilnmark.protocol.picture.report import AdapterReport, Verdict
from kilnmark.protocol.picture.verdict import judge
from kilnmark.protocol.wire.inspection import Inspection, Metadata, Nearest, TargetChange

__all__ = ["Inspected", "adapter_files", "inspect_file", "scale_faults", "silenced", "unmet_scales"]

_ENDING = ".safetensors"
_NOT_APPLIED = "is asked for at scale 0 on all that it changes, which applies nothing; give it another, or leave it out"
_VERY_NEAR = 3.0
"""Words by which the unknown names of a refused file may differ from known ones."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """An inspection, and what only people ask for.

    Attributes:
        share: The part of all keys that the convention explains, 0 to 1.
        ranks: How many targets have which rank; those without any are left out.
    """

    inspection: Inspection
    share: float = 0.0
    ranks: Mapping[int, int] = field(default_factory=dict)


def adapter_files(path: str) -> list[str | RefusedFile]:
    """The adapter files that a path stands for: itself, or for a folder every one below it, sorted.

    Whatever bears the ending is listed, also what is no regular file: to refuse it is the reader's part. A folder that
    cannot be listed stands in the list as its refusal. Linked folders are entered, each folder once.
    """
    if not os.path.isdir(path):  # noqa: PTH112 - pathlib's raises where a part of the path cannot be entered
        return [path]
    found: list[str] = []
    refused: list[RefusedFile] = []
    entered: set[str] = set()

    def refuse(error: OSError) -> None:
        problem = f"cannot be listed ({error.strerror})"
        refused.append(UnsafeFile(str(error.filename), problem, "let this user read the folder, or leave it out"))

    for folder, folders, names in os.walk(path, onerror=refuse, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders.sort()
        found += [str(Path(folder, name)) for name in names if name.lower().endswith(_ENDING)]
    return [*sorted(found), *refused]


def inspect_file(listed: str | RefusedFile, shapes: Shapes, *, roots: Sequence[AnyPath] | None = None) -> Inspected:
    """Inspect one file for a model; what is wrong with it is in the answer.

    Args:
        listed: A path, or the refusal that stands in its place.
        shapes: The model's linear layers.
        roots: Directories that adapters may be read from; None allows every place and takes a relative path from the
            current directory.
    """
    if isinstance(listed, RefusedFile):
        return _refused(listed.path, listed)
    asked = listed if roots is not None else str(Path(listed).absolute())
    try:
        file = read_file(listed, roots)
    except RefusedFile as error:
        return _refused(asked, error)
    try:
        adapter = adapter_of(file, shapes)
    except RefusedFile as error:
        return _unfit(file, error, shapes)
    return _judged(adapter, shapes)


def _judged(adapter: Adapter, shapes: Shapes) -> Inspected:
    ratio, vanished, loudest = proportion_of(adapter, shapes)
    found = evidence(adapter, 1.0, vanished=vanished, typical_ratio=ratio, loudest=loudest)
    report = describe(adapter, found, judge(found, before_a_base()))
    targets = [
        TargetChange(update.target, shapes[update.target], update.norm, root_mean_square(update, shapes))
        for update in adapter.updates
    ]
    inspection = msgspec.structs.replace(
        _inspection(report, read_metadata(adapter.metadata), targets, adapter.nearest),
        typical_ratio=ratio,
        rms=_rms(targets),
    )
    ranks = Counter(update.rank for update in adapter.updates if update.rank)
    return Inspected(inspection, adapter.share, ranks)


def _rms(targets: Sequence[TargetChange]) -> float | None:
    """Over all elements of the layers whose update has a size without a base."""
    told = [(target.norm, math.prod(target.shape)) for target in targets if target.norm is not None]
    return math.hypot(*(norm for norm, _ in told)) / math.sqrt(sum(size for _, size in told)) if told else None


def _refused(path: str, error: RefusedFile) -> Inspected:
    return Inspected(_inspection(describe_refusal("", path, Evidence(refusal=str(error))), Metadata(), ()))


def _unfit(file: AdapterFile, error: RefusedFile, shapes: Shapes) -> Inspected:
    """Nothing of the file would be applied, but what was learnt until then is told."""
    recognised = next(iter(recognise(tuple(file.tensors))), None)
    report = msgspec.structs.replace(
        describe_refusal("", file.path, Evidence(refusal=str(error))),
        sha256=file.sha256,
        config_sha256=file.config.sha256 if file.config else "",
        convention=recognised.convention.name if recognised else "",
        total_key_count=len(file.tensors),
    )
    nearest = _nearest(file, report.convention, shapes)
    share = recognised.share if recognised else 0.0
    return Inspected(_inspection(report, read_metadata(file.metadata), (), nearest), share)


def _nearest(file: AdapterFile, convention: str, shapes: Shapes) -> Nearest | None:
    """What its unknown names are most like, where they are so much like it that the refusal may come of them."""
    try:
        sorting = sort_keys(file.path, tuple(file.tensors), shapes)
    except RefusedFile:
        return None
    foreign = set(sorting.foreign)
    unknown = [key for key in sorting.unmatched if key not in foreign]
    return nearest_of(unknown, shapes, usual=convention, far=_VERY_NEAR)


def _inspection(
    report: AdapterReport, metadata: Metadata, targets: Sequence[TargetChange], nearest: Nearest | None = None
) -> Inspection:
    return Inspection(
        path=_utf8(report.path),
        sha256=report.sha256,
        convention=report.convention,
        kind=report.kind,
        rank=report.rank,
        total_key_count=report.total_key_count,
        matched_key_count=report.matched_key_count,
        ignored_keys=report.ignored_keys,
        unmatched_keys=report.unmatched_keys,
        target_count=report.target_count,
        applied_target_count=report.applied_target_count,
        usual_scale=report.usual_scale,
        verdict=report.verdict,
        reason=_utf8(report.reason),
        metadata=metadata,
        targets=tuple(targets),
        nearest=nearest,
        strength_from=report.strength_from,
        made_for=report.made_for,
        config_sha256=report.config_sha256,
    )


def _utf8(text: str) -> str:
    """File names may hold bytes that are no text, and JSON cannot."""
    return text.encode("utf-8", "backslashreplace").decode()


def unmet_scales(
    inspections: Sequence[Inspection], asked: Sequence[Mapping[str, float]], variant: Variant
) -> list[str]:
    """Why scales for some blocks cannot be meant, a sentence for each file; empty where they can, or nobody knows.

    Args:
        inspections: With the layers that each file changes.
        asked: Scales for each file by their patterns.
        variant: The model that they are for.
    """
    if not any(asked):
        return ["" for _ in inspections]
    blocks = Blocks.of(load_shapes(variant.name), family_of(variant))
    return [
        blocks.problem([change.path for change in inspection.targets], scales) if inspection.targets else ""
        for inspection, scales in zip(inspections, asked, strict=True)
    ]


def silenced(inspection: Inspection, scale: float, blocks: Mapping[str, float], variant: Variant) -> str:
    """That a sound adapter is asked for at scale 0 on every layer that it changes, in words; empty where it is not.

    Args:
        inspection: With the layers that its file changes.
        scale: Of those that no pattern matches.
        blocks: Scales for some blocks by their patterns.
        variant: The model that they are for.
    """
    if inspection.verdict is not Verdict.ENGAGED:
        return ""
    if not any((scale, *blocks.values())):
        return _NOT_APPLIED
    if not blocks or not inspection.targets:
        return ""
    known = Blocks.of(load_shapes(variant.name), family_of(variant))
    try:
        found = known.scales([change.path for change in inspection.targets], scale, blocks)
    except UnusableScales:  # which `unmet_scales` tells of
        return ""
    return "" if any(found.scales) else _NOT_APPLIED


def scale_faults(
    inspections: Sequence[Inspection], asked: Sequence[tuple[float, Mapping[str, float]]], variant: Variant
) -> list[str]:
    """What is wrong with the scales of a stack, a sentence for each file: as `unmet_scales`, then as `silenced` has it.

    Args:
        inspections: As of `unmet_scales`.
        asked: The scale of each, and those for some blocks.
        variant: The model that they are for.
    """
    unmet = unmet_scales(inspections, [blocks for _, blocks in asked], variant)
    pairs = zip(inspections, asked, unmet, strict=True)
    return [said or silenced(inspection, *scales, variant) for inspection, scales, said in pairs]
