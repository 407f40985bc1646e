"""A dataset looked at as a whole, before anything is spent on it: read, decoded, counted, compared, judged.

Nothing is written here and the dataset is never changed; `written` has what is made of it for trainers.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kilnmark.client.batch.plan.tokens import TokenCounter
from kilnmark.keymaps.errors import RefusedPicture
from kilnmark.keymaps.pictures.file import read_picture
from kilnmark.lab.dataset.captions import caption_findings, trigger_of, uncaptioned
from kilnmark.lab.dataset.findings import Code, DatasetFinding, Level, found
from kilnmark.lab.dataset.layouts import found_dataset
from kilnmark.lab.dataset.lengths import caption_lengths, length_findings
from kilnmark.lab.dataset.likeness import outliers, twins
from kilnmark.lab.dataset.looking import PictureLook, look_at_all
from kilnmark.lab.dataset.pairing import CaptionedPicture, PairedDataset
from kilnmark.lab.dataset.pictures import (
    aspects_of,
    count_findings,
    form_findings,
    likeness_findings,
    size_findings,
    sizes_of,
)
from kilnmark.lab.dataset.report import DatasetReport
from kilnmark.lab.dataset.sources import source_findings, sources_of
from kilnmark.lab.dataset.thumbnails import Thumbnails
from kilnmark.lab.run.plan import DatasetPlan, LoraKind
from kilnmark.lab.run.state import Outcome

__all__ = ["ExaminedDataset", "Lesson", "digest_of", "examine"]

_ORDER = {level: at for at, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is to be taught, and to whom.

    Attributes:
        kind: A style or a subject.
        trigger: The words that call it up; empty: nobody named any.
        base: The variant that is trained.
    """

    kind: LoraKind
    trigger: str
    base: str


@dataclass(frozen=True, slots=True)
class ExaminedDataset:
    """A dataset that was looked at.

    Attributes:
        root: The folder that all names are below.
        report: What was found.
        pictures: With their captions, in their order.
        looks: What is known of each, in the same order.
    """

    root: Path
    report: DatasetReport
    pictures: tuple[CaptionedPicture, ...]
    looks: tuple[PictureLook, ...]

    def pairs(self) -> list[tuple[CaptionedPicture, PictureLook]]:
        """What can be trained with: pictures that can be decoded, with a caption or none at all."""
        return [pair for pair in zip(self.pictures, self.looks, strict=True) if pair[1].problem is None]


def examine(
    path: Path,
    plan: DatasetPlan,
    lesson: Lesson,
    *,
    counter: TokenCounter | None = None,
    thumbnails: Thumbnails | None = None,
    seen: Callable[[int, int], object] = lambda done, of: None,  # noqa: ARG005 - those who want to know name them
) -> ExaminedDataset:
    """Look at a dataset.

    Args:
        path: A folder, a `.jsonl` file or a configuration of mflux-train.
        plan: What is asked of it; its own `path` is not looked at.
        lesson: What is to be taught.
        counter: Who counts tokens; None: by the tokenizers that are on this machine.
        thumbnails: Where to keep a small copy of each picture, by its number; None: nowhere.
        seen: Told how many pictures were looked at, of how many, after each.

    Raises:
        DatasetMissing: There is none.
        UnknownVariant: There is no such base.
    """
    paired = found_dataset(path)
    looks: list[PictureLook] = []
    names = [picture.name for picture in paired.pictures]
    for look, thumbnail in look_at_all(paired.listing.root, names):
        if thumbnails is not None and thumbnail is not None:
            thumbnails.keep(len(looks), thumbnail)
        looks.append(look)
        seen(len(looks), len(names))
    report = _report(str(path), paired, looks, plan, lesson, counter or TokenCounter())
    return ExaminedDataset(paired.listing.root, report, paired.pictures, tuple(looks))


def _report(
    called: str,
    paired: PairedDataset,
    looks: Sequence[PictureLook],
    plan: DatasetPlan,
    lesson: Lesson,
    counter: TokenCounter,
) -> DatasetReport:
    pictures = paired.pictures
    whole = [look for look in looks if look.problem is None]
    pairs = _pairs(lesson, pictures, looks)
    trigger = trigger_of(lesson.kind, lesson.trigger, pictures)
    report = DatasetReport(
        dataset=called,
        outcome=Outcome.PASSED,
        kind=lesson.kind,
        trigger=trigger,
        base=lesson.base,
        size=plan.size,
        layout=paired.layout,
        pictures=len(pictures),
        pairs=len(pairs),
        distinct=len({look.pixels for look in pairs}),
        sha256=_digest(pictures, [look.sha256 for look in looks]),
        sizes=sizes_of(whole),
        aspects=aspects_of(whole),
        sources=sources_of(pictures, plan.sources),
        lengths=caption_lengths(pictures, trigger, lesson.base, counter),
        twins=twins(whole),
        outliers=outliers(whole),
        findings=(),
    )
    findings = sorted(_findings(report, paired, looks, plan, lesson), key=lambda finding: _ORDER[finding.level])
    refused = any(finding.level is Level.REFUSE for finding in findings)
    outcome = Outcome.FAILED if refused else Outcome.PASSED
    return msgspec.structs.replace(report, outcome=outcome, findings=tuple(findings))


def _pairs(lesson: Lesson, pictures: Sequence[CaptionedPicture], looks: Sequence[PictureLook]) -> list[PictureLook]:
    """Of pictures that can be trained with: with a caption, or in a style without any."""
    captionless = lesson.kind == "style" and uncaptioned(pictures)
    both = zip(pictures, looks, strict=True)
    return [look for picture, look in both if look.problem is None and (picture.caption or captionless)]


def _findings(
    report: DatasetReport, paired: PairedDataset, looks: Sequence[PictureLook], plan: DatasetPlan, lesson: Lesson
) -> Iterator[DatasetFinding]:
    """All there is to say, in the order in which a dataset is read."""
    whole = [look for look in looks if look.problem is None]
    yield from paired.listing.findings()
    yield from paired.findings
    yield from _unreadable(looks)
    if paired.pictures:
        yield from caption_findings(lesson.kind, lesson.trigger, paired.pictures)
        yield from count_findings(lesson.kind, plan, report.pairs, report.distinct)
        yield from source_findings(report.sources, plan.source_share)
    yield from size_findings(plan, whole)
    yield from form_findings(whole)
    yield from likeness_findings(report.twins, report.outliers)
    yield from length_findings(report.lengths)


def _unreadable(looks: Sequence[PictureLook]) -> list[DatasetFinding]:
    if not looks:
        return [found(Code.NO_PICTURES, "no picture is there", "put PNG, JPEG or WebP files into the folder")]
    problems = [(look.name, look.problem) for look in looks if look.problem is not None]
    if not problems:
        return []
    said = "; ".join(f"{name} {problem}" for name, problem in problems[:3])
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""  # noqa: PLR2004
    return [found(Code.UNREADABLE_PICTURE, said + more, "mend or take away", [name for name, _ in problems])]


def digest_of(path: Path) -> str:
    """What `DatasetReport.sha256` of a dataset is now, without a look at its pictures.

    Raises:
        DatasetMissing: There is none.
    """
    paired = found_dataset(path)
    return _digest(paired.pictures, [_sha256(paired.listing.root / picture.name) for picture in paired.pictures])


def _sha256(path: Path) -> str:
    try:
        return read_picture(path.absolute(), None).sha256
    except RefusedPicture:
        return ""


def _digest(pictures: Sequence[CaptionedPicture], hashes: Sequence[str]) -> str:
    """Over pictures and captions, by name and content, in the order of their names."""
    digest = hashlib.sha256()
    for picture, sha256 in sorted(zip(pictures, hashes, strict=True), key=lambda pair: pair[0].name):
        said = "" if picture.caption is None else hashlib.sha256(picture.caption.encode()).hexdigest()
        digest.update(f"{sha256} {said} ".encode() + picture.name.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()
